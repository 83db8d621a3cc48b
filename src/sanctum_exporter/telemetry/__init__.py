"""What esper-lite says: events on the wire and alive, and why one cannot be read."""
