"""Lines over steps, shares and stages: what is drawn is what was given."""

import numpy as np
import pandas as pd
import pytest
from matplotlib import pyplot as plt

from ldl import plots


@pytest.fixture(autouse=True)
def _closed():
    yield
    plt.close("all")


def test_terms_that_are_not_there_have_no_panel() -> None:
    history = pd.DataFrame({"step": [0, 1, 2], "pd": [3.0, 2.0, 1.0], "rd": [np.nan] * 3})
    assert [a.get_title(loc="left") for a in plots.loss_curves(history).axes if a.lines] == ["pd"]


def test_runs_of_a_kind_share_a_colour_and_differ_in_dashes() -> None:
    runs = {
        name: ([1, 2], [0.1, 0.2]) for name in ("paper d, seed 0", "paper d, seed 1", "other, 0")
    }
    figure = plots.step_curves({"share": runs, "belief": runs})
    lines = figure.axes[0].get_lines()
    assert lines[0].get_color() == lines[1].get_color() != lines[2].get_color()
    assert lines[0].get_linestyle() != lines[1].get_linestyle()
    assert len(figure.axes) == 2


def test_shares_are_the_ticks_and_the_papers_line_is_dashed() -> None:
    frame = pd.DataFrame(
        [
            {"panel": "heart", "start": start, "share": share, "ours": share + gain,
             "low": share, "high": share + 9, "paper": 90.0 if start == "Rd" else np.nan}
            for start, gain in (("scratch, equal updates", 1.0), ("Rd", 2.0))
            for share in (100, 20)
        ]
    )  # fmt: skip
    (axes,) = plots.interval_lines(frame, x="share", group="start", xlabel="%", at_values=True).axes
    assert [tick.get_text() for tick in axes.get_xticklabels()] == ["20", "100"]
    drawn = {line.get_label(): list(line.get_ydata()) for line in axes.lines}
    wanted = {"scratch, equal updates": [21, 101], "Rd": [22, 102], "Rd, the paper": [90, 90]}
    assert drawn == wanted
    assert {line.get_linestyle() for line in axes.lines} == {"-", "--"}


def test_slopes_pair_the_cases_and_leave_out_the_unpaired() -> None:
    values = {("a", "one"): 10.0, ("a", "lrc"): 30.0, ("b", "one"): 20.0, ("b", "lrc"): 20.0,
              ("c", "one"): 90.0}  # fmt: skip
    frame = pd.DataFrame(
        [{"panel": "thorax", "case": c, "stage": s, "value": v} for (c, s), v in values.items()]
    )
    stages = ["one", "untrained", "lrc"]
    figure = plots.paired_slopes(frame, stages=stages, paper={("thorax", "lrc"): 40.0})
    (axes,) = figure.axes
    drawn = [(list(np.atleast_1d(one.get_xdata())), list(np.atleast_1d(one.get_ydata())))
             for one in axes.lines]  # fmt: skip
    assert drawn == [([0, 2], [10, 30]), ([0, 2], [20, 20]), ([0, 2], [15, 25]), ([2], [40])]
    assert [tick.get_text() for tick in axes.get_xticklabels()] == stages


def test_spread_has_a_panel_a_method_and_the_line_of_collapse() -> None:
    figure = plots.spread_curves({"BYOL": [0.9, 0.5], "SimSiam": [0.4] * 4}, steps=8, least=0.1)
    drawn = {axes.get_title(loc="left"): axes.lines for axes in figure.axes if axes.lines}
    assert set(drawn) == {"BYOL", "SimSiam"}
    assert drawn["BYOL"][0].get_xdata().tolist() == [4.0, 8.0]
    assert all(set(lines[1].get_ydata()) == {0.1} for lines in drawn.values())
    plt.close("all")


def test_smooth_keeps_length_and_constants() -> None:
    assert plots.smooth([2.0] * 50).tolist() == [2.0] * 50
