"""Small words that people read, made in one place."""

__all__ = ["counted"]


def counted(number: int, noun: str) -> str:
    """Count things.

    >>> counted(1, "run"), counted(1200, "run")
    ('1 run', '1,200 runs')
    """
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
