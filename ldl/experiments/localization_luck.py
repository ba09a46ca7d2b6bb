"""What the paper's one support image decides: the same table made of each of ours alone."""

from collections.abc import Sequence

import numpy as np
from IPython.display import HTML
from matplotlib.figure import Figure

from ldl.experiments.localization import ROWS
from ldl.experiments.localization_answers import support_means
from ldl.experiments.localization_page import Shown
from ldl.experiments.localization_scores import paper_number
from ldl.plots.dots import support_dots
from ldl.plots.tables import prose, small_table

PAPERS = tuple(row for row in ROWS if row.published)


def support_figure(shown: Shown) -> Figure:
    """Every row's mean accuracy with each support image, one panel a landmark."""
    labels = {row.key: row.label for row in ROWS}
    titles = {one.key: one.title for one in shown.there}
    values = {
        (labels[row], titles[column]): each
        for (row, column), each in support_means(shown.accuracy).items()
        if column in titles
    }
    paper = {
        (row.label, one.title): paper_number(row, one, "mean_accuracy")
        for row in ROWS
        for one in shown.there
    }
    return support_dots(
        values,
        paper,
        columns=list(titles.values()),
        rows=[row.label for row in ROWS if any(row.label == key[0] for key in values)],
        mine=[row.label for row in PAPERS],
        xlabel="mean accuracy (%)",
    )


def luck_table(shown: Shown) -> HTML | None:
    """What a table made of one support image would have said, landmark by landmark.

    None where not even two of the paper's rows are there.
    """
    means = support_means(shown.accuracy)
    rows = []
    for column in shown.there:
        there = [row for row in PAPERS if (row.key, column.key) in means]
        if len(there) < 2:
            continue
        values = np.stack([means[row.key, column.key] for row in there])
        names = [row.label for row in there]
        rows.append({"landmark": column.title} | _line(names, values))
    caption = (
        "What the paper's table would have been with each of our support images alone, by mean "
        "accuracy: how often the rows would stand in the paper's order, and how far one of them "
        "moves."
    )
    return small_table(rows, caption=caption) if rows else None


def _line(names: Sequence[str], values: np.ndarray) -> dict[str, str]:
    in_order = int((np.diff(values, axis=0) > 0).all(axis=0).sum())
    best = [names[k] for k in values.argmax(axis=0)]
    widest = int((values.max(axis=1) - values.min(axis=1)).argmax())
    return {
        "supports with the paper's order": f"{in_order} of {len(best)}"
        f"<br><small>for {len(names)} rows</small>",
        "best row, by support": prose(counts(best)),
        "widest range": f"{values[widest].min():.1f} to {values[widest].max():.1f}"
        f"<br><small>{names[widest]}</small>",
    }


def counts(names: Sequence[str]) -> str:
    """Each name with its number, the most frequent first."""
    order = sorted(set(names), key=lambda name: (-names.count(name), name))
    return ", ".join(f"{name} {names.count(name)}" for name in order)
