"""Lipwright as a service of the system: installing it, and talking with systemd."""
