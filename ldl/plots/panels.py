"""One small panel a column of a table, the rows named once beside them."""

from collections.abc import Callable, Sequence

from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from ldl.plots.theme import theme


def column_panels(
    draw: Callable[[Axes, int], None],
    *,
    titles: Sequence[str],
    rows: Sequence[str],
    xlabel: str,
    legend: Callable[[], list[Line2D]],
    panel: tuple[float, float],
    margin: tuple[float, float],
    across: int = 4,
    sharex: bool = False,
) -> Figure:
    """Panels in reading order, at most ``across`` beside each other, with one legend above.

    Args:
        draw: fills the panel of the column with that number; rows are at 0, 1, ... from the top.
        titles: over the panels.
        rows: names, from top to bottom.
        xlabel: under the lowest panels.
        legend: draws its handles, in the figure's style.
        panel: width and height of one, in inches.
        margin: the same of what is around all of them.
        across: panels beside each other.
        sharex: one range for all.
    """
    across = min(across, len(titles))
    down = -(-len(titles) // across)
    size = (panel[0] * across + margin[0], panel[1] * down + margin[1])
    with theme():
        figure, grid = plt.subplots(
            down, across, figsize=size, squeeze=False, sharey=True, sharex=sharex
        )
        for number, axes in enumerate(grid.flat):
            if number >= len(titles):
                axes.set_axis_off()
                continue
            draw(axes, number)
            axes.set_title(titles[number])
            if number + across >= len(titles):
                axes.set_xlabel(xlabel)
                axes.tick_params(labelbottom=True)
        grid[0][0].set_yticks(range(len(rows)), rows)
        grid[0][0].invert_yaxis()
        handles = legend()
        figure.legend(handles=handles, loc="outside upper center", ncols=len(handles))
        return figure
