"""Where programs get the hub from."""

from .output import NissaHub, get_hub

__all__ = ["NissaHub", "get_hub"]
