"""Animations: frames drawn in parallel, written in order, never all in memory."""

from __future__ import annotations

import gc
import itertools
import multiprocessing
import os
import signal
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sized
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias, TypeVar

import cloudpickle
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from tqdm import tqdm

from gandyn.plot.movies import movie_file
from gandyn.plot.styles import style

__all__ = ["Animation", "animate"]

T = TypeVar("T")
#: A figure is full of cycles: after so many frames, those that are done with are swept up, pixels and all.
_SWEEP = 16
_drawn = itertools.count(1)
#: ``draw(figure, frame)`` draws one frame into an empty figure.
Draw: TypeAlias = Callable[[Figure, Any], Any]
#: An encoded frame, and its width and height in pixels.
Encoded: TypeAlias = tuple[bytes, tuple[int, int]]


@dataclass(frozen=True, eq=False, repr=False)
class Animation:
    """A file of moving pictures.

    Args:
        path: the file.
        frames: number of frames.
        fps: frames a second.
        size: width and height of a frame, in pixels.
        seconds: time that drawing and writing took.
    """

    path: str
    frames: int
    fps: float
    size: tuple[int, int]
    seconds: float

    def __str__(self) -> str:
        kilobytes = os.path.getsize(self.path) / 1000 if os.path.exists(self.path) else float("nan")
        return (
            f"Animation {self.path}: {self.frames} frames of {self.size[0]} x {self.size[1]}, "
            f"{self.frames / self.fps:.3g} s at {self.fps:g} a second, {kilobytes:.0f} kB"
        )

    __repr__ = __str__


def animate(
    draw: Draw,
    frames: Iterable[Any],
    path: str | os.PathLike[str],
    *,
    fps: float = 12.0,
    size: tuple[float, float] = (5.0, 4.0),
    dpi: float = 100.0,
    workers: int | None = None,
    title: str = "",
    progress: bool = True,
) -> Animation:
    """Draw each frame into a figure of its own and write a file of moving pictures.

    Frames are drawn by several processes and written in their order as they come; at most two a process
    are in memory, however many there are. The file appears when it is complete: Ctrl-C, or a frame that
    fails, leaves what was there before.

    Args:
        draw: called as ``draw(figure, frame)`` in the ``plot.style()`` of the figure's size, on an empty
            figure. It may be a lambda or a closure; what it holds is sent to every process once.
        frames: what each frame shows: steps, results, arrays. It may be endless work made lazily, such as
            a generator.
        path: ends in ".html" (a page with a player that needs nothing else), ".gif" or ".mp4" (needs the
            program ffmpeg). An existing file is replaced.
        fps: frames a second, > 0.
        size: width and height of the figure, in inches.
        dpi: pixels an inch.
        workers: processes; 1 draws in this one, the default is a process for each core. A script that asks
            for more than 1 must begin its work under ``if __name__ == "__main__":``.
        title: name of the file's content, for the page and for players.
        progress: show a progress bar.

    Returns:
        The animation.

    Raises:
        ValueError: another suffix, no ffmpeg, no folder, no frame, a value out of range, or a draw function
            that changes the size of its figure.
        RuntimeError: a process that ended, or ffmpeg's message.
        KeyboardInterrupt: on Ctrl-C; nothing is left behind.

    Example:
        >>> import tempfile
        >>> def wave(figure, phase):
        ...     x = np.linspace(0, 6, 50)
        ...     figure.add_subplot().plot(x, np.sin(x - phase))
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     film = animate(wave, [0.0, 0.5], f"{folder}/wave.gif", size=(1, 1), workers=1, progress=False)
        >>> film.frames, film.size
        (2, (100, 100))
    """
    target = Path(path)
    writer = movie_file(target)
    workers = _cores() if workers is None else workers
    if not (fps > 0 and dpi > 0 and min(size) > 0 and workers >= 1):
        raise ValueError(
            f"fps, dpi, size and workers must be positive, got {fps}, {dpi}, {size} and {workers}"
        )
    started = time.monotonic()
    render = _Renderer(draw, writer.encode, size, dpi)
    total = len(frames) if isinstance(frames, Sized) else None
    scratch = target.with_name(f".{target.name}.{os.getpid()}.partial")
    bar = tqdm(total=total, desc=target.name, unit="frame", disable=None if progress else True)
    shape: tuple[int, int] | None = None
    count = 0
    try:
        for data, pixels in _all_rendered(render, frames, workers):
            if shape is None:
                shape = pixels
                writer.open(scratch, shape, fps, title or target.stem)
            elif pixels != shape:
                raise ValueError(
                    f"frame {count} has {pixels} pixels, the first {shape}; keep the figure's size"
                )
            writer.add(data)
            count += 1
            bar.update()
        if shape is None:
            raise ValueError("an animation needs at least one frame")
        writer.close()
        os.replace(scratch, target)
    except BaseException:
        if shape is not None:
            writer.abandon()
        raise
    finally:
        bar.close()
        scratch.unlink(missing_ok=True)
    return Animation(str(target), count, fps, shape, time.monotonic() - started)


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@dataclass(frozen=True)
class _Renderer:
    """Draws one frame and encodes it."""

    draw: Draw
    encode: Callable[[np.ndarray], bytes]
    size: tuple[float, float]
    dpi: float

    def __call__(self, index: int, frame: Any) -> Encoded:
        with style(*self.size):
            figure = Figure(figsize=self.size, dpi=self.dpi)
            canvas = FigureCanvasAgg(figure)
            try:
                self.draw(figure, frame)
                canvas.draw()
            except Exception as error:
                error.add_note(f"while drawing frame {index}")
                raise
            pixels = np.asarray(canvas.buffer_rgba())[..., :3].copy()
            figure.clear()
        if next(_drawn) % _SWEEP == 0:
            gc.collect()
        return self.encode(pixels), (pixels.shape[1], pixels.shape[0])


