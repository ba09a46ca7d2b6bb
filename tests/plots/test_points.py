"""Overlays of found points: where the cross lies, and that a guess looks unlike an answer."""

import numpy as np
import pytest
from PIL import Image
from PIL.ImageColor import getrgb

from ldl.plots.points import DOUBTFUL, FOUND, LONGEST, drawn, save_png

GREY = np.full((90, 120), 128, np.uint8)


def places(canvas: Image.Image, colour: str) -> np.ndarray:
    """Rows and columns of the pixels of a colour."""
    return np.argwhere((np.asarray(canvas) == getrgb(colour)).all(axis=2))


def test_the_cross_and_the_frame_are_centred_on_the_point() -> None:
    canvas = drawn(GREY, (40.0, 70.0), (20, 30), sure=True)
    assert canvas.size == (120, 90)
    rows, columns = places(canvas, FOUND).T
    assert (rows.min() + rows.max()) / 2 == pytest.approx(40, abs=1)
    assert (columns.min() + columns.max()) / 2 == pytest.approx(70, abs=1)
    assert np.ptp(rows) == pytest.approx(20, abs=2)
    assert np.ptp(columns) == pytest.approx(30, abs=2)
    assert canvas.getpixel((70, 40)) == getrgb(FOUND)


def test_a_guess_has_another_colour_a_gap_and_no_frame() -> None:
    canvas = drawn(GREY, (40.0, 70.0), (20, 30), sure=False)
    assert len(places(canvas, FOUND)) == 0
    marked = places(canvas, DOUBTFUL)
    assert np.abs(marked - (40, 70)).max() < 8
    assert canvas.getpixel((70, 40)) == (128, 128, 128)


def test_the_map_lies_over_its_area_only() -> None:
    low_to_high = np.linspace(0, 1, 8)[None].repeat(8, axis=0)
    canvas = drawn(GREY, (0, 0), (4, 4), sure=False, similarity=low_to_high, area=(30, 70, 20, 100))
    shown = np.asarray(canvas).astype(int)
    outside = np.ones((90, 120), bool)
    outside[30:70, 20:100] = outside[:12, :12] = False
    assert (shown[outside] == 128).all()
    assert shown[50, 25, 2] > shown[50, 25, 0], "low is blue"
    assert shown[50, 95, 0] > shown[50, 95, 2], "high is yellow"


def test_large_images_are_reduced_and_colour_stays() -> None:
    red = np.zeros((500, 2 * LONGEST, 3), np.uint8)
    red[..., 0] = 200
    canvas = drawn(red, (250, 1000), (64, 64), sure=True)
    assert canvas.size == (LONGEST, 250)
    assert canvas.getpixel((5, 5)) == (200, 0, 0)
    assert np.median(places(canvas, FOUND), axis=0) == pytest.approx((125, 500), abs=16)


def test_a_constant_map_and_a_point_at_the_border_are_drawn(tmp_path) -> None:
    canvas = drawn(GREY, (0, 119), (20, 20), sure=True, similarity=np.ones((4, 4)))
    save_png(canvas, tmp_path / "a.png")
    assert [path.name for path in tmp_path.iterdir()] == ["a.png"]
    assert Image.open(tmp_path / "a.png").size == (120, 90)
