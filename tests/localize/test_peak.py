"""From maps to points: threshold, component, centroid, and the maps that show nothing."""

import numpy as np
import pytest

from ldl.localize import read_map

WINDOW = (8.0, 8.0)


def hill(*centres, height=1.0, shape=(40, 50), spread=3.0, ground=0.0):
    """Gaussian hills on even ground, float32."""
    rows, columns = np.mgrid[: shape[0], : shape[1]]
    total = np.full(shape, ground)
    for number, (row, column) in enumerate(centres):
        rise = np.exp(-((rows - row) ** 2 + (columns - column) ** 2) / (2 * spread**2))
        top = height[number] if isinstance(height, tuple) else height
        total = np.maximum(total, ground + (top - ground) * rise)
    return total.astype(np.float32)


@pytest.mark.parametrize("seed", range(10))
def test_a_single_hill_is_found_where_it_stands(seed):
    rng = np.random.default_rng(seed)
    place = (int(rng.integers(5, 35)), int(rng.integers(5, 45)))
    found = read_map(hill(place, height=float(rng.uniform(0.1, 1))), WINDOW)
    assert (found.status, found.reason, found.sharpness) == ("found", "", 1.0)
    assert found.point == found.guess == found.peak == place


def test_the_centroid_is_that_of_the_component_with_the_maximum():
    similarity = np.full((30, 30), 0.4, np.float32)
    similarity[5, 5:8] = 0.96, 1.0, 0.97
    similarity[6, 8] = 0.98  # touches by a corner
    similarity[7, 5] = 0.94  # below 95 %
    similarity[20, 20] = 0.96  # another component
    found = read_map(similarity, WINDOW)
    assert found.peak == (5, 6)
    assert found.point == found.guess == pytest.approx((5.25, 6.5))


def test_two_equal_hills_are_ambiguous():
    found = read_map(hill((10, 10), (30, 40)), WINDOW)
    assert (found.status, found.point, found.sharpness) == ("ambiguous", None, 0.0)
    assert "second place" in found.reason
    assert found.peak == (10, 10)  # the first in reading order, and still the protocol's guess
    assert found.guess == (10, 10)


@pytest.mark.parametrize(("second", "status"), [(0.99, "ambiguous"), (0.96, "ambiguous"),
                                                (0.9, "found"), (0.5, "found")])  # fmt: skip
def test_sharpness_is_the_height_above_the_next_place(second, status):
    found = read_map(hill((10, 10), (30, 40), height=(1.0, second), ground=0.2), WINDOW)
    expected = (1 - second) / 0.8
    # The median is the ground but for the hills' feet.
    assert found.sharpness == pytest.approx(expected, rel=0.02)
    assert found.status == ("found" if expected >= 0.05 else "ambiguous")
    assert status == ("found" if second <= 0.9 else "ambiguous")


def test_a_place_within_half_a_window_is_no_rival():
    for height in ((1.0, 0.99), 1.0):
        found = read_map(hill((10, 10), (10, 13), spread=1.0, height=height), WINDOW)
        assert found.sharpness == 1.0


def test_sharpness_does_not_change_with_scale_and_offset():
    similarity = hill((10, 10), (30, 40), height=(1.0, 0.8))
    first = read_map(similarity, WINDOW).sharpness
    assert read_map(similarity * 0.5 + 0.3, WINDOW).sharpness == pytest.approx(first, rel=1e-4)


@pytest.mark.parametrize("level", [0.3, 1.0])
def test_a_constant_map_is_flat(level):
    found = read_map(np.full((20, 30), level, np.float32), WINDOW)
    assert (found.status, found.point, found.sharpness) == ("flat", None, 0.0)
    assert "above the median" in found.reason
    assert found.guess == (9.5, 14.5)


def test_a_low_hill_on_high_ground_is_flat():
    assert read_map(hill((10, 10), height=0.9, ground=0.895), WINDOW).status == "flat"


def test_a_region_of_many_windows_is_flat():
    similarity = np.zeros((64, 64), np.float32)
    similarity[4:28, 4:28] = 0.99
    similarity[16, 16] = 1.0
    found = read_map(similarity, WINDOW)
    assert found.status == "flat"
    assert "9.0 windows" in found.reason


@pytest.mark.parametrize("top", [0.0, -0.2])
def test_a_map_without_positive_similarity_is_absent(top):
    similarity = hill((10, 10), height=top, ground=-0.9)
    found = read_map(similarity, WINDOW)
    assert (found.status, found.point) == ("absent", None)
    assert found.guess == found.peak == (10, 10)


def test_negative_ground_does_not_change_the_threshold():
    high, low = (hill((10, 10), height=0.6, ground=g, spread=6) for g in (0.0, -0.8))
    region = [(one >= 0.95 * 0.6).sum() for one in (high, low)]
    assert region[0] > region[1] > 1  # the same level cuts a steeper hill nearer to its top
    assert read_map(low, WINDOW).point == (10, 10)


def test_what_is_known_to_be_blank_is_flat_whatever_the_map_shows():
    found = read_map(hill((10, 10)), WINDOW, blank="the query is blank")
    assert (found.status, found.point, found.reason) == ("flat", None, "the query is blank")
    assert found.guess == (10, 10)
