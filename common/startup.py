"""The exception for a service that cannot start."""


class StartupRefused(Exception):
    """The service cannot start. The message has the reason and the remedy; no traceback is printed."""
