"""Random inputs by the million: ``make fuzz`` runs all of it, ``make test`` a thousandth."""
