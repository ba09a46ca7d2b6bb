"""Every seed is a mark, a lost one another; the curves of what is watched have one line a run."""

import pandas as pd
from matplotlib import pyplot as plt

from ldl.plots import seed_strips, watch_curves

NAN = float("nan")


def frame() -> pd.DataFrame:
    lines = [
        {"label": label, "column": column, "by_seed": [1.0, 2.0, 3.0], "lost": lost, "paper": paper}
        for label, lost, paper in (("A", [False] * 3, 50.0), ("B", [False, True, True], NAN))
        for column in ("one", "two")
    ]
    return pd.DataFrame(lines)


def test_marks_are_seeds_crosses_are_lost_and_rings_the_papers() -> None:
    figure = seed_strips(frame(), columns=["one", "two"], titles=["One", "Two"])
    axes = [each for each in figure.axes if each.get_title(loc="left")]
    assert [each.get_title(loc="left") for each in axes] == ["One", "Two"]
    for each in axes:
        marks = [line.get_marker() for line in each.get_lines()]
        assert marks.count("X") == 2
        assert marks.count("o") == 4 + 1
        rings = [line for line in each.get_lines() if line.get_markerfacecolor() == "none"]
        assert [float(line.get_xdata()[0]) for line in rings] == [50.0]
    assert [text.get_text() for text in axes[0].get_yticklabels()] == ["A", "B"]
    plt.close(figure)


def test_runs_of_a_kind_share_a_colour_and_differ_in_dashes() -> None:
    runs = {
        name: ([1, 2], [0.1, 0.2]) for name in ("paper d, seed 0", "paper d, seed 1", "other, 0")
    }
    figure = watch_curves({"share": runs, "belief": runs})
    lines = figure.axes[0].get_lines()
    assert lines[0].get_color() == lines[1].get_color() != lines[2].get_color()
    assert lines[0].get_linestyle() != lines[1].get_linestyle()
    assert len(figure.axes) == 2
    plt.close(figure)
