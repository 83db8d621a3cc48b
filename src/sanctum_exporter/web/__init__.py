"""The HTTP side: ``/metrics``, health, and a page for people."""
