"""A server under more clients than it will ever have."""
