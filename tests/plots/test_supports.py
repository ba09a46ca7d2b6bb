"""Figures of one-shot localization draw what they are given."""

import numpy as np

from ldl.plots import support_dots
from ldl.plots.similarity import Map, similarity_figure


def test_a_dot_a_support_their_mean_and_the_papers_ring() -> None:
    values = {("a", "disc"): np.array([10.0, 20.0, 60.0]), ("b", "heart"): np.array([5.0])}
    figure = support_dots(
        values,
        {("a", "disc"): 42.0, ("a", "heart"): float("nan")},
        columns=["disc", "heart"],
        rows=["a", "b"],
        mine=["a"],
        xlabel="%",
    )
    disc, heart = figure.axes
    drawn = [line.get_xdata() for line in disc.lines]
    assert [list(np.atleast_1d(one)) for one in drawn] == [[10, 20, 60], [30], [42]]
    assert [list(np.atleast_1d(line.get_xdata())) for line in heart.lines] == [[5], [5]]
    assert disc.lines[0].get_marker() != heart.lines[0].get_marker(), "not by colour alone"


def test_maps_show_truth_and_answer_where_they_are() -> None:
    image = np.zeros((3, 16, 16), dtype=np.uint8)
    similarity = np.zeros((16, 16), dtype=np.float32)
    similarity[4, 9] = 1
    maps = [[Map(similarity, (4.0, 9.0), sure=True), Map(similarity, (4.0, 9.0), sure=False)]]
    figure = similarity_figure(
        [image, image],
        [(4.0, 9.0), (1.0, 2.0)],
        maps,
        titles=["support", "query"],
        row_titles=["row"],
        window=4,
    )
    sure, guess = figure.axes[2:]
    places = [[(line.get_xdata()[0], line.get_ydata()[0]) for line in one.lines]
              for one in (sure, guess)]  # fmt: skip
    assert places == [[(9, 4), (9, 4)], [(2, 1), (9, 4)]]
    assert sure.lines[1].get_marker() != guess.lines[1].get_marker()
    (box,) = figure.axes[0].patches
    assert box.get_xy() == (7, 2)
