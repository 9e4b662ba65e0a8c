"""Numbers for people."""

from __future__ import annotations


def decimals(value: float, digits: int, largest: float | None = None) -> str:
    """A number with so many digits after the point, or three that count where those would be 0 or nearly.

    Example:
        >>> decimals(0.81756, 3), decimals(1234.5, 0), decimals(0.000123456, 3)
        ('0.818', '1,234', '0.000123')

    Args:
        value: The number.
        digits: After the point.
        largest: Of numbers that stand beside it and are written alike.
    """
    scale = abs(value if largest is None else largest)
    tiny = digits > 0 and 0 < scale < 10 ** (1 - digits)
    return f"{value:.3g}" if tiny else f"{value:,.{digits}f}"
