"""What a run does with a repository of restic: hear it, leave out the same files, adopt, unlock, read everything in turn."""
