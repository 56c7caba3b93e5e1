"""What people have already, read and turned into destinations and jobs: shown first, then made as it was shown."""
