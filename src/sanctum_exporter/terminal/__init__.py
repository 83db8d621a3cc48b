"""The panel in a terminal: live, or printed once."""
