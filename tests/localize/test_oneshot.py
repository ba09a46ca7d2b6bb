"""Finding a point again with a toy that shifts and turns with its image."""

import numpy as np
import pytest
import torch

from ldl.errors import ConfigError, DataError
from ldl.localize import TemplateMatcher, find, localize
from ldl.rng import numpy_generator
from ldl.sphere import unit

SEEDS = range(8)
SIDE = 96


def by_template(_embedder, *arguments, **options):
    """The baseline behind the same call."""
    return find(TemplateMatcher(), *arguments, **options)


def inner_point(seed):
    rng = numpy_generator(seed, "point")
    return tuple(float(value) for value in rng.integers(30, SIDE - 30, 2))


def turned_point(point, quarters):
    """Where (row, column) goes when the image is turned by `torch.rot90`."""
    for _ in range(quarters):
        point = (SIDE - 1 - point[1], point[0])
    return point


def distance(first, second):
    return float(np.hypot(*np.subtract(first, second)))


@pytest.mark.parametrize("seed", SEEDS)
def test_its_own_place_is_exact(embedder, scene, seed):
    image, point = scene(seed), inner_point(seed)
    for window in (4, 8, 16, 32):
        found = localize(embedder, image, point, image, window=window)
        assert found.status == "found"
        assert found.peak == point
        assert found.similarity[found.peak] == pytest.approx(1, abs=1e-6)
        assert found.similarity.shape == (SIDE, SIDE)
        # The centroid of the 95 % region leans with the hill's slopes, the more the wider it is.
        assert distance(found.point, point) <= {4: 0, 8: 0.75, 16: 1, 32: 2.5}[window]


@pytest.mark.parametrize("window", [4, 9, 16, 31])
def test_a_symmetric_landmark_is_exact_in_any_window(embedder, window):
    rows, columns = np.mgrid[:SIDE, :SIDE]
    rings = np.cos(np.hypot(rows - 50, columns - 37) / 3) * 0.4 + 0.5
    image = torch.from_numpy(np.stack([rings, rings**2, 1 - rings])).float()
    found = localize(embedder, image, (50, 37), image, window=window)
    assert found.peak == (50, 37)
    assert found.point == pytest.approx((50, 37), abs=1e-6)


@pytest.mark.parametrize("find", [localize, by_template])
@pytest.mark.parametrize("seed", SEEDS)
def test_found_after_a_shift_of_up_to_16_pixels(embedder, scene, seed, find):
    wide, point = scene(seed, side=SIDE + 64), inner_point(seed)
    down, along = (int(value) for value in numpy_generator(seed, "shift").integers(-16, 17, 2))
    support = wide[:, 32:-32, 32:-32]
    query = wide[:, 32 + down : 32 + down + SIDE, 32 + along : 32 + along + SIDE]
    found = find(embedder, support, point, query, window=12)
    assert found.status == "found"
    assert distance(found.point, (point[0] - down, point[1] - along)) <= 1


@pytest.mark.parametrize("quarters", [1, 2, 3])
@pytest.mark.parametrize("seed", SEEDS)
def test_found_after_a_quarter_turn(embedder, scene, seed, quarters):
    image, point = scene(seed), inner_point(seed)
    query = image.rot90(quarters, (1, 2))
    found = localize(embedder, image, point, query, window=12)
    assert found.status == "found"
    assert found.peak == turned_point(point, quarters)
    assert distance(found.point, turned_point(point, quarters)) <= 1
    own = localize(embedder, image, point, image, window=12).point
    assert distance(found.point, turned_point(own, quarters)) < 1e-6


@pytest.mark.parametrize("seed", SEEDS)
def test_the_second_axis_is_the_column(embedder, scene, seed):
    image = scene(seed)
    cropped = image[:, :64]  # 64 rows, 96 columns
    found = localize(embedder, cropped, (20, 80), cropped, window=8)
    assert found.peak == (20, 80)
    with pytest.raises(ConfigError, match=r"\(row 80, column 20\) lies outside .* 64 rows and 96"):
        localize(embedder, cropped, (80, 20), cropped, window=8)


@pytest.mark.parametrize("find", [localize, by_template])
@pytest.mark.parametrize("seed", SEEDS)
def test_the_same_pattern_twice_is_ambiguous(embedder, scene, seed, find):
    half = scene(seed, side=64)
    image = torch.cat([half, half], dim=2)
    found = find(embedder, image, (30, 31), image, window=12)
    assert (found.status, found.point) == ("ambiguous", None)
    assert found.sharpness < 0.02
    assert found.peak in ((30, 31), (30, 31 + 64))


