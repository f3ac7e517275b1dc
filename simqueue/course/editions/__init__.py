"""Editions of the course for a class: one for students, one for their teacher, from one source."""
