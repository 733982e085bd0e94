"""Operating-system errors in messages."""


def reason(error: OSError) -> str:
    """The system's own words, such as "Permission denied", without the path; the error's name where there are none."""
    return error.strerror or type(error).__name__
