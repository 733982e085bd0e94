"""Measures this project on one machine, with nothing but what its virtual environment has. docs/performance.md."""
