"""The same work with other frameworks of Python: read the request, call Validate, answer. No guard, metrics or traces.

Their packages are in requirements/bench.txt.
"""
