"""A small stand-in of esper-lite, which keeps the contract that the exporter relies on."""
