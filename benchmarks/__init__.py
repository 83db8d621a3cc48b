"""What the exporter costs, beside what others cost; ``python -m benchmarks`` measures it."""
