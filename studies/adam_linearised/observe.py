"""What Adam does with a small disturbance, and with a large one."""

import numpy as np

from gandyn import Trajectory, UpdateMap, trajectory

#: Size of the disturbance, in units of eps: then sqrt(v) adds at most so much to eps.
SMALL = 1e-5
WINDOW = 100


def disturbed(step: UpdateMap, n_steps: int, size: float) -> Trajectory:
    """Return the path of Adam from beside the fixed point 0, with m = v = 0: v has settled."""
    start = np.zeros(step.layout.dim)
    start[:2] = size * np.array([1.0, 0.5])
    return trajectory(step, start, n_steps=n_steps, progress=False)


def decays(step: UpdateMap, n_steps: int = 600) -> bool:
    """Return whether a disturbance is smaller in the last 100 steps than in 100 steps early on.

    One that has ever grown a hundredfold does not count: it has woken v, which then shrinks the steps.
    """
    path = disturbed(step, n_steps, SMALL * step.constants["eps"])
    size = np.linalg.norm(path.x[:, :2], axis=1)
    return bool(size[-WINDOW:].max() < size[WINDOW : 2 * WINDOW].max() and size.max() < 100 * size[0])


def observed_eps(step: UpdateMap, low: float, high: float, n_steps: int, halvings: int = 12) -> float:
    """Return the eps at which a disturbance neither grows nor decays, between low and high, by bisection."""
    for _ in range(halvings):
        middle = float(np.sqrt(low * high))
        if decays(step.with_constants(eps=middle), n_steps):
            high = middle
        else:
            low = middle
    return float(np.sqrt(low * high))
