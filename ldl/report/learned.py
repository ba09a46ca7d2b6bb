"""What the comparison methods learn on phantoms, from the file that measured it."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from ldl import paths
from ldl.errors import LdlError
from ldl.report.asked import probed_config

SCHEMA = 1
Beats = Literal["yes", "not beyond doubt", "no"]
# Raised when the questions, or how they are put, change.
PROBING = 1


@dataclass(frozen=True)
class Finding:
    """One method: scores of its question, one a seed, and sums of its losses.

    Attributes:
        method, question: keys of `ldl.report.asked`.
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
