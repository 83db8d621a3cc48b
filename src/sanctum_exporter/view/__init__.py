"""What people are shown of a source, alike in a terminal, in a browser and as JSON."""
