"""Numbers of LDL Table 7: accuracy at five thresholds and radial error, for each support image."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from ldl.errors import ConfigError, DataError
from ldl.localize.images import Point
from ldl.localize.peak import Localization, Status
from ldl.runs.localize import FACTORS


@dataclass(frozen=True)
class Answer:
    """One query's answer without its map: distance of the guess to the truth in pixels (Eq. 36)."""

    query: str
    distance: float
    sharpness: float
    status: Status


@dataclass(frozen=True)
class SupportResult:
    """One support image against all the others.

    Attributes:
        support: its id.
        window: in pixels.
        factors: of the two accuracies.
        answers: one a query, the support left out.
        accuracy: share of queries with a distance below each factor x window. The paper's protocol:
            the guess counts whatever the map looks like.
        accuracy_found: the same where an answer that is not "found" is a miss.
        mean_accuracy: of ``accuracy`` over the factors, the last column of Table 7.
        mean_error: mean distance in pixels.
        mean_error_windows: the same as a fraction of the window.
        found: share of queries whose status is "found".
    """

    support: str
    window: float
    factors: tuple[float, ...]
    answers: tuple[Answer, ...]
    accuracy: tuple[float, ...]
    accuracy_found: tuple[float, ...]
    mean_accuracy: float
    mean_error: float
    mean_error_windows: float
    found: float

    def record(self) -> dict[str, Any]:
        """Plain numbers, texts and lists for a JSON record; ``answers`` as one list a field."""
        fields = {
            name: list(value) if isinstance(value, tuple) else value
            for name, value in asdict(self).items()
        }
        answers = fields.pop("answers")
        return fields | {f"{name}_of": [one[name] for one in answers] for name in answers[0]}


def accuracy(
    distances: Sequence[float] | np.ndarray, window: float, factors: Sequence[float] = FACTORS
) -> tuple[float, ...]:
    """Share of distances below each factor x window, 0..1 (LDL section 6.3.2).

    Args:
        distances: pixels, one a query; NaN or infinity is a miss.
        window: pixels of the same image size, above 0.
        factors: thresholds as fractions of the window.

    Raises:
        ConfigError: the window is not above 0.
        DataError: no distances.
    """
    if not window > 0:
        raise ConfigError(f"window is {window} pixels; it must be above 0")
    values = np.asarray(distances, dtype=np.float64)
    if values.size == 0:
        raise DataError("accuracy: no distances given")
    return tuple(float((values < factor * window).mean()) for factor in factors)


def answered(query: str, found: Localization, truth: Point) -> Answer:
    """What is kept of one localization."""
    distance = float(np.hypot(found.guess[0] - truth[0], found.guess[1] - truth[1]))
    return Answer(query, distance, found.sharpness, found.status)


def support_result(
    support: str, answers: Sequence[Answer], window: float, factors: Sequence[float] = FACTORS
) -> SupportResult:
    """The scores of one support image.

    Raises:
        ConfigError: the window is not above 0.
        DataError: no answers.
    """
    distances = np.array([one.distance for one in answers], dtype=np.float64)
    yes = np.array([one.status == "found" for one in answers])
    plain = accuracy(distances, window, factors)
    return SupportResult(
        support=support,
        window=float(window),
        factors=tuple(factors),
        answers=tuple(answers),
        accuracy=plain,
        accuracy_found=accuracy(np.where(yes, distances, np.inf), window, factors),
        mean_accuracy=float(np.mean(plain)),
        mean_error=float(distances.mean()),
        mean_error_windows=float(distances.mean() / window),
        found=float(yes.mean()),
    )
