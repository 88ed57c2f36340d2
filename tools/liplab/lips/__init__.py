"""Training the lip model: network, losses, lip code, export, measures."""
