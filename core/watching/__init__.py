"""Watching backups that something else makes: are they there, new and large enough, and can they be read."""
