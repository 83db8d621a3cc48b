"""What came of the events: the state of each group, and the one way in."""
