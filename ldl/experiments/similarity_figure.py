"""Figure 9 drawn, and said in words."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from ldl.experiments.similarity import QUANTILES, Scene
from ldl.plots.points import Map, similarity_figure


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
