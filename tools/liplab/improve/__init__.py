"""Improving the lip model on what was watched: training, judgement, installation, and the way back."""
