"""The result: eigenvalues with how far they can be trusted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, cast

import numpy as np


def step_bounds(values: np.ndarray) -> np.ndarray:
    """Return ``-2 Re(lambda) / |lambda|^2`` of eigenvalues of a flow, infinite at 0.

    A step of simultaneous descent below it shrinks the mode; where it is negative, none does.
    """
    size = np.abs(values) ** 2
    return np.where(size > 0, -2 * values.real / np.where(size > 0, size, 1.0), np.inf)


@dataclass(frozen=True, eq=False, repr=False)
class Spectrum:
    """Eigenvalues of the Jacobian of a flow or a map at one state, with how far they can be trusted.

    Args:
        eigenvalues: shape (k,), complex128, in the order asked for; a conjugate pair is never cut.
        right: shape (n, k), unit right eigenvectors in columns, or None.
        left: shape (n, k), left eigenvectors with ``left[:, i].conj() @ right[:, j] = (i == j)``, or None.
        residuals: shape (k,), ``|J w - lambda w| / |w|``; where matrix-free, of the iteration, checked by
            one product with ``vjp`` as the message says.
            Each eigenvalue is exact for a Jacobian that far from J; from one of J itself it may be
            ``condition`` times as far.
        growth_rates: shape (k,), per unit of flow time: Re lambda, or ln|mu| / dt for a map.
        critical_step: h*, below which simultaneous descent of the flow is stable,
            ``min -2 Re(lambda) / |lambda|^2``; 0 where no step is; None for a map, or where no
            eigenvalue was found. Over the eigenvalues found: an upper bound unless ``complete``.
        clock: "flow" or "map".
        dt: flow time of one step of the map; 1 for a flow.
        which: the order of the eigenvalues and, where not complete, which ones were sought.
        dim: n, the number of entries of the state.
        complete: whether these are all n eigenvalues.
        converged: whether everything asked for was found, every residual as small as ``tol`` asks.
        products: Jacobian-vector products used, those of ``vjp`` included; a dense Jacobian counts n.
        message: what happened, in words.
        derivatives: "exact" or "central differences".
        label: the system's label.
    """

    eigenvalues: np.ndarray
    right: np.ndarray | None
    left: np.ndarray | None
    residuals: np.ndarray
    growth_rates: np.ndarray
    critical_step: float | None
    clock: Literal["flow", "map"]
    dt: float
    which: str
    dim: int
    complete: bool
    converged: bool
    products: int
    message: str
    derivatives: str
    label: str

    @property
    def condition(self) -> np.ndarray | None:
        """Condition number of each eigenvalue, shape (k,), or None without left eigenvectors.

        An error of size e in the Jacobian moves the eigenvalue by at most about ``condition * e``:
        1 for a normal matrix, infinite at a defective eigenvalue (Wilkinson 1965).
        """
        if self.left is None or self.right is None:
            return None
        sizes = np.linalg.norm(self.left, axis=0) * np.linalg.norm(self.right, axis=0)
        overlaps = np.abs(np.sum(self.left.conj() * self.right, axis=0))
        with np.errstate(divide="ignore"):
            return cast(np.ndarray, sizes / overlaps)

    @property
    def stable(self) -> bool | None:
        """Whether every mode decays; None where the eigenvalues found cannot tell.

        None is the answer when the leading growth rate is zero within its residual (neutral: the
        linearisation does not decide), and when no growing mode was found but the modes of largest
        growth rate were not the ones sought, or did not converge.
        """
        rounding = 10 * np.finfo(float).eps if self.derivatives == "exact" else 1e-8
        slack = self.residuals + rounding * np.max(np.abs(self.eigenvalues), initial=0.0)
        if self.clock == "map":
            size, centre, leading = np.abs(self.eigenvalues), 1.0, "modulus"
        else:
            size, centre, leading = np.real(self.eigenvalues), 0.0, "largest real"
        if np.any(size - slack > centre):
            return False
        sought = self.complete or (self.converged and self.which in ("growth", leading))
        return True if sought and np.all(size + slack < centre) else None

    def __str__(self) -> str:
        shown = ", ".join(f"{value:.4g}" for value in self.eigenvalues[:4])
        more = ", ..." if len(self.eigenvalues) > 4 else ""
        verdict = {True: "stable", False: "unstable", None: "stability undecided"}[self.stable]
        lines = [
            f"Spectrum of {self.label or 'a ' + self.clock}: {len(self.eigenvalues)} of {self.dim} "
            f"eigenvalues by {self.which}, as a {self.clock} {verdict}",
            f"  {shown}{more}",
        ]
        if self.critical_step == 0:
            lines.append("  no step of simultaneous descent is stable (h* = 0)")
        elif self.critical_step is not None:
            relation = "=" if self.complete else "<="
            lines.append(f"  critical step of simultaneous descent h* {relation} {self.critical_step:.6g}")
        lines.append(f"  {self.message}")
        return "\n".join(lines)

    __repr__ = __str__
