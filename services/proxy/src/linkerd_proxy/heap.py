"""How the C library keeps this process's heap (mallopt(3)).

glibc gives the top of the heap back to the kernel as soon as 128 KB of it are free, and takes large blocks from the
kernel one by one. A body that passes in blocks of that size then costs a page fault for every page, over and over:
15 % of the proxy's CPU for bodies of 1 MB. So a few megabytes are kept, once they were needed.

What the start leaves free is no such memory: compiled modules are read into blocks that nothing needs afterwards,
between others that stay. `trim` gives those pages back, 4 MB with Python 3.13.
"""

import ctypes

_M_TRIM_THRESHOLD, _M_TOP_PAD, _M_MMAP_THRESHOLD = -1, -2, -3  # malloc.h
KEEP = 4 << 20
"""Bytes of free heap that stay, and the size from which blocks come from the kernel."""
GROW = 1 << 20
"""Bytes that the heap grows by, at least. They are not resident before they are used."""


def keep() -> bool:
    """Set it for this process. False where the C library has no mallopt or refuses (musl): then it is as it was."""
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except AttributeError:
        return False
    return all(
        mallopt(name, value) == 1
        for name, value in ((_M_TRIM_THRESHOLD, KEEP), (_M_TOP_PAD, GROW), (_M_MMAP_THRESHOLD, KEEP))
    )


def trim() -> bool:
    """Give the free pages of the heap back to the kernel now. False where the C library has no malloc_trim (musl)."""
    try:
        malloc_trim = ctypes.CDLL(None).malloc_trim
    except AttributeError:
        return False
    malloc_trim(0)
    return True
