"""Runs that are over: their recordings as samples for Prometheus, and as tables for notebooks."""
