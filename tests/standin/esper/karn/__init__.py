"""The aggregator that the terminal reads."""
