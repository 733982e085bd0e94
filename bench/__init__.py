"""Measures the service on one machine, with the packages of its virtual environment. See docs/performance.md."""
