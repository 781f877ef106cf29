"""Numbers as people read them."""

from __future__ import annotations

import math
from typing import Any

__all__ = ["complex_number", "count", "percent", "rule_name", "show", "show_any"]

_SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def show(value: float, digits: int = 3) -> str:
    """Return a number with some significant digits, in powers of ten where it is very large or small.

    Example:
        >>> show(-0.012345), show(1.5e-15), show(123456.0), show(0.0)
        ('−0.0123', '1.5·10⁻¹⁵', '123,456', '0')
    """
    if math.isnan(value):
        return "not a number"
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    sign, size = "−" if value < 0 else "", abs(value)
    if size == 0:
        return "0"
    if not 1e-3 <= size < 1e7:
        mantissa, _, power = f"{size:.{digits - 1}e}".partition("e")
        mantissa = mantissa.rstrip("0").rstrip(".") if "." in mantissa else mantissa
        return f"{sign}{mantissa}·10{str(int(power)).translate(_SUPERSCRIPTS)}"
    if size >= 10**digits:
        return f"{sign}{size:,.0f}"
    text = f"{size:.{digits - 1 - math.floor(math.log10(size))}f}"
    return sign + (text.rstrip("0").rstrip(".") if "." in text else text)


def count(value: int) -> str:
    """Return a whole number with separators.

    Example:
        >>> count(44962)
        '44,962'
    """
    return f"{value:,d}"


def percent(share: float) -> str:
    """Return a share as a percentage, never rounded to nothing or to all unless it is.

    Example:
        >>> percent(0.5), percent(0.99971), percent(1.0), percent(0.00714)
        ('50 %', '99.97 %', '100 %', '0.71 %')
    """
    value = 100 * share
    if abs(value) < 1e-12 or abs(value - 100) < 1e-12:
        return f"{value:.0f} %".replace("-", "")
    small = abs(value) < 50
    distance = abs(value) if small else abs(100 - value)
    places = (1 if small else 0) - math.floor(math.log10(distance))
    return f"{value:,.{min(max(places, 0), 12)}f} %".replace("-", "−")


def complex_number(pair: tuple[float, float] | list[float], *, both: bool = False) -> str:
    """Return a complex number; ``both`` for it and its conjugate.

    Example:
        >>> complex_number([-0.0124, 0.515], both=True), complex_number([0.4, 0.0])
        ('−0.0124 ± 0.515i', '0.4')
    """
    real, imaginary = pair
    if imaginary == 0:
        return show(real)
    sign = "±" if both else "+" if imaginary > 0 else "−"
    return f"{show(real)} {sign} {show(abs(imaginary))}i"


def rule_name(name: str) -> str:
    """Return an update rule as papers write it.

    Example:
        >>> rule_name("rmsprop")
        'RMSProp'
    """
    return {"adam": "Adam", "sgd": "plain gradient descent", "rmsprop": "RMSProp"}.get(name, name)


def show_any(value: Any) -> str:
    """Return any plain value of a report as a page shows it."""
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return count(value)
    if isinstance(value, float):
        return show(value)
    if isinstance(value, list) and len(value) == 2 and all(isinstance(v, float) for v in value):
        return complex_number(value)
    if isinstance(value, list):
        return ", ".join(show_any(item) for item in value) or "none"
    return str(value)
