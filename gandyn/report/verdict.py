"""A verdict in plain words, from the numbers of a report and nothing else."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from gandyn.report.limits import not_shown
from gandyn.report.modes import STILL
from gandyn.report.words import complex_number, count, percent, show

__all__ = ["Finding", "verdict"]

Numbers = Mapping[str, Any]
Mode = Mapping[str, Any]

#: Velocities up to the first many sampling errors are no evidence of motion, from the second on they are.
_AT_REST, _MOVING = 1.5, 3.0
#: |Im| / |lambda| from which a mode circles rather than grows or decays.
_CIRCLING = 0.5
_NOTHING_MOVES = "Every eigenvalue found is zero: small deviations neither grow nor decay."


@dataclass(frozen=True)
class Finding:
    """One question and its answer.

    Args:
        question: as a reader would ask it.
        answer: in a word or two.
        text: the answer in sentences.
        tone: "good", "bad" or "open", for the page.
    """

    question: str
    answer: str
    text: str
    tone: str


def verdict(numbers: Numbers) -> dict[str, Any]:
    """Return the verdict as plain values: a headline, findings, and what the report does not show.

    Args:
        numbers: the numbers of an analysis, with "run".

    Returns:
        Dict with "headline", "findings" (a list of question, answer, text, tone) and "not_shown".
    """
    rest, flow, rotation = _at_rest(numbers), _flow(numbers), _rotation(numbers)
    findings = [
        rest,
        _gradients(numbers),
        flow,
        _character(numbers),
        _step_in_use(numbers),
        rotation,
        _largest_step(numbers),
    ]
    return {
        "headline": _headline(rest.tone, flow.tone, rotation.tone, numbers["analysis"]["samples"]),
        "findings": [asdict(finding) for finding in findings],
        "not_shown": not_shown(numbers),
    }


def _headline(rest: str, flow: str, rotation: str, samples: int) -> str:
    where = {
        "good": f"As far as {count(samples)} samples can tell, training stands at a fixed point",
        "bad": "Training is still moving",
        "open": "Training is close to a fixed point, or still moving slowly",
    }[rest]
    stability = {"good": "stable", "bad": "unstable", "open": "of undecided stability"}[flow]
    turning = {"good": ", without rotation", "bad": ", and small deviations circle", "open": ""}[rotation]
    return f"{where}. The dynamics around it are {stability}{turning}."


def _left_out(question: str, numbers: Numbers, part: str) -> Finding:
    reason = numbers["left_out"].get(part) or numbers[part]["reason"]
    return Finding(question, "Not known", f"This part was left out: {reason}.", "open")


def _at_rest(numbers: Numbers) -> Finding:
    question = "Is this point a fixed point, where training would stay?"
    state = numbers.get("state")
    if state is None:
        return _left_out(question, numbers, "state")
    speed, error = state["speed"]["both"], state["speed_sampling_error"]
    if speed == 0:
        text = (
            "The velocity is exactly zero: every gradient vanishes, as it does where the networks are "
            "saturated. Training has come to a halt."
        )
        return Finding(question, "Yes, a dead one", text, "good")
    said = (
        f"the velocity has norm {show(speed)} on {count(numbers['analysis']['samples'])} samples, of which "
        f"sampling error alone would make about {show(error)}"
    )
    if speed >= _MOVING * error:
        text = (
            f"The parameters still move: {said}. The eigenvalues below then tell how nearby trainings "
            "approach this one or part from it now, not where training ends."
        )
        return Finding(question, "No", text, "bad")
    if speed <= _AT_REST * error:
        text = f"Nearly all motion may be chance: {said}. It takes more samples to see whether any is left."
        return Finding(question, "It cannot be told from one", text, "good")
    text = f"There is some motion, and much of what the batch shows may be chance: {said}."
    return Finding(question, "Nearly", text, "open")


def _gradients(numbers: Numbers) -> Finding:
    question = "Do both players get a gradient that tells them something?"
    found = numbers.get("health")
    if found is None:
        return _left_out(question, numbers, "health")
    states, why = found["verdict"], found["why"]
    text = " ".join(f"The {player} is {state}: {why[player]}." for player, state in states.items())
    if "vanishing" in states.values():
        return Finding(question, "No, one vanishes", text, "bad")
    if "undecided" in states.values():
        return Finding(question, "Not known", text, "open")
    if set(states.values()) == {"converged"}:
        text += " Small gradients that cancel over samples are those of an equilibrium, not vanishing ones."
    return Finding(question, "Yes", text, "good")


_CHARACTERS = {
    "differential Nash": (
        "A local Nash equilibrium",
        "It is stable, and neither player can lower its own loss alone: both own curvatures are positive.",
        "good",
    ),
    "locally stable but not Nash": (
        "Stable, not Nash",
        "It is stable although one player could lower its own loss alone: the other one's answer holds it.",
        "good",
    ),
    "unstable": ("Unstable", "Some small deviations grow.", "bad"),
    "rotation-dominated": (
        "Dominated by rotation",
        "What neither grows nor decays within the accuracy circles: damping too weak to see here decides.",
        "open",
    ),
    "undecided": ("Undecided", "The numbers are zero within their accuracy or their noise.", "open"),
}


def _character(numbers: Numbers) -> Finding:
    question = "What kind of point is this for the two players?"
    found = numbers.get("character", {}).get(str(numbers["analysis"]["step"]))
    if found is None:
        return _left_out(question, numbers, "character")
    answer, text, tone = _CHARACTERS[found["verdict"]]
    low = min(ends[0] for ends in found["own_curvature"].values())
    text += (
        f" The lowest own curvature found is {show(low)}; the rotation index is "
        f"{show(found['rotation_index'])} (0 for a common descent, 1 for pure rotation)."
    )
    if found["batches"]:
        said = ", ".join(f"{name} on {percent(share)}" for name, share in found["shares"].items())
        text += f" Of {count(found['batches'])} minibatches: {said}."
    return Finding(question, answer, text, tone)


def _modes(numbers: Numbers) -> list[Mode] | None:
    """Return the modes at the point, or None where they were left out."""
    end = numbers.get("spectra", {}).get(str(numbers["analysis"]["step"]))
    return None if end is None else end["modes"]


def _still(modes: list[Mode]) -> bool:
    return max((mode["modulus"] for mode in modes), default=0.0) <= STILL


def _growth(mode: Mode) -> float:
    return float(mode["eigenvalue"][0])


def _growing(modes: list[Mode]) -> list[Mode]:
    return [mode for mode in modes if _growth(mode) > mode["residual"]]


def _flow(numbers: Numbers) -> Finding:
    question = "Is it stable as a flow, that is, with ever smaller steps?"
    modes = _modes(numbers)
    if modes is None:
        return _left_out(question, numbers, "spectra")
    if _still(modes):
        return Finding(question, "Neutral", _NOTHING_MOVES, "open")
    growing = _growing(modes)
    if growing:
        return Finding(question, "No", _about_growth(growing), "bad")
    searches = numbers["spectra"][str(numbers["analysis"]["step"])]["searches"]
    if any(search["stable"] for search in searches):
        slowest = -max(_growth(mode) for mode in modes)
        text = f"Every deviation dies out, the slowest at rate {show(slowest)} per unit of flow time."
        return Finding(question, "Yes", text, "good")
    text = (
        "No growing mode was found, but some directions neither grow nor decay within the accuracy of the "
        "search, or the search did not finish: the linear picture does not decide."
    )
    return Finding(question, "Undecided", text, "open")


def _about_growth(growing: list[Mode]) -> str:
    fastest = max(growing, key=_growth)
    rate, share = _growth(fastest), fastest["generator_share"]
    owner, part = ("generator", share) if share >= 0.5 else ("discriminator", 1 - share)
    several = "One growing mode was" if len(growing) == 1 else f"{len(growing)} growing modes were"
    if any(mode["eigenvalue"][1] for mode in growing):
        several = several.replace("modes", "modes (a circling pair counts as two)")
    text = (
        f"{several} found. The fastest grows at rate {show(rate)} per unit of flow time: a small deviation "
        f"along it is multiplied by e = 2.72 every {show(1 / rate)} units. It lies to {percent(part)} in the "
        f"{owner}'s parameters."
    )
    other = fastest["on_other_samples"][0]
    if other > 0:
        return f"{text} On other samples the same direction grows too, at rate {show(other)}."
    return (
        f"{text} On other samples the same direction does not grow (rate {show(other)}): this growth is the "
        "doing of the batch."
    )


def _step_in_use(numbers: Numbers) -> Finding:
    question = "Is it stable at the step in use?"
    update = numbers.get("step_in_use", {})
    if "largest_multiplier" not in update:
        return _left_out(question, numbers, "step_in_use")
    size, step = update["largest_multiplier"], f"One step of {update['rule']}"
    if abs(size - 1) <= STILL:
        return Finding(question, "Neutral", f"{step} leaves every deviation found as it is.", "open")
    if size > 1:
        text = f"{step} makes the fastest deviation found grow by {percent(size - 1)}."
    else:
        text = f"{step} leaves at most {percent(size)} of any deviation found."
    if update["remarks"]:
        text += f" Simplified for this answer: {'; '.join(update['remarks'])}."
    if update["step_size"] is None and size > 1:
        text += (
            " This growth is that of small deviations on one frozen batch. In training the gradients grow "
            "with the deviation, the rule then shortens its steps, and fresh minibatches push elsewhere: "
            "such growth makes the run restless and need not end in divergence."
        )
    if update["stable"] is False:
        return Finding(question, "No", text, "bad")
    return Finding(question, "Yes" if update["stable"] else "Yes, as far as found", text, "good")


def _rotation(numbers: Numbers) -> Finding:
    question = "Does it rotate?"
    modes = _modes(numbers)
    if modes is None:
        return _left_out(question, numbers, "spectra")
    if _still(modes):
        return Finding(question, "No", _NOTHING_MOVES, "good")
    circling = [mode for mode in modes if mode["rotation"] >= _CIRCLING and mode["eigenvalue"][1] > 0]
    if not circling:
        most = max(mode["rotation"] for mode in modes)
        text = (
            f"Among the modes found, the imaginary part is at most {percent(most)} of the eigenvalue: "
            "deviations grow or decay without circling."
        )
        return Finding(question, "No", text, "good")
    first = max(circling, key=lambda mode: float(mode["eigenvalue"][1]))
    value, other = first["eigenvalue"], first["on_other_samples"]
    pure = ", almost without growing or decaying meanwhile" if first["rotation"] > 0.99 else ""
    chance = " (whether it grows or decays depends on the samples)" if other[0] * value[0] < 0 else ""
    text = (
        f"The strongest rotation is λ = {complex_number(value, both=True)}: a deviation circles once in "
        f"{show(2 * math.pi / value[1])} units of flow time{pure}. {percent(first['generator_share'])} of "
        f"this mode lie in the generator's parameters. On other samples it becomes "
        f"{complex_number(other, both=True)}{chance}."
    )
    return Finding(question, "Yes", text, "bad")


def _largest_step(numbers: Numbers) -> Finding:
    question = "How large a step could plain gradient descent take here?"
    modes = _modes(numbers)
    if modes is None:
        return _left_out(question, numbers, "spectra")
    if _still(modes):
        return Finding(question, "Any", _NOTHING_MOVES, "open")
    update = numbers.get("step_in_use", {})
    caveat = ""
    if "rule" in update and update["step_size"] is None:
        caveat = (
            f" The bound is one of plain descent on this batch. It says nothing on {update['rule']}, which "
            "rescales every parameter: see the step in use."
        )
    decaying = [mode for mode in modes if _growth(mode) < -mode["residual"]]
    bound, limit = None, ""
    if decaying:
        tightest = min(decaying, key=lambda mode: float(mode["largest_stable_step"]))
        bound = show(tightest["largest_stable_step"])
        limit = f"h* = {bound}, set by λ = {complex_number(tightest['eigenvalue'], both=True)}"
    if _growing(modes):
        rest = f" The decaying modes found would alone bear steps up to {limit}." if limit else ""
        text = f"Growing modes grow at any step size.{rest}{caveat}"
        return Finding(question, "No step is stable", text, "bad")
    if bound is None:
        return Finding(question, "Not known", f"No decaying mode was found.{caveat}", "open")
    text = f"The step bound is {limit}, over the modes found; others could only lower it.{caveat}"
    return Finding(question, f"Below {bound}", text, "good")
