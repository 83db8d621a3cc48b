"""The past: what alerts would have said of it."""
