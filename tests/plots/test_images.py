"""Pictures of masks, vectors and regions: what is painted, and that colours follow the numbers."""

import numpy as np

from ldl import plots
from ldl.plots.images import borders, enlarged, outlined, region_colours

MAP = np.array([[-1, 0, 0], [-1, 1, 1]])


def test_enlarged_pixels_are_squares() -> None:
    assert enlarged(np.array([[1, 2]]), 2).tolist() == [[1, 1, 2, 2], [1, 1, 2, 2]]


def test_borders_lie_on_both_sides_of_an_edge() -> None:
    assert borders(np.array([[0, 0, 1, 1]])).tolist() == [[False, True, True, False]]
    assert not borders(np.zeros((3, 3))).any()


def test_outlines_change_nothing_else() -> None:
    image = np.full((2, 3), 100, np.uint8)
    drawn = outlined(image, MAP, scale=4, colour="#FFFFFF", strength=1.0)
    assert drawn.shape == (3, 8, 12)
    line = borders(enlarged(MAP, 4))
    assert (drawn[:, line] == 255).all()
    assert (drawn[:, ~line] == 100).all()


def test_a_number_keeps_its_colour_and_none_is_black() -> None:
    one, other = region_colours(MAP, scale=1), region_colours(MAP[::-1] + 0, scale=1)
    assert (one[:, :, 0] == 0).all()
    np.testing.assert_array_equal(one[:, 0, 1], other[:, 1, 1])
    many = region_colours(np.arange(60).reshape(6, 10), scale=1).reshape(3, -1).T
    assert len(np.unique(many, axis=0)) == 60
    assert (region_colours(np.full((2, 2), -1), scale=1) == 0).all()


def test_overlay_paints_agreement_misses_and_false_alarms() -> None:
    image = np.zeros((3, 1, 4), dtype=np.uint8)
    painted = plots.overlay(image, np.array([[1, 1, 0, 0]]), np.array([[1, 0, 1, 0]]), strength=1.0)
    assert painted[0].tolist() == [[240, 228, 66], [86, 180, 233], [233, 30, 159], [0, 0, 0]]


def test_nearest_is_the_greatest_cosine() -> None:
    candidates = np.array([[1.0, 0.0], [0.0, 1.0], [0.6, 0.8]])
    order, similarity = plots.nearest(np.array([[0.0, 1.0]]), candidates, 2)
    assert order.tolist() == [[1, 2]]
    assert similarity[0].tolist() == [1.0, 0.8]


def test_cell_counts_row_by_row() -> None:
    image = np.arange(16).reshape(1, 4, 4)
    assert plots.cell(image, 2, 2).tolist() == [[[8, 9], [12, 13]]]
