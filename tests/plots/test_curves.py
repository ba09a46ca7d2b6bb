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


def test_smooth_keeps_length_and_constants() -> None:
    assert plots.smooth([2.0] * 50).tolist() == [2.0] * 50
