"""MediaPipe's C++ log, which goes to file descriptor 2 and heeds no setting."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def silenced() -> Iterator[None]:
    """Keep native code from writing to stderr; Python's own `sys.stderr` goes on as before."""
    sys.stderr.flush()
    kept, ours = os.dup(2), sys.stderr
    nowhere = os.open(os.devnull, os.O_WRONLY)
    sys.stderr = os.fdopen(os.dup(2), "w", buffering=1, encoding="utf-8", errors="backslashreplace")
    os.dup2(nowhere, 2)
    os.close(nowhere)
    try:
        yield
    finally:
        sys.stderr.close()
        sys.stderr = ours
        os.dup2(kept, 2)
        os.close(kept)
