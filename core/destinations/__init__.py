"""Places that copies go to: made, tested and named by an admin; jobs choose them by id."""
