"""The exception for a service that cannot start."""


class StartupRefused(Exception):
    """The service cannot start, for a reason that an operator can remedy. The message has both, without a traceback."""
