"""Superpixels of one slice: whole numbers from 0, air outside the body left out."""

import numpy as np
import pytest
from skimage.segmentation import felzenszwalb

from ldl.config import build
from ldl.data.superpixels import MOST, outside, superpixels
from ldl.errors import ConfigError
from ldl.runs.lrc import SuperpixelConfig

CONFIG = SuperpixelConfig()


def body(size=64, air=0):
    """A disc of grey 120 with two organs and a lung, in air, with a thin table below."""
    y, x = np.mgrid[:size, :size] - size // 2
    slice_ = np.full((size, size), air, np.uint8)
    slice_[y**2 + x**2 < (0.4 * size) ** 2] = 120
    slice_[(y + 8) ** 2 + (x + 10) ** 2 < 49] = 200
    slice_[(y + 8) ** 2 + (x - 10) ** 2 < 49] = 160
    slice_[(y - 12) ** 2 + x**2 < 49] = 0
    slice_[-3, 10:-10] = 90
    return slice_


def test_tissues_of_a_plain_body_are_the_regions():
    slice_ = body()
    regions = superpixels(slice_[None], SuperpixelConfig(sigma=0.0))
    assert regions.shape == slice_.shape
    assert regions.dtype == np.int16
    inside = regions >= 0
    assert sorted(np.unique(regions[inside])) == [0, 1, 2, 3]
    for number in range(4):
        assert len(np.unique(slice_[regions == number])) == 1
    assert (slice_[~inside] == 0).sum() + 44 == (~inside).sum()  # the table is 44 pixels


def test_ids_are_in_order_of_first_appearance():
    regions = superpixels(body()[None], CONFIG).ravel()
    seen = list(dict.fromkeys(regions[regions >= 0].tolist()))
    assert seen == list(range(len(seen)))


def test_inside_the_body_it_is_felzenszwalbs_partition():
    slice_ = np.random.default_rng(1).integers(60, 200, (48, 40), dtype=np.uint8)
    config = SuperpixelConfig(scale=50.0, sigma=0.8, min_size=6)
    regions = superpixels(slice_[None], config)
    expected = felzenszwalb(slice_, scale=50, sigma=0.8, min_size=6)
    pairs = set(zip(regions.ravel().tolist(), expected.ravel().tolist(), strict=True))
    assert len(pairs) == regions.max() + 1 == expected.max() + 1


def test_air_in_the_body_is_a_region_and_air_around_it_is_not():
    slice_ = body()
    around = outside(slice_[None], 4)
    assert not around[44, 32]  # the lung
    assert around[0, 0]
    assert around[-3, 20]  # the table
    assert not outside(slice_[None], -1).any()
    assert outside(body(air=4)[None], 4)[0, 0]
    assert not outside(body(air=5)[None], 4)[0, 0]


def test_a_large_second_part_is_body_too():
    slice_ = np.zeros((1, 40, 40), np.uint8)
    slice_[:, 5:20, 5:35] = 100
    slice_[:, 25:30, 5:15] = 100  # an arm: 50 of 450 pixels
    slice_[:, 35:37, 5:15] = 100  # 20 of 450
    around = outside(slice_, 4)
    assert not around[27, 8]
    assert around[36, 8]


def test_a_pixel_is_air_only_where_every_channel_is():
    slices = np.stack([body(), body()])
    slices[1, :4] = 100
    around = outside(slices, 4)
    assert not around[:4].any()
    assert around[4, 0]
    assert superpixels(slices, CONFIG).shape == (64, 64)


@pytest.mark.parametrize(("grey", "regions"), [(0, set()), (100, {0})])
def test_flat_slices_have_one_region_or_none(grey, regions):
    found = superpixels(np.full((1, 32, 32), grey, np.uint8), CONFIG)
    assert set(found[found >= 0].tolist()) == regions


def test_the_smallest_region_grows_with_the_picture_unless_it_is_given():
    assert [CONFIG.smallest(side, 2 * side) for side in (8, 64, 128, 512)] == [1, 4, 8, 32]
    assert SuperpixelConfig(min_size=7).smallest(512, 512) == 7
    noise = np.random.default_rng(1).integers(0, 256, (1, 64, 64), dtype=np.uint8)
    for config in (SuperpixelConfig(air=-1), SuperpixelConfig(min_size=9, air=-1)):
        sizes = np.bincount(superpixels(noise, config).ravel())
        assert sizes.min() >= config.smallest(64, 64)


def test_a_larger_scale_gives_fewer_regions():
    noise = np.random.default_rng(1).integers(0, 256, (1, 64, 64), dtype=np.uint8)
    counts = [superpixels(noise, SuperpixelConfig(scale=s)).max() for s in (1.0, 200.0, 2000.0)]
    assert counts == sorted(counts, reverse=True)
    assert counts[0] > counts[-1]


def test_more_regions_than_fit_are_refused(monkeypatch):
    monkeypatch.setattr("ldl.data.superpixels.MOST", 2)
    with pytest.raises(ConfigError, match=r"regions in one slice, at most 2 fit; raise scale"):
        superpixels(body()[None], CONFIG)
    assert MOST == 32767


@pytest.mark.parametrize(
    ("fields", "said"),
    [({"scale": 0.0}, "scale"), ({"sigma": -1.0}, "sigma"), ({"min_size": 0}, "min_size")],
)
def test_parameters_out_of_range_get_one_line(fields, said):
    with pytest.raises(ConfigError, match=said):
        build(SuperpixelConfig, fields)
