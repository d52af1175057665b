"""Memory of frames: kept for the next ones, instead of being given back and cleared anew for each."""

import ctypes

# What glibc calls them; another C library has none of it, and is left as it is.
_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3
MESSAGE_BYTES = 8 << 20
KEPT_BYTES = 32 << 20


def keep_memory_of_frames() -> None:
    """Take messages of up to MESSAGE_BYTES from the heap, and keep up to KEPT_BYTES at the end of it.

    By default each message of megabytes is pages of its own, that the kernel
    clears, maps and unmaps: a quarter of all the time of a stream of frames.
    """
    libc = ctypes.CDLL(None)
    if hasattr(libc, "mallopt"):
        libc.mallopt(_MMAP_THRESHOLD, MESSAGE_BYTES)
        libc.mallopt(_TRIM_THRESHOLD, KEPT_BYTES)
