"""Programs that runs start: each outlives the server under a supervisor of its own, and is taken up again."""
