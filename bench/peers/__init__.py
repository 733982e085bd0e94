"""The work of a connect in other Python frameworks: read the request, call Validate, answer. No guard, metrics, traces.

The packages of FastAPI and Starlette are in requirements/bench.txt.
"""
