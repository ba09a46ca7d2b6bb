"""Dots beside rows: every seed, support, column and claim is a mark at its number."""

import numpy as np
import pandas as pd
import pytest
from matplotlib import pyplot as plt

from ldl import plots
from ldl.plots import claims_forest, dots
from ldl.plots.theme import VERMILION, panels

NAN = float("nan")


@pytest.fixture(autouse=True)
def _closed():
    yield
    plt.close("all")


def test_panels_stand_in_reading_order_and_wrap_on_a_phone() -> None:
    drawn: list[int] = []

    def made(page: float) -> plt.Figure:
        return panels(
            lambda axes, number: drawn.append(number), list("abcde"), width=1.6,
            rows=["top", "bottom"], xlabel="%", page=page,
        )  # fmt: skip

    page = made(plots.PAGE)
    assert drawn == [0, 1, 2, 3, 4]
    shown = [axes for axes in page.axes if axes.axison]
    assert [axes.get_title(loc="left") for axes in shown] == list("abcde")
    # Nothing is below b, c and d, so they are lowest too.
    assert [axes.get_xlabel() for axes in shown] == ["", "%", "%", "%", "%"]
    assert [tick.get_text() for tick in shown[0].get_yticklabels()] == ["top", "bottom"]
    low, high = shown[0].get_ylim()
    assert low > high, "the first row is at the top"
    phone = made(plots.PHONE)
    assert phone.get_figwidth() <= plots.PHONE < page.get_figwidth() <= plots.PAGE
    assert phone.get_figheight() > page.get_figheight()


LOOKS = {"a seed": ("green", "o"), "a seed, collapsed": ("red", "X")}


def points(*lines: tuple[str, str, float, str]) -> pd.DataFrame:
    return pd.DataFrame(lines, columns=["row", "column", "value", "look"])


def test_a_dot_a_support_their_mean_and_the_papers_ring() -> None:
    frame = points(
        *(("a", "disc", value, "a seed") for value in (10.0, 20.0, 60.0)),
        *(("b", "heart", value, "a seed, collapsed") for value in (5.0, 7.0)),
    )
    figure = dots(
        frame, {("a", "disc"): 42.0, ("a", "heart"): NAN},
        columns={"disc": "Disc", "heart": "Heart"}, looks=LOOKS, mean=True, baseline="b",
    )  # fmt: skip
    disc, heart = figure.axes
    assert [axes.get_title(loc="left") for axes in (disc, heart)] == ["Disc", "Heart"]
    drawn = [list(np.atleast_1d(line.get_xdata())) for line in disc.lines]
    assert drawn == [[10, 20, 60], [30], [42]]
    drawn = [list(np.atleast_1d(line.get_xdata())) for line in heart.lines]
    assert drawn == [[6, 6], [5, 7], [6]], "the baseline's mean goes through the panel"
    assert [disc.lines[0].get_marker(), heart.lines[1].get_marker()] == ["o", "X"]
    assert [text.get_text() for text in disc.get_yticklabels()] == ["a", "b"]


def test_a_line_may_hold_marks_of_several_meanings() -> None:
    lines = [("A", "one", 1.0, "a seed"), ("A", "one", 2.0, "a seed, collapsed")]
    (axes,) = dots(points(*lines), {}, columns={"one": "One"}, looks=LOOKS).axes
    marks = {line.get_marker(): list(line.get_xdata()) for line in axes.lines}
    assert marks == {"o": [1.0], "X": [2.0]}


def claims() -> pd.DataFrame:
    lines = [
        ("fundus", "Rd over Pd", 1.2, -0.3, -0.9, 0.3, "undecided (n = 4)"),
        ("fundus", "Pd over scratch", 5.0, 3.0, 1.0, 5.0, "reproduced"),
        ("shape", "guided over plain", 70.0, -31.0, -40.0, -9.0, "opposite"),
        ("shape", "not run", 3.0, NAN, NAN, NAN, "not run"),
    ]
    names = ["group", "claim", "paper", "ours", "low", "high", "verdict"]
    return pd.DataFrame(lines, columns=names)


@pytest.mark.parametrize("page", [plots.PAGE, plots.PHONE])
def test_a_claim_has_its_words_its_mark_and_its_ring(page: float) -> None:
    (axes,) = claims_forest(claims(), limits=(-10, 10), page=page).axes
    words = " ".join(" ".join(text.get_text() for text in axes.texts).split())
    names = " ".join(" ".join(text.get_text() for text in axes.get_yticklabels()).split())
    for claim in ("Rd over Pd", "guided over plain", "not run"):
        assert claim in (words if page == plots.PHONE else names)
    for verdict in ("undecided (n = 4)", "reproduced", "opposite"):
        assert verdict in words
    assert "paper +70 →" in words
    assert "← ours −31" in words
    marks = {
        line.get_marker(): line.get_xdata()[0] for line in axes.lines if len(line.get_xdata()) == 1
    }
    assert (marks["D"], marks["o"]) == (-0.3, 3.0), "the last ring is the one not run"
    opposite = [one for one in axes.lines if one.get_color() == VERMILION]
    assert [list(one.get_xdata()) for one in opposite] == [[-10, -9], [-10]], "cut, and an arrow"
    assert axes.get_xlim() == (-10, 10)


def test_one_seed_has_another_mark_than_several() -> None:
    frame = claims().assign(verdict=["higher", "higher (one seed)", "lower", "lower (one seed)"])
    (axes,) = claims_forest(frame).axes
    intervals = [line.get_color() for line in axes.lines if len(line.get_xdata()) == 2]
    assert len(set(intervals[:4])) == 4


def test_the_methods_that_are_compared_share_a_colour_that_is_not_ours() -> None:
    others = {plots.colour_of(name) for name in ("MoCo", "DenseCL", "Supervised")}
    assert len(others) == 1
    assert others.isdisjoint({plots.colour_of(name) for name in ("Pd", "Rd", "Scratch")})
