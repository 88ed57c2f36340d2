"""Watching people speak: from videos to tracks of lips and sound that a lip model can learn from."""
