"""Run all studies, and write one page with every figure and what it claims."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from tqdm import tqdm

from studies import page, running
from studies.catalogue import choose, find
from studies.running import Job, Outcome


def main(arguments: Sequence[str] | None = None, folder: Path = Path(__file__).parent) -> int:
    """Run the studies of a folder that have not been run, write the page, return the exit status."""
    parser = _parser()
    chosen = parser.parse_args(arguments)
    studies = find(folder)
    jobs = [Job(study, chosen.setting, chosen.out / study.name) for study in studies]
    try:
        asked = {study.name for study in choose(studies, chosen.only)}
        before = {job.study.name: outcome for job in jobs if (outcome := job.done())}
        due = asked if chosen.fresh else asked - set(before)
        missing = [job for job in jobs if job.study.name in due]
        running.prepare(missing, chosen.fresh)
    except (ValueError, FileExistsError) as error:
        parser.error(str(error))
    kept = {name: outcome for name, outcome in before.items() if name not in due}
    outcomes, interrupted = _run(missing, kept, chosen.processes)
    shown = [job for job in jobs if job.study.name in asked | set(outcomes)]
    print(f"open {page.write(chosen.out, chosen.setting, shown, outcomes)}")
    return 130 if interrupted else int(any(outcome.failed for outcome in outcomes.values()))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, prog="python -m studies")
    setting = parser.add_mutually_exclusive_group()
    setting.add_argument(
        "--small", action="store_const", const="small", dest="setting",
        help="seconds a study, as in the tests (the default)",
    )  # fmt: skip
    setting.add_argument(
        "--full", action="store_const", const="full", dest="setting", help="what the READMEs quote: hours"
    )
    parser.add_argument("--only", nargs="+", default=[], metavar="NAME", help="run these studies alone")
    parser.add_argument("--out", type=Path, default=Path("gandyn-run-gallery"), help="folder to write in")
    parser.add_argument("--processes", type=_positive, default=os.cpu_count() or 1, help="studies at a time")
    parser.add_argument("--fresh", action="store_true", help="run also what was run before")
    parser.set_defaults(setting="small")
    return parser


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"expected a number of at least 1, got {text}")
    return number


def _run(jobs: Sequence[Job], kept: dict[str, Outcome], processes: int) -> tuple[dict[str, Outcome], bool]:
    """Return all outcomes, those kept from before too, and whether the user broke off."""
    outcomes = dict(kept)
    with tqdm(total=len(jobs), unit="study", disable=None) as bar:

        def report(job: Job, outcome: Outcome) -> None:
            outcomes[job.study.name] = outcome
            bar.write(f"{job.study.name}: {outcome}, {outcome.seconds:.0f} s")
            bar.update()

        try:
            running.run(jobs, processes, report)
        except KeyboardInterrupt:
            return outcomes, True
    return outcomes, False


if __name__ == "__main__":
    sys.exit(main())
