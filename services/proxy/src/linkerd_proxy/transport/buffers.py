"""The buffers that all read callbacks of the process share: what came off the wire, and plaintext.

A callback takes out of them what it needs before it returns, and the event loop runs one callback at a time: so no
connection owns a read buffer, and a megabyte that passes costs no large allocations (which the C library gives back to
the kernel at once and takes again, a page fault for every page).
"""

from mmap import mmap
from typing import Final

RECORD: Final = 16_384
"""The most plaintext that one TLS record holds (RFC 8446 section 5.1)."""
READ_SIZE: Final = 524_288
"""The most that one read takes. Opaque TCP costs a tenth less CPU than with 128 KB: fewer reads and wake-ups."""
SLICE: Final = 32_768
"""What OpenSSL is given at once: its buffers grow to what they once held, and stay so as long as their connection."""


def _buffer(size: int) -> memoryview:
    """Not resident before it is used, unlike a bytearray."""
    return memoryview(mmap(-1, size))


WIRE: Final = _buffer(READ_SIZE)
"""What TLS streams read into."""
PLAIN: Final = _buffer(READ_SIZE + 2 * RECORD)
"""What relays read into, and what TLS streams decrypt into: longer than a read, for what was left of the one before."""
CLEAR: Final = _buffer(RECORD)
"""Where TLS streams gather what is written in pieces, so that records are full."""
