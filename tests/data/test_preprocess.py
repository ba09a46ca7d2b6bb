"""Field of view, resizing, and why masks are averaged and cut at 0.3."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from skimage.morphology import skeletonize

from ldl.data.preprocess import (
    Box,
    crop,
    field_of_view,
    resize_image,
    resize_mask,
    stretch_flat,
)
from ldl.data.readers.image import read_mask
from ldl.errors import DataError

PATH = Path("a.png")


def _eye(height: int = 120, width: int = 160, level: int = 21) -> np.ndarray:
    image = np.zeros((height, width, 3), np.uint8)
    image[30:90, 50:110, 2] = level
    return image


def test_box_is_the_lit_part_and_sixteen_pixels() -> None:
    assert field_of_view(_eye(), PATH) == Box(14, 106, 34, 126)


def test_threshold_is_exclusive_and_any_channel_counts() -> None:
    with pytest.raises(DataError, match=r"a\.png: no field of view"):
        field_of_view(_eye(level=20), PATH)
    field_of_view(_eye(level=21), PATH)


def test_box_is_cut_at_the_border() -> None:
    image = np.full((40, 50, 3), 200, np.uint8)
    assert field_of_view(image, PATH) == Box(0, 40, 0, 50)


def test_smaller_components_are_ignored_and_diagonals_connect() -> None:
    image = _eye()
    image[0:5, 0:5] = 255  # a label in the corner
    image[90, 110] = 255  # touches the eye by a corner only
    assert field_of_view(image, PATH) == Box(14, 107, 34, 127)


@pytest.mark.parametrize(("original", "margin"), [(None, 16), (160, 16), (1600, 2), (99999, 1)])
def test_margin_shrinks_with_the_image(original: int | None, margin: int) -> None:
    box = field_of_view(_eye(), PATH, reduced_from=original)
    assert box == Box(30 - margin, 90 + margin, 50 - margin, 110 + margin)


def test_crop_and_resize_keep_image_and_mask_in_register() -> None:
    image = _eye(level=200)
    mask = image[..., 2] > 0
    box = field_of_view(image, PATH)
    small = resize_image(crop(image, box), 32)
    kept = resize_mask(crop(mask, box), 32)
    assert small.shape == (3, 32, 32)
    assert small.dtype == kept.dtype == np.uint8
    agree = (small[2] > 0.3 * 200) == kept.astype(bool)
    assert agree.mean() > 0.99


def test_grey_image_keeps_one_channel() -> None:
    assert resize_image(np.zeros((10, 12), np.uint8), 8).shape == (1, 8, 8)


def test_only_flat_films_are_stretched_and_named(caplog: pytest.LogCaptureFixture) -> None:
    film = np.arange(64 * 64, dtype=np.uint32).reshape(64, 64)
    normal = (film % 200).astype(np.uint8)
    assert stretch_flat(normal, PATH, 64) is normal
    assert not caplog.records
    flat = (239 + film % 16).astype(np.uint8)
    assert np.ptp(stretch_flat(flat, PATH, 64)) == 255
    assert "a.png: only 16 grey levels" in caplog.text


def test_mask_of_the_same_size_is_unchanged() -> None:
    mask = np.random.default_rng(0).random((64, 64)) > 0.7
    np.testing.assert_array_equal(resize_mask(mask, 64), mask)


@pytest.mark.parametrize(("covered", "kept"), [(2, 0), (3, 0), (4, 1), (10, 1)])
def test_a_pixel_is_foreground_when_more_than_three_tenths_of_it_are(
    covered: int, kept: int
) -> None:
    mask = np.zeros((10, 10), bool)
    mask[:covered] = True
    assert resize_mask(mask, 1)[0, 0] == kept


def test_a_vessel_of_a_third_of_a_pixel_survives() -> None:
    mask = np.zeros((300, 300), bool)
    mask[:, 150:154] = True
    small = resize_mask(mask, 30)
    assert small[:, 15].all()
    assert small.sum() == 30
    nearest = np.asarray(Image.fromarray(mask).resize((30, 30), Image.Resampling.NEAREST))
    assert not nearest[:, 15].any()  # why nearest neighbour would not do


def _kept(mask: np.ndarray, small: np.ndarray) -> tuple[float, float]:
    """Share of the centre lines that survives, and DSC with the original after enlarging."""
    size = (mask.shape[1], mask.shape[0])
    enlarged = Image.fromarray((small > 0).astype(np.uint8)).resize(size, Image.Resampling.NEAREST)
    large = np.asarray(enlarged) > 0
    dsc = 2 * (large & mask).sum() / (large.sum() + mask.sum())
    return float(large[skeletonize(mask)].mean()), float(dsc)


def test_chosen_threshold_on_real_vessels(real_data: Path) -> None:
    file = real_data / "fundus/chasedb1/labels1/Image_05L_1stHO.png"
    mask = np.ascontiguousarray(read_mask(file)[3:955, 18:970])
    lines, dsc = _kept(mask, resize_mask(mask, 128))
    area = Image.fromarray(mask.astype(np.float32)).resize((128, 128), Image.Resampling.BOX)
    half_lines, half_dsc = _kept(mask, np.asarray(area) > 0.5)
    nearest = np.asarray(Image.fromarray(mask).resize((128, 128), Image.Resampling.NEAREST))
    nearest_lines, nearest_dsc = _kept(mask, nearest)
    assert lines > max(half_lines, nearest_lines)
    assert dsc > max(half_dsc, nearest_dsc)
