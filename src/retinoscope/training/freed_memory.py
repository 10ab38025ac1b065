"""What becomes of the memory that a gradient step takes and frees again."""

from __future__ import annotations

import ctypes
import sys

# Of glibc's malloc.h.
_TRIM_THRESHOLD, _MOST_MAPPED = -1, -4
_NEVER = 2**31 - 1


def keep_freed_memory() -> None:
    """Have this process keep the memory that it frees, to use it again; does nothing where the C library is not glibc.

    A gradient step takes and frees the same hundreds of megabytes as the one before. By default, glibc hands blocks of
    that size back to the system, which clears each page anew when it is first touched: two fifths of the learner's
    processor time.
    """
    if sys.platform != "linux":
        return
    library = ctypes.CDLL(None)
    if hasattr(library, "gnu_get_libc_version"):
        library.mallopt(_MOST_MAPPED, 0)
        library.mallopt(_TRIM_THRESHOLD, _NEVER)
