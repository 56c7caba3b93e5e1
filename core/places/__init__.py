"""The book of destinations: who may make and change them, whether they can be reached, how full they are."""
