"""What Grafana would display, without its server: real Prometheus, Grafana's own libraries."""
