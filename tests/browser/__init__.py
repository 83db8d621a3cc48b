"""The page in a real browser: what there is to see, and the eyes."""
