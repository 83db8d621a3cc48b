"""The ways to publish live events that are compared: a module each, with ``hook`` and ``serve``."""
