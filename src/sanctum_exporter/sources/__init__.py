"""Where events come from: files, live objects, a simulation."""
