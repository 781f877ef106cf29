"""What kind of point this is: the symmetric and the rotating part of the Jacobian, with what follows."""

from __future__ import annotations

__all__: list[str] = []
