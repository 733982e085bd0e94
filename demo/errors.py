"""The error that stops the demonstration."""


class DemoError(Exception):
    """The demonstration cannot continue; the message says why and what to do."""
