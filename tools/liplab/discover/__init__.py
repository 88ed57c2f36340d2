"""A head discovers its own face: it babbles before a camera, learns what its motors do, and how to speak."""
