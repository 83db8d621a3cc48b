"""Where values go: each sink reads a ``Publisher`` through the catalogue."""
