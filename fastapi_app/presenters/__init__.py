"""From what there is to the words, times and numbers that a template or a live frame shows."""
