"""How each type of destination is looked at: short questions to programs, nothing changed but a probe file of our own."""
