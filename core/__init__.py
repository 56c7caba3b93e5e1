"""What Holdfast is; it has never heard of the web."""
