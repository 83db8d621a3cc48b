"""Where values go: each sink reads a ``ReadingSource`` through the catalogue."""
