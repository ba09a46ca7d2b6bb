"""What the comparison methods learn on phantoms: the file that measured it, and its words."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from benchmarks.probing.asked import ASKED, QUESTIONS, probed_config
from ldl import paths
from ldl.errors import LdlError
from ldl.methods import METHODS

SCHEMA = 1
Beats = Literal["yes", "not beyond doubt", "no"]
# Raised when the questions, or how they are put, change.
PROBING = 1


@dataclass(frozen=True)
class Finding:
    """One method: scores of its question, one a seed, and sums of its losses.

    Attributes:
        method, question: keys of `benchmarks.probing.asked`.
        start: before the first step.
        measured: the same with statistics of normalisation measured, see
            `benchmarks.probing.learning.with_statistics`.
        trained: after the last step.
        over_images: 95 % bootstrap interval of the mean gain over the start.
        losses: mean over the first ten steps, steps 41 to 50 and the last ten, one each a seed.
        version: of :func:`version_of` when it was measured.
    """

    method: str
    question: str
    start: tuple[float, ...]
    measured: tuple[float, ...]
    trained: tuple[float, ...]
    over_images: tuple[float, float]
    losses: tuple[tuple[float, float, float], ...]
    version: dict[str, int]

    @property
    def gains(self) -> list[float]:
        """Over the start, one a seed."""
        return [late - early for late, early in zip(self.trained, self.start, strict=True)]

    @property
    def gains_over_measured(self) -> list[float]:
        """Over the start with measured statistics, one a seed."""
        return [late - early for late, early in zip(self.trained, self.measured, strict=True)]

    @property
    def beats(self) -> Beats:
        """Whether the trained encoder beats its start: both intervals of the gain above 0."""
        if min(student_interval(self.gains)[0], self.over_images[0]) > 0:
            return "yes"
        return "not beyond doubt" if np.mean(self.gains) > 0 else "no"

    @property
    def lowered(self) -> bool:
        """Whether the mean loss of steps 41 to 50 is below that of the first ten, in all seeds."""
        return all(early > later for early, later, _ in self.losses)

    @property
    def fresh(self) -> bool:
        """Whether the present code would measure the same."""
        return self.version == version_of(self.method)


@dataclass(frozen=True)
class Learned:
    """All findings, and how they were made.

    Attributes:
        seeds, steps, eyes: of every finding.
        provenance: device, threads, python, versions, commits, first and last date.
    """

    findings: tuple[Finding, ...]
    seeds: tuple[int, ...]
    steps: int
    eyes: int
    provenance: dict[str, Any]


def student_interval(values: Sequence[float], level: float = 0.95) -> tuple[float, float]:
    """Of the mean, by Student's t with n - 1 degrees of freedom; two values at least."""
    from scipy.stats import t

    half = t.ppf((1 + level) / 2, len(values) - 1) * np.std(values, ddof=1) / len(values) ** 0.5
    return float(np.mean(values) - half), float(np.mean(values) + half)


def version_of(method: str) -> dict[str, int]:
    """Of the training and the probing of ``method``."""
    return {**probed_config(method, 0).stamp(), "probing": PROBING}


def path() -> Path:
    """The file: small, committed, written by ``python -m benchmarks.probe_methods``."""
    return paths.results_dir() / "probe_methods.json"


