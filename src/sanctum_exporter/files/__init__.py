"""Telemetry files: split into lines, followed as they grow, played again."""
