"""Judging a lip model: sets of speech it never heard, baselines and peers beside it, the table, the page."""
