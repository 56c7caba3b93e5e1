"""What a machine does already and could be a job here: found by looking, once somebody said yes, and never changed."""
