"""What takes a quarter of an hour on real servers, and is too long for every change."""
