"""Measured against a yardstick in the same run."""
