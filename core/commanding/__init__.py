"""What commands need: arguments, an environment, limits, what their lines mean, and the files that they leave."""
