"""Small services in other Python frameworks that answer a connect: they read the request, call Validate, and answer.

They have no guard, no metrics and no traces. requirements/bench.txt installs FastAPI and Starlette.
"""
