"""Figure 9: a support image with its point, queries, and the similarity map of each variant.

Which images are shown is decided by the records and a rule, not by their looks.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from ldl.data.bank import Bank
from ldl.data.landmarks import REAL, landmark_bank
from ldl.engine.profiles import Profile
from ldl.engine.store import Record, RunStore
from ldl.errors import ConfigError, DataError
from ldl.localize import Localization, Matcher, find
from ldl.localize.search import PHANTOMS, matcher_of
from ldl.plots.points import Map, similarity_figure
from ldl.report import networks as encoders
from ldl.report.examples import may_be_shown
from ldl.runs.localize import LocalizeConfig, window_at
from ldl.tables.base import Column, Row
from ldl.tables.localization import ROWS, TABLE7, columns

SHOWN = tuple(row for row in ROWS if row.published or row.key == "ncc")
# Of the distances of the chosen row at the chosen support: a good, two middling and a bad query.
QUANTILES = (0.1, 0.4, 0.7, 0.95)


@dataclass(frozen=True)
class Chosen:
    """Which images of a bank are shown, by the record of one row.

    Attributes:
        row: whose record decided.
        support: number of the support image, the median of the supports by mean accuracy.
        queries: numbers of the queries at the quantiles of its distances.
    """

    row: Row
    support: int
    queries: tuple[int, ...]


@dataclass(frozen=True)
class Scene:
    """All that the figure of one landmark needs."""

    column: Column
    window: float
    chosen: Chosen
    images: NDArray[np.uint8]
    points: NDArray
    found: dict[str, tuple[Localization, ...]]  # by the row's label
    words: str

    def distance(self, label: str, number: int) -> float:
        """Of a row's answer in an image to the truth, in windows."""
        guess = self.found[label][number].guess
        return float(np.hypot(*(np.array(guess) - self.points[number]))) / self.window


def choose(row: Row, record: Record) -> Chosen:
    """The support of median accuracy (the lower of two) and queries at `QUANTILES`."""
    supports, ids = record["supports"], record["ids"]
    order = np.argsort([one["mean_accuracy"] for one in supports], kind="stable")
    support = supports[order[(len(order) - 1) // 2]]
    asked = [number for number, name in enumerate(ids) if name != support["support"]]
    ranks = np.argsort(support["distance_of"], kind="stable")
    places = [round(share * (len(ranks) - 1)) for share in QUANTILES]
    queries = tuple(asked[ranks[place]] for place in places)
    return Chosen(row, ids.index(support["support"]), queries)


def scene(column: Column, profile: Profile, store: RunStore) -> Scene:
    """The figure's numbers for one landmark; nothing is trained.

    Raises:
        DataError: the images are not at hand, may not be shown, or no variant has its record and
            network on this machine.
    """
    matchers, chosen, bank = {}, None, _bank(column, profile)
    for cell in TABLE7.cells(profile):
        if cell.column.key != column.key or cell.row not in SHOWN:
            continue
        run = cell.runs[0]
        assert isinstance(run, LocalizeConfig), "a run of Table 7"
        record = store.record(run)
        encoder = encoders.at_hand(run.encoder, store) if run.encoder else None
        if record is None or (run.encoder and encoder is None):
            continue
        matchers[cell.row.label] = matcher_of(run, encoder.net if encoder else None)
        if chosen is None or cell.row.published:
            chosen = choose(cell.row, record)
    if chosen is None:
        raise DataError(f"{column.label}: no record with its network on this machine")
    return _searched(column, _window(column, profile), chosen, bank, matchers)


def _window(column: Column, profile: Profile) -> float:
    """The window of a column in pixels of the profile's images."""
    return window_at(column.of.name, profile.pretraining.size)


def _searched(
    column: Column,
    window: float,
    chosen: Chosen,
    bank: Bank,
    matchers: dict[str, Matcher],
) -> Scene:
    rows = [chosen.support, *chosen.queries]
    images, points = np.array(bank.images[rows]), bank.points[rows]
    point = (float(points[0, 0]), float(points[0, 1]))
    found = {
        label: tuple(find(one, images[0], point, image, window=window) for image in images)
        for label, one in matchers.items()
    }
    return Scene(column, window, chosen, images, points, found, _credit(column))


def _bank(column: Column, profile: Profile) -> Bank:
    if (
        column.of.bank != "phantom"
        and may_be_shown(REAL[column.of.bank, column.of.name].collection) is None
    ):
        raise DataError(f"{column.label}: the licence does not allow to show these images")
    if column.key in profile.localization.without:
        raise DataError(f"{column.label}: not at hand")
    count = profile.localization.images or PHANTOMS
    size = profile.pretraining.size
    return landmark_bank(column.of.bank, column.of.name, size, count=count)


def _collection(column: Column) -> str:
    return REAL[column.of.bank, column.of.name].collection


def _credit(column: Column) -> str:
    if column.of.bank == "phantom":
        return "Images: phantoms, drawn by code."
    manifest = may_be_shown(_collection(column))
    assert manifest is not None, "checked before"
    return f"Real images: {manifest.title} ({manifest.licence.name})."


def scenes(profile: Profile, store: RunStore) -> tuple[list[Scene], list[str]]:
    """Every landmark that can be shown, and a line for each that cannot."""
    shown, reasons = [], []
    for column in columns(profile):
        try:
            shown.append(scene(column, profile, store))
        except (ConfigError, DataError) as error:
            reasons.append(str(error).split(";")[0])
    return shown, reasons


def figure(one: Scene) -> Figure:
    """Support and queries above, a row of maps for each way to search."""
    labels = list(one.found)
    maps = [[_map(one, label, number) for number in range(len(one.images))] for label in labels]
    return similarity_figure(
        list(one.images),
        [(float(row), float(column)) for row, column in one.points],
        maps,
        titles=["support", *[f"query at {100 * share:.0f} %" for share in QUANTILES]],
        row_titles=[_broken(label) for label in labels],
        window=one.window,
    )


def _map(one: Scene, label: str, number: int) -> Map:
    answer = one.found[label][number]
    words = f"{one.distance(label, number):.2f}, {answer.status}"
    return Map(answer.similarity, answer.guess, answer.status == "found", words)


def _broken(label: str) -> str:
    """A row's name in two lines where it is long."""
    middle = label.find("+ms") if "+ms" in label else label.find(" ")
    return f"{label[:middle]}\n{label[middle:].strip()}" if middle > 0 else label


def told(one: Scene) -> str:
    """The figure in words: each row's distances, for readers who do not see it."""
    return "; ".join(
        f"{label}: " + ", ".join(f"{one.distance(label, k):.2f}" for k in range(1, len(one.images)))
        for label in one.found
    )


def own_places(shown: Sequence[Scene]) -> str:
    """How far each row is off in the support itself: its peak in pixels, its answer in windows."""
    peaks, answers = dict[str, float](), dict[str, float]()
    for one in shown:
        for label, (own, *_) in one.found.items():
            off = float(np.hypot(*(np.array(own.peak) - one.points[0])))
            peaks[label] = max(peaks.get(label, 0.0), off)
            answers[label] = max(answers.get(label, 0.0), one.distance(label, 0))
    return "; ".join(
        f"{label} {off:.1f} pixels, answer {answers[label]:.2f} windows"
        for label, off in peaks.items()
    )
