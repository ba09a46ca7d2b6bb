"""Curves of what is watched while two networks train against each other."""

from collections.abc import Mapping, Sequence

from matplotlib import pyplot as plt
from matplotlib.figure import Figure

from ldl.plots.theme import CYCLE, theme

Curve = tuple[Sequence[float], Sequence[float]]
_DASHES = ("-", (0, (4, 1.5)), (0, (1, 1)))


def watch_curves(panels: Mapping[str, Mapping[str, Curve]]) -> Figure:
    """One small panel a quantity, one line a run; runs of one kind share a colour.

    ``panels`` is title -> run -> (steps, values); a run's kind is its name up to the comma.
    """
    names = list(dict.fromkeys(name for runs in panels.values() for name in runs))
    kinds = list(dict.fromkeys(name.split(",")[0] for name in names))
    across = min(2, len(panels))
    down = -(-len(panels) // across)
    with theme():
        figure, grid = plt.subplots(
            down, across, figsize=(2.9 * across, 1.6 * down + 0.7), squeeze=False, sharex=True
        )
        for number, axes in enumerate(grid.flat):
            if number >= len(panels):
                axes.set_axis_off()
                continue
            title, runs = list(panels.items())[number]
            for name, (steps, values) in runs.items():
                kind = kinds.index(name.split(",")[0])
                place = [one for one in names if one.split(",")[0] == kinds[kind]].index(name)
                axes.plot(
                    steps,
                    values,
                    color=CYCLE[(1, 3, 0)[kind % 3]],
                    linestyle=_DASHES[place % len(_DASHES)],
                    linewidth=1.2,
                    label=name,
                )
            axes.set_title(title)
            if number + across >= len(panels):
                axes.set_xlabel("step")
        handles, labels = grid[0][0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside upper center", ncols=3)
        return figure
