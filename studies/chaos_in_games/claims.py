"""Every claim of the README, asserted of the numbers."""

from collections.abc import Mapping
from typing import Any


def check(numbers: Mapping[str, Any]) -> None:
    """Assert what the README says of these numbers."""
