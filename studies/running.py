"""Studies are run, several at once, each in a process and a folder of its own, and none twice."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from studies.catalogue import Study

#: Files that a run leaves beside the study's own: what was run, and what it printed.
MARKER, OUTPUT = "gallery.json", "output.txt"
HOLDS = "every claim holds"


@dataclass(frozen=True)
class Outcome:
    """What became of a study.

    Args:
        setting: "small" or "full".
        fingerprint: digest of the sources that ran.
        command: what was run.
        code: exit status; None of a run that was interrupted.
        seconds: how long it took.
        finished: when, as an ISO date.
        holds: whether it printed that every claim holds.
        tail: last lines of its output.
    """

    setting: str
    fingerprint: str
    command: str
    code: int | None = None
    seconds: float = 0.0
    finished: str = ""
    holds: bool = False
    tail: str = ""

    @property
    def failed(self) -> bool:
        """Whether the study ran and ended with an error."""
        return self.code not in (0, None)

    def __str__(self) -> str:
        if self.code is None:
            return "interrupted"
        if self.failed:
            return f"failed with exit status {self.code}"
        return HOLDS if self.holds else "finished"


@dataclass(frozen=True)
class Job:
    """A study, to be run at a setting into a folder.

    Args:
        study: the study.
        setting: "small" or "full".
        out: folder for the study's files.
    """

    study: Study
    setting: str
    out: Path

    @property
    def planned(self) -> Outcome:
        """The outcome as far as it is known beforehand."""
        module = f"{self.study.folder.parent.name}.{self.study.name}"
        words = ["python", "-m", module, *self.study.options(self.setting), "--out", str(self.out)]
        return Outcome(self.setting, self.study.fingerprint(), " ".join(words))

    def begun(self) -> Outcome | None:
        """Return what an earlier run of the same sources at the same setting left, if there was one."""
        outcome = read(self.out)
        planned = self.planned
        same = outcome and (outcome.setting, outcome.fingerprint) == (planned.setting, planned.fingerprint)
        return outcome if same else None

    def done(self) -> Outcome | None:
        """Return the outcome of an earlier run that need not be run again, if there was one."""
        outcome = self.begun()
        return outcome if outcome and outcome.code == 0 else None


def read(folder: Path) -> Outcome | None:
    """Return the outcome that a run left in its folder, if there was one."""
    marker = folder / MARKER
    return Outcome(**json.loads(marker.read_text())) if marker.exists() else None


def prepare(jobs: Sequence[Job], fresh: bool) -> None:
    """Make the folders of studies; what other sources or another setting left there is removed.

    An interrupted or failed run of the same sources keeps its files, for studies that can go on.

    Raises:
        FileExistsError: a folder that no gallery has written; nothing is removed.
    """
    for job in jobs:
        if job.out.exists() and any(job.out.iterdir()) and read(job.out) is None:
            raise FileExistsError(
                f"{job.out} holds other files; expected an empty folder: choose another one with --out"
            )
    for job in jobs:
        if job.out.exists() and (fresh or job.begun() is None):
            shutil.rmtree(job.out)
        job.out.mkdir(parents=True, exist_ok=True)


def run(jobs: Sequence[Job], processes: int, report: Callable[[Job, Outcome], None]) -> None:
    """Run studies in prepared folders, so many at once; say when one has ended.

    Args:
        jobs: what to run.
        processes: how many at a time.
        report: called with each job and its outcome, as it ends.

    Raises:
        KeyboardInterrupt: the studies that run are ended first.
    """
    asyncio.run(_run_all(jobs, processes, report))


async def _run_all(jobs: Sequence[Job], processes: int, report: Callable[[Job, Outcome], None]) -> None:
    room = asyncio.Semaphore(processes)
    threads = max(1, (os.cpu_count() or 1) // processes)

    async def take_turn(job: Job) -> None:
        async with room:
            report(job, await _run_one(job, threads))

    async with asyncio.TaskGroup() as group:
        for job in jobs:
            group.create_task(take_turn(job))


async def _run_one(job: Job, threads: int) -> Outcome:
    outcome, started = job.planned, time.perf_counter()
    _write(job, outcome)
    code = await _execute(job, threads)
    text = (job.out / OUTPUT).read_text(errors="replace")
    outcome = replace(
        outcome,
        code=code,
        seconds=round(time.perf_counter() - started, 1),
        finished=datetime.now(UTC).isoformat(timespec="minutes"),
        holds=HOLDS in text,
        tail="\n".join(text.splitlines()[-15:]),
    )
    _write(job, outcome)
    return outcome


async def _execute(job: Job, threads: int) -> int:
    """Run a study with its output to a file; end it when this is cancelled."""
    home = job.study.folder.parent
    options = [*job.study.options(job.setting), "--out", str(job.out.resolve())]
    with (job.out / OUTPUT).open("wb") as file:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", f"{home.name}.{job.study.name}", *options,
            cwd=home.parent, env=_environment(threads), stdout=file, stderr=file,
        )  # fmt: skip
        try:
            return await process.wait()
        finally:
            if process.returncode is None:
                with suppress(ProcessLookupError):
                    process.terminate()
                await process.wait()


def _environment(threads: int) -> dict[str, str]:
    """Return the environment of a study: its share of the cores, no windows, output as it is printed."""
    share = {name: str(threads) for name in ("OMP_NUM_THREADS", "NUMBA_NUM_THREADS")}
    return {**share, **os.environ, "MPLBACKEND": "agg", "PYTHONUNBUFFERED": "1"}


def _write(job: Job, outcome: Outcome) -> None:
    (job.out / MARKER).write_text(json.dumps(asdict(outcome), indent=1) + "\n")
