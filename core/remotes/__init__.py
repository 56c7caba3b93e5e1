"""How rsync, ssh, rclone and restic are told where a destination is, and what their troubles mean."""
