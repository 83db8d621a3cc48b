"""The recording rules and the alerts, as records; ``rules.build`` writes them as YAML."""
