"""Kubernetes' quantities (`250m`, `512Mi`) as numbers."""

from decimal import Decimal, InvalidOperation
from typing import Any, Final

_FACTORS: Final = {
    "n": Decimal("1e-9"),
    "u": Decimal("1e-6"),
    "m": Decimal("1e-3"),
    "k": Decimal(10**3),
    "M": Decimal(10**6),
    "G": Decimal(10**9),
    "T": Decimal(10**12),
    "P": Decimal(10**15),
    "E": Decimal(10**18),
} | {f"{letter}i": Decimal(1024**power) for power, letter in enumerate("KMGTPE", 1)}


def amount(quantity: Any) -> float:
    """`quantity` in its base unit (cores, bytes); 0 where it makes no sense, for one odd pod must not hide a node."""
    text = str(quantity or 0)
    suffix = text.lstrip("+-.0123456789")
    number, factor = text.removesuffix(suffix), _FACTORS.get(suffix)
    if suffix and factor is None:  # an exponent, as in 1e3
        number, factor = text, None
    try:
        return float(Decimal(number) * (factor or 1))
    except InvalidOperation:
        return 0.0
