"""Benchmarks of the service. They run on one machine, in the service's virtual environment. See docs/performance.md."""
