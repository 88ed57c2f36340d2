"""Seeing a face: cameras, trackers of lips, chin and upper face, and the frame that turns pixels into mm."""
