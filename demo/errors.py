"""The error that stops the demonstration."""


class DemoError(Exception):
    """The demonstration cannot continue. The message contains the reason."""
