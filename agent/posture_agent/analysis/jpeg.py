"""What a JPEG's header says, and whether the payload may be decoded at all. Never looks at pixels.

Relies on the walk over marker segments in `posture_shared.frame` and on the standard library only, so that the
master's gate can use it without loading OpenCV. Turning pixels into values and back is `pixels`' work.
"""

from typing import Final, NamedTuple

from posture_shared.frame import MAX_IMAGE_BYTES, is_jpeg, segments

MAX_PIXELS: Final = 25_000_000
"""Default limit of width × height: above the 12 and 16 megapixel cameras of a Raspberry Pi, 75 MB decoded."""

MAX_SCANS: Final = 100
"""A progressive JPEG has about ten scans; thousands in a small file are there to cost time."""

_START_OF_FRAME: Final = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_PROGRESSIVE: Final = frozenset({0xC2, 0xC6, 0xCA, 0xCE})
_START_OF_SCAN: Final = 0xDA
_SCAN_MARKER: Final = b"\xff\xda"
_END_OF_IMAGE: Final = b"\xff\xd9"

_KNOWN: Final = (
    (b"\x89PNG\r\n\x1a\n", "PNG picture"),
    (b"GIF8", "GIF picture"),
    (b"BM", "BMP picture"),
    (b"II*\x00", "TIFF picture"),
    (b"MM\x00*", "TIFF picture"),
    (b"%PDF", "PDF document"),
    (b"\xff\x4f\xff\x51", "JPEG 2000 picture"),
    (b"\x00\x00\x00\x0cjP  ", "JPEG 2000 picture"),
    (b"\xff\x0a", "JPEG XL picture"),
    (b"\x1f\x8b", "gzip data"),
    (b"PK\x03\x04", "ZIP archive"),
)


class Unusable(Exception):  # noqa: N818 - a verdict on a payload: returned by `inspect`, raised by decoding
    """Why a payload cannot be analysed, in words for a row's reason."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def inspect(
    data: bytes, *, max_bytes: int = MAX_IMAGE_BYTES, max_pixels: int = MAX_PIXELS
) -> tuple[int, int] | Unusable:
    """Width and height in pixels as the header gives them (before any EXIF rotation), or why not to decode.

    Costs microseconds: the header's segments, and a search for the end-of-image marker from the end.
    """
    if not data:
        return Unusable("empty payload")
    if len(data) > max_bytes:
        return Unusable(f"{len(data)} bytes, at most {max_bytes} are accepted")
    if not is_jpeg(data):
        return Unusable(f"{_kind(data)}, JPEG expected")
    header = _header(data)
    return _why_not(data, header, max_pixels) or (header.width, header.height)


class _Header(NamedTuple):
    width: int = 0
    height: int = 0
    scan_at: int | None = None
    """Where the first scan's data begins."""
    several_scans: bool = False

    @property
    def pixels(self) -> int:
        return self.width * self.height


def _header(data: bytes) -> _Header:
    frame: memoryview | None = None
    for segment in segments(data):
        if segment.marker in _START_OF_FRAME and len(segment.body) >= 6:
            frame = segment.body
            progressive = segment.marker in _PROGRESSIVE
        elif segment.marker == _START_OF_SCAN and frame is not None and segment.body:
            several = progressive or segment.body[0] < frame[5]
            return _Header(*_size(frame), scan_at=segment.end, several_scans=several)
    return _Header(*_size(frame)) if frame is not None else _Header()


def _why_not(data: bytes, header: _Header, max_pixels: int) -> Unusable | None:
    if header.pixels > max_pixels:
        return Unusable(f"{header.width} × {header.height} pixels, at most {max_pixels} pixels are accepted")
    if header.scan_at is None or data.rfind(_END_OF_IMAGE, header.scan_at) < 0:
        # OpenCV fills what is missing with grey and says nothing, so the end marker is looked for here.
        # Compressed data cannot contain it: there, a zero follows every 0xFF.
        return Unusable("truncated JPEG: its end is missing")
    if not header.pixels:
        return Unusable("damaged JPEG: its header gives no size")
    if header.several_scans and data.count(_SCAN_MARKER, header.scan_at) >= MAX_SCANS:
        return Unusable(f"JPEG of more than {MAX_SCANS} scans")
    return None


def _size(frame: memoryview) -> tuple[int, int]:
    return int.from_bytes(frame[3:5], "big"), int.from_bytes(frame[1:3], "big")


def _kind(data: bytes) -> str:
    for magic, name in _KNOWN:
        if data.startswith(magic):
            return name
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "WebP picture"
    if data[4:8] == b"ftyp":
        return "HEIF, AVIF or MP4 file"
    head = data[:64]
    return "text" if all(32 <= byte < 127 or byte in b"\t\r\n" for byte in head) else "unknown data"