def read() -> Learned | None:
    """What was measured, None where the file is not there.

    Raises:
        LdlError: the file is damaged.
    """
    file = path()
    if not file.exists():
        return None
    try:
        found = json.loads(file.read_text())
        if found["schema"] != SCHEMA:
            raise ValueError(f"schema {found['schema']}")
        rows = tuple(_finding(row) for row in found["methods"])
        return Learned(
            rows, tuple(found["seeds"]), found["steps"], found["eyes"], found["provenance"]
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise LdlError(
            f"{file}: damaged ({error}); run `python -m benchmarks.probe_methods` again"
        ) from None


def _finding(row: dict[str, Any]) -> Finding:
    lists = {name: tuple(row[name]) for name in ("start", "measured", "trained", "over_images")}
    losses = tuple(tuple(each) for each in row["losses"])
    return Finding(row["method"], row["question"], **lists, losses=losses, version=row["version"])


_SAID: dict[Beats, str] = {
    "yes": "beat their own start, with both intervals above 0",
    "not beyond doubt": "gain in the mean, with an interval that holds 0",
    "no": "do not beat their start",
}


def _range(limits: tuple[float, float]) -> str:
    return " to ".join(f"{limit:+.3f}".replace("-", "−") for limit in limits)


def _mean(values: Iterable[float], form: str = ".3f") -> str:
    return f"{np.mean([*values]):{form}}".replace("-", "−")


def _losses(one: Finding) -> list[str]:
    return [_mean(values, ".2f") for values in zip(*one.losses, strict=True)]


def _names(methods: Iterable[str]) -> str:
    return ", ".join(METHODS[method].title for method in methods) or "none"


def markdown(found: Learned) -> str:
    """Table, outcome and provenance for a README."""
    head = (
        "method", "asked", "start", "trained", "gain", "95 % over seeds", "95 % over eyes",
        "beats", "gain over start, normalised", "loss, steps 1-10", "41-50", "last ten",
    )  # fmt: skip
    lines = [head, ["---"] * len(head)]
    for one in found.findings:
        lines.append(
            [
                METHODS[one.method].title,
                QUESTIONS[one.question].title,
                _mean(one.start),
                _mean(one.trained),
                _mean(one.gains, "+.3f"),
                _range(student_interval(one.gains)),
                _range(one.over_images),
                one.beats,
                _mean(one.gains_over_measured, "+.3f"),
                *_losses(one),
            ]
        )
    table = "\n".join(f"| {' | '.join(line)} |" for line in lines)
    return "\n\n".join(["", measured_with(found), table, *outcome(found), ""]).lstrip("\n") + "\n"


def outcome(found: Learned) -> list[str]:
    """What the numbers say, a paragraph each."""
    total = len(found.findings)
    groups = {
        beats: [one.method for one in found.findings if one.beats == beats] for beats in _SAID
    }
    parts = [
        f"{len(methods)} of {total} {words} ({_names(methods)})"
        for (beats, words) in _SAID.items()
        if (methods := groups[beats])
    ]
    lines = [f"After {found.steps} steps {'; '.join(parts)}.{_missing(found)}"]
    steady = [one.method for one in found.findings if min(one.gains) > 0 and one.beats != "yes"]
    if steady:
        lines.append(
            f"{len(found.seeds)} seeds make wide intervals: {_names(steady)} gain in every seed."
        )
    return [*lines, *_over_measured(found), _falls(found)]


def _over_measured(found: Learned) -> list[str]:
    winners = [one for one in found.findings if one.beats == "yes"]
    if not winners:
        return []
    owed = [one.method for one in winners if student_interval(one.gains_over_measured)[0] <= 0]
    rival = "a start whose batch normalisations have seen the training images once"
    if not owed:
        return [f"All that beat their start also beat {rival}, clear of 0 over seeds."]
    words = f"Of those that beat their start, not all also beat {rival}, clear of 0 over seeds"
    return [f"{words}: not {_names(owed)}."]


def _missing(found: Learned) -> str:
    lacking = [method for method in ASKED if method not in {one.method for one in found.findings}]
    return f" Not measured: {_names(lacking)}." if lacking else ""


def _falls(found: Learned) -> str:
    risen = [one for one in found.findings if not one.lowered]
    words = (
        f"50 steps lower the loss of {len(found.findings) - len(risen)} of {len(found.findings)} "
        "methods in every seed (steps 41 to 50 against the first ten)"
    )
    if not risen:
        return f"{words}."
    queued = [one.method for one in risen if "queue" in METHODS[one.method].Knobs.model_fields]
    why = (
        f" {_names(queued)} {'has' if len(queued) == 1 else 'have'} a queue, which begins with "
        "random keys that are told apart at once, so the loss starts low and rises as it fills."
        if queued
        else ""
    )
    return f"{words}; not of {_names(one.method for one in risen)}.{why}"


def _commits(found: list[str]) -> str:
    """A run of hours spans commits; whether the code was the same says its hash."""
    if len(found) == 1:
        return f"commit {found[0]}"
    return f"commits {found[0]} to {found[-1]}, {len(found)} of them, with equal code for this"


def measured_with(found: Learned) -> str:
    """On what, with what and when."""
    made, config = found.provenance, probed_config("moco", 0)
    stale = [one.method for one in found.findings if not one.fresh]
    return (
        f"Phantoms; sizes of profile demo: {config.steps} steps of {config.batch} views of "
        f"{config.crop} pixels, base {config.base}, rate {config.learning_rate:g}; "
        f"{found.eyes} eyes that no training has seen; seeds {', '.join(map(str, found.seeds))}. "
        f"{made['device']}, Python {made['python']}, torch {made['versions']['torch']}, "
        f"{made['first'][:10]}, {_commits(made['commits'])}"
        f"{' with changes' if made['modified'] else ''}."
        + (f" Measured with older code: {_names(stale)}." if stale else "")
    )
