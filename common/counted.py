"""Numbers with their nouns, for messages."""


def counted(number: int, noun: str) -> str:
    """The number and its noun, such as "1 rule" or "2 rules"."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
