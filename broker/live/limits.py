"""How many files and sockets one process may have open: as many as the system allows.

A broker holds a file for every segment that is in use and a socket for every client. The usual
soft limit, 1024, is a courtesy to programs that use ``select``; nothing here does.
"""

import sys

__all__ = ["raise_open_files"]


def raise_open_files() -> int | None:
    """Raise the soft limit of open files to the hard one and return it; None where there is none.

    ``OSError`` says that the system does not grant what it promised. Where it promises no number
    (a hard limit without end), the soft one stays.
    """
    if sys.platform == "win32":
        return None
    import resource  # noqa: PLC0415 - not on every platform

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if resource.RLIM_INFINITY in (soft, hard) or soft == hard:
        return soft
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    except (ValueError, OSError) as error:
        raise OSError(
            f"cannot raise the limit of open files from {soft} to {hard}: {error}; "
            f"set both alike (ulimit -n {soft})"
        ) from error
    return hard
