"""Eigenvalues of a long product of matrices, however far apart: they are kept as logarithms."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

__all__ = ["log_eigenvalues", "multipliers"]

_PASSES = 60
_CUT = 1e-13
_MERGED = 100.0


def log_eigenvalues(pieces: np.ndarray) -> np.ndarray:
    """Return the logarithms of the eigenvalues of ``pieces[-1] @ ... @ pieces[0]``, largest modulus first.

    The factors are never multiplied out. QR steps through them, ``pieces[k] Q_k = Q_{k+1} R_k``, are
    repeated until the first columns of Q return to themselves; the product is then block triangular in that
    basis, and the eigenvalues of each block follow from its own factors, scaled. A block wider than one
    holds values of nearly equal modulus, so that nothing small is lost beside something large.
    Source: Bojanczyk, Golub and Van Dooren 1992, "The periodic Schur decomposition"; Lust 2001.

    Args:
        pieces: shape (m, n, n).

    Returns:
        Shape (n,), complex128; the imaginary part is the argument in (-pi, pi].

    Example:
        >>> shrink = np.array([[0.5, 1.0], [0.0, 1e-4]])
        >>> log_eigenvalues(np.stack([shrink] * 100)).real / np.log(10)
        array([ -30.10299957, -400.        ])
    """
    n, pieces = pieces.shape[1], _merged(pieces)
    basis = np.eye(n)
    for _ in range(_PASSES):
        end, factors = _sweep(pieces, basis)
        turn = basis.T @ end
        if all(np.abs(turn[j:, :j]).max() < _CUT for j in range(1, n)):
            break
        basis = end
    cuts = [0, *(j for j in range(1, n) if np.abs(turn[j:, :j]).max() < _CUT), n]
    blocks = pairwise(cuts)
    values = np.concatenate([_block(factors[:, a:b, a:b], turn[a:b, a:b]) for a, b in blocks])
    return values[np.argsort(-values.real, kind="stable")]


def multipliers(logs: np.ndarray) -> np.ndarray:
    """Return the values of which these are the logarithms, with an imaginary part of 0 for real ones.

    Example:
        >>> multipliers(np.array([0.0, np.log(2) + np.pi * 1j]))
        array([ 1.+0.j, -2.+0.j])
    """
    with np.errstate(over="ignore"):
        values = np.exp(logs)
    return np.where(np.abs(np.sin(logs.imag)) < 1e-12, values.real, values)


def _merged(pieces: np.ndarray) -> np.ndarray:
    """Return fewer factors of the same product, none so far from a rotation that small values drown."""
    merged = [np.eye(pieces.shape[1])]
    for piece in pieces:
        product = piece @ merged[-1]
        if np.linalg.cond(product) < _MERGED:
            merged[-1] = product
        else:
            merged.append(piece)
    return np.array(merged)


def _sweep(pieces: np.ndarray, basis: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the basis behind the last factor, and the triangular factors."""
    factors = np.empty_like(pieces)
    for k, piece in enumerate(pieces):
        basis, factors[k] = np.linalg.qr(piece @ basis)
    return basis, factors


def _block(factors: np.ndarray, turn: np.ndarray) -> np.ndarray:
    """Return the logarithms of the eigenvalues of ``turn @ factors[-1] @ ... @ factors[0]``."""
    product, scale = np.eye(len(turn)), 0.0
    for factor in factors:
        product = factor @ product
        size = np.abs(product).max()
        if size == 0:
            return np.full(len(turn), -np.inf, dtype=complex)
        product, scale = product / size, scale + np.log(size)
    with np.errstate(divide="ignore"):
        return np.asarray(np.log(np.linalg.eigvals(turn @ product).astype(complex)) + scale)