@pytest.mark.parametrize("find", [localize, by_template])
@pytest.mark.parametrize("value", [0.0, 0.4, 1.0])
def test_a_blank_query_is_flat(embedder, scene, value, find):
    blank = torch.full((3, SIDE, SIDE), value)
    found = find(embedder, scene(0), (40, 40), blank, window=12)
    assert (found.status, found.point, found.reason) == ("flat", None, "the query is blank")
    assert found.similarity.shape == (SIDE, SIDE)
    both = find(embedder, blank, (40, 40), blank, window=12)
    assert (both.status, both.reason) == ("flat", "the support is blank")


@pytest.mark.parametrize("find", [localize, by_template])
@pytest.mark.parametrize(
    "point", [(0, 0), (0, 95), (95, 0), (95, 95), (-0.5, 40), (95.5, 40.2), (50, 0.4), (3, 90)]
)
def test_a_point_at_the_border_has_what_is_left_of_its_window(embedder, scene, point, find):
    image = scene(3)
    found = find(embedder, image, point, image, window=12)
    nearest = tuple(min(max(round(place), 0), SIDE - 1) for place in point)
    assert distance(found.peak, nearest) <= 1
    assert found.similarity.max() > 0.95


def test_a_point_between_pixels(embedder, scene):
    image = scene(4)
    found = localize(embedder, image, (40.5, 33.25), image, window=12)
    assert distance(found.point, (40.5, 33.25)) < 1


@pytest.mark.parametrize("find", [localize, by_template])
@pytest.mark.parametrize("seed", SEEDS)
def test_a_query_of_another_size_answers_in_its_own_pixels(scene, seed, find):
    """Its window grows with its rows and columns; the colours of a pixel stay what they are."""

    def waves(images):
        phase = torch.cat([20 * images, 33 * images.flip(1)], dim=1)
        return unit(torch.cat([phase.cos(), phase.sin()], dim=1), dim=1)

    image, point = scene(seed), inner_point(seed)
    query = torch.nn.functional.interpolate(
        image[None], (144, 192), mode="bilinear", align_corners=False
    )[0]
    found = find(waves, image, point, query, window=16)
    assert found.similarity.shape == (144, 192)
    expected = ((point[0] + 0.5) * 1.5 - 0.5, (point[1] + 0.5) * 2 - 0.5)
    assert distance(found.peak, expected) < 3


@pytest.mark.parametrize("find", [localize, by_template])
def test_what_does_not_fit_is_one_clear_line(embedder, scene, find):
    image = scene(0)
    unclean = image.clone()
    unclean[1, 5, 5] = float("nan")
    for arguments, window, error, said in [
        ((image, (96, 10), image), 8, ConfigError, r"row 96, column 10\) lies outside the support"),
        ((image, (10, -0.6), image), 8, ConfigError, "lies outside the support image of 96 rows"),
        ((image, (float("nan"), 10), image), 8, ConfigError, "two finite numbers"),
        ((image, (10, 10), image[:1]), 8, DataError, "query has 1 channel.* support 3"),
        ((image, (10, 10), unclean), 8, DataError, "query has pixels that are not finite"),
        ((unclean, (10, 10), image), 8, DataError, "support has pixels that are not finite"),
        ((image * 255, (10, 10), image), 8, DataError, "support has values .*give uint8, or float"),
        ((image[0], (10, 10), image), 8, DataError, r"support has shape \(96, 96\)"),
        ((image, (10, 10), image), 1.9, ConfigError, "window is 1.9 pixels; it must lie between 2"),
        ((image, (10, 10), image), 97, ConfigError, "smaller side, 96"),
        ((image, (10, 10), image), float("nan"), ConfigError, "window is nan"),
        ((image, (10, 10), image[:, ::8, ::8]), 8, ConfigError, "is 1 in a query of 12x12"),
    ]:
        with pytest.raises(error, match=said) as caught:
            find(embedder, *arguments, window=window)
        assert "\n" not in str(caught.value)


def test_an_embedder_that_answers_nonsense_is_named(scene):
    image = scene(0)
    with pytest.raises(DataError, match="not finite; were its weights lost"):
        localize(lambda x: x * float("nan"), image, (10, 10), image, window=8)
    with pytest.raises(DataError, match=r"gave \(1, 3, 48, 48\) for an image of 96x96"):
        localize(lambda x: x[..., ::2, ::2], image, (10, 10), image, window=8)


def test_bytes_arrays_and_floats_are_the_same_image(embedder, scene):
    whole = (scene(5) * 255).round()
    floats = localize(embedder, whole / 255, (40, 50), whole / 255, window=12)
    given = whole.to(torch.uint8)
    array = given.numpy()
    for image in (given, array):
        found = localize(embedder, image, (40, 50), image, window=12)
        np.testing.assert_allclose(found.similarity, floats.similarity, atol=1e-4)


def test_no_gradient_is_kept(scene):
    weight = torch.ones(1, requires_grad=True)
    image = scene(6)
    found = localize(lambda x: unit(x * weight, dim=1), image, (40, 50), image, window=12)
    assert isinstance(found.similarity, np.ndarray)
    assert found.similarity.dtype == np.float32
