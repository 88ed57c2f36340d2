"""``lipwright doctor``: what a forum would ask, answered in words, with what helps."""
