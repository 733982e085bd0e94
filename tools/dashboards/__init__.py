"""The code of the Grafana dashboards: `make dashboards` writes them into deploy/grafana."""
