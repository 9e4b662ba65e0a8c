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


def p_in_words(value: float, level: float = 0.05) -> str:
    """A p-value with as many digits as show on which side of the level it lies, three at least.

    Example:
        >>> p_in_words(0.0123456), p_in_words(0.04998), p_in_words(0.05)
        ('0.0123', '0.04998', '0.05')
    """
    digits = 3
    while (float(f"{value:.{digits}g}") < level) != (value < level):
        digits += 1
    return f"{value:.{digits}g}"
