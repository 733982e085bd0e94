"""The work of a connect in other Python frameworks: read the request, call Validate, answer. No guard, metrics, traces.

Their packages are in requirements/bench.txt.
"""