def _all_rendered(render: _Renderer, frames: Iterable[Any], workers: int) -> Iterator[Encoded]:
    """Yield the encoded frames in order."""
    if workers == 1:
        yield from (render(index, frame) for index, frame in enumerate(frames))
        return
    pool = ProcessPoolExecutor(
        workers, multiprocessing.get_context("spawn"), _prepare, (cloudpickle.dumps(render),)
    )
    try:
        jobs = (cloudpickle.dumps((index, frame)) for index, frame in enumerate(frames))
        yield from in_order(pool, _rendered, jobs, 2 * workers)
    except BrokenProcessPool as error:
        raise RuntimeError(
            'a process that draws frames ended; begin the work of a script under if __name__ == "__main__":, '
            "or pass workers=1"
        ) from error
    finally:
        pool.shutdown(cancel_futures=True)


def in_order(pool: Executor, work: Callable[[Any], T], jobs: Iterable[Any], ahead: int) -> Iterator[T]:
    """Yield the results of jobs in their order, with at most ``ahead`` of them handed out at a time.

    Example:
        >>> from concurrent.futures import ThreadPoolExecutor
        >>> with ThreadPoolExecutor(2) as pool:
        ...     list(in_order(pool, abs, [-1, 2, -3], 2))
        [1, 2, 3]
    """
    waiting: deque[Future[T]] = deque()
    for job in jobs:
        waiting.append(pool.submit(work, job))
        if len(waiting) >= ahead:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()


_shipped: list[Any] = []


def _prepare(renderer: bytes) -> None:
    """Make a process ready: one thread for each, and Ctrl-C left to the parent."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ.setdefault(name, "1")
    _shipped[:] = [renderer]


def _rendered(job: bytes) -> Encoded:
    """Render a frame in a process that is ready; the renderer is unpacked with the first."""
    if isinstance(_shipped[0], bytes):
        _shipped[0] = cloudpickle.loads(_shipped[0])
    result: Encoded = _shipped[0](*cloudpickle.loads(job))
    return result
