"""What decoding a stranger's bytes may raise, said once so that no reader of messages forgets a part of it."""

from typing import Final

import msgspec

NONSENSE: Final = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""RecursionError: a thousand nested brackets are enough for it, also in a field that nobody reads."""
