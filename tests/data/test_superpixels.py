"""Superpixels of a slice and of a bank: air left out, resumed after a kill, organs kept apart."""

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace

import numpy as np
import pytest
from skimage.segmentation import felzenszwalb

from ldl.config import build
from ldl.data import superpixels as making
from ldl.data.bank import Bank, bank_folder
from ldl.data.superpixels import (
    MOST,
    open_superpixels,
    outside,
    prepare_superpixels,
    quality,
    stamp,
    superpixels,
)
from ldl.errors import ConfigError, DataError
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
    with pytest.raises(ConfigError, match=r"regions in a slice, 2 fit; raise scale"):
        superpixels(body()[None], CONFIG)
    assert MOST == 32767


@pytest.mark.parametrize(
    ("fields", "said"),
    [({"scale": 0.0}, "scale"), ({"sigma": -1.0}, "sigma"), ({"min_size": 0}, "min_size")],
)
def test_parameters_out_of_range_get_one_line(fields, said):
    with pytest.raises(ConfigError, match=said):
        build(SuperpixelConfig, fields)


def maps(*rows):
    return np.array(rows)[None]


def test_regions_that_follow_the_organs_lose_nothing():
    found = quality(maps([0, 1, 2, 2, 3, 4]), maps([0, 0, 1, 1, 2, 2]), 2)
    assert found.regions == 5
    assert found.dice.tolist() == [1, 1]
    assert found.merged.tolist() == [0, 0]


def test_a_region_over_two_organs_by_hand():
    found = quality(maps([0, 0, 1, 1, 1, 1, 2, 2]), maps([0, 0, 1, 1, 1, 2, 2, 2]), 2)
    # Region 1 becomes organ 1 (3 of 4): organ 1 is found as 4 for 3, organ 2 as 2 for 3.
    assert found.dice == pytest.approx([6 / 7, 4 / 5])
    assert found.merged == pytest.approx([0, 1 / 3])


def test_pixels_in_no_region_count_as_background():
    found = quality(maps([-1, -1, -1, 5]), maps([0, 0, 1, 1]), 1)
    assert found.dice == pytest.approx([2 * 1 / (1 + 2)])
    assert found.merged == [0]


def test_a_label_that_does_not_occur_is_nan():
    found = quality(maps([0, 0, 1]), maps([0, 0, 2]), 2)
    for score in (found.dice, found.merged):
        assert np.isnan(score).tolist() == [True, False]


def test_equal_ids_in_two_slices_are_two_regions():
    found = quality(np.array([[[0, 0]], [[0, 0]]]), np.array([[[1, 1]], [[2, 2]]]), 2)
    assert found.dice.tolist() == [1, 1]
    assert found.regions == 1


def test_it_is_the_loop_over_regions():
    draw = np.random.default_rng(1)
    regions, labels = draw.integers(-1, 9, (3, 12, 10)), draw.integers(0, 4, (3, 12, 10))
    won, merged = np.zeros_like(labels), np.zeros(4)
    for n in range(3):
        for region in range(9):
            inside = regions[n] == region
            counts = [(inside & (labels[n] == label)).sum() for label in range(4)]
            won[n][inside] = counts.index(max(counts))
            for label in range(1, 4):
                if counts.index(max(counts[1:]), 1) != label:
                    merged[label] += counts[label]
    found = quality(regions, labels, 3)
    for label in range(1, 4):
        pixels = (labels == label).sum()
        both = ((won == label) & (labels == label)).sum()
        expected = 2 * both / ((won == label).sum() + pixels)
        assert found.dice[label - 1] == pytest.approx(expected)
        assert found.merged[label - 1] == pytest.approx(merged[label] / pixels)


def test_organs_are_merged_also_where_the_background_wins():
    found = quality(maps([0, 0, 0, 0, 0, 1, 1, 2]), maps([0] * 5 + [1, 1, 2]), 2)
    assert found.merged.tolist() == [0, 0]
    found = quality(maps([0] * 8), maps([0] * 5 + [1, 1, 2]), 2)
    assert found.merged.tolist() == [0, 1]
    assert found.dice.tolist() == [0, 0]


def test_ids_are_names_only_and_gaps_are_no_regions():
    draw = np.random.default_rng(1)
    regions, labels = draw.integers(0, 6, (2, 8, 8)), draw.integers(0, 3, (2, 8, 8))
    names = np.array([40, 3, 0, 17, 5, 100])
    one, other = quality(regions, labels, 2), quality(names[regions], labels, 2)
    np.testing.assert_allclose(one.dice, other.dice)
    assert one.regions == other.regions == 6


def test_shapes_and_labels_that_do_not_fit_are_refused():
    with pytest.raises(DataError, match=r"\(1, 1, 3\).*\(1, 1, 2\)"):
        quality(maps([0, 0, 1]), maps([0, 1]), 1)
    with pytest.raises(DataError, match="labels 0 to 7 where 0 to 2"):
        quality(maps([0, 0]), maps([0, 7]), 2)


COARSE = SuperpixelConfig(scale=30.0, min_size=4)


def superpixel_folder(slices, config):
    return bank_folder(f"superpixels-{slices.name}", stamp(slices, config))


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("LDL_CACHE", str(tmp_path))
    return tmp_path


def bank(count=40, size=24, channels=1):
    coarse = np.random.default_rng(1).integers(0, 256, (count, channels, size // 4, size // 4))
    images = np.kron(coarse, np.ones((4, 4))).astype(np.uint8)
    return Bank("some slices", images, tuple(map(str, range(count))), "f" * 64)


@pytest.fixture
def calls(monkeypatch):
    """Counts slices; `limit` makes the next one fail as a user who stops the run."""
    made = {"count": 0, "limit": None}

    def counted(one, config):
        if made["limit"] is not None and made["count"] >= made["limit"]:
            raise KeyboardInterrupt
        made["count"] += 1
        return superpixels(one, config)

    monkeypatch.setattr(making, "superpixels", counted)
    return made


def test_the_maps_are_those_of_the_slices(cache):
    slices = bank()
    made = prepare_superpixels(slices, COARSE, workers=1)
    assert made.regions.shape == (40, 24, 24)
    assert made.regions.dtype == np.int16
    assert isinstance(made.regions, np.memmap)
    assert made.source == slices.fingerprint
    assert made.seconds_per_slice > 0
    for row in range(40):
        np.testing.assert_array_equal(made.regions[row], superpixels(slices.images[row], COARSE))
    index = json.loads((superpixel_folder(slices, COARSE) / "index.json").read_text())
    assert index["config"]["scale"] == 30.0
    assert [one.name for one in (cache / "banks").iterdir() if one.suffix == ".part"] == []


def test_several_processes_make_the_same_maps(cache):
    slices = bank()
    alone = prepare_superpixels(slices, COARSE, workers=1)
    renamed = replace(slices, name="in parallel")
    together = prepare_superpixels(renamed, COARSE, workers=2)
    assert together.fingerprint == alone.fingerprint
    np.testing.assert_array_equal(together.regions, alone.regions)


def test_they_are_made_once(calls):
    slices = bank()
    prepare_superpixels(slices, COARSE, workers=1)
    prepare_superpixels(slices, COARSE, workers=1)
    assert calls["count"] == 40


def test_another_bank_or_parameter_has_maps_of_its_own():
    slices = bank(4)
    others = [
        superpixel_folder(slices, COARSE),
        superpixel_folder(replace(slices, fingerprint="e" * 64), COARSE),
        superpixel_folder(slices, SuperpixelConfig(scale=31.0, min_size=4)),
        superpixel_folder(replace(slices, name="a/b"), COARSE),
    ]
    assert len(set(others)) == 4
    assert len({one.parent for one in others}) == 1


def test_a_stopped_run_goes_on_where_it_was(calls):
    slices = bank()
    calls["limit"] = 30
    with pytest.raises(KeyboardInterrupt):
        prepare_superpixels(slices, COARSE, workers=1)
    assert not superpixel_folder(slices, COARSE).exists()
    calls["limit"] = None
    made = prepare_superpixels(slices, COARSE, workers=1)
    assert calls["count"] == 40
    for row in range(40):
        np.testing.assert_array_equal(made.regions[row], superpixels(slices.images[row], COARSE))


def test_a_killed_run_goes_on_where_it_was(cache, calls):
    slices = bank(64)
    np.save(cache / "images.npy", slices.images)
    program = f"""
import time
import numpy as np
from ldl.data import superpixels as making
from ldl.data.bank import Bank
from ldl.runs.lrc import SuperpixelConfig
make = making.superpixels
making.superpixels = lambda *a: (time.sleep(0.02), make(*a))[1]
images = np.load({str(cache / "images.npy")!r})
slices = Bank("some slices", images, (), "f" * 64)
making.prepare_superpixels(slices, SuperpixelConfig(scale=30.0, min_size=4), workers=1)
"""
    folder = superpixel_folder(slices, COARSE)
    kept = folder.with_name(f".{folder.name}.part") / "entries.jsonl"
    run = subprocess.Popen([sys.executable, "-c", program])
    while run.poll() is None and not (kept.exists() and len(kept.read_text().splitlines()) > 1):
        time.sleep(0.01)
    os.kill(run.pid, signal.SIGKILL)
    run.wait()
    assert not folder.exists()
    done = len(kept.read_text().splitlines()) - 1
    assert 0 < done < 64
    made = prepare_superpixels(slices, COARSE, workers=1)
    assert calls["count"] == 64 - done
    for row in range(64):
        np.testing.assert_array_equal(made.regions[row], superpixels(slices.images[row], COARSE))


def test_a_slice_that_cannot_be_done_is_named(monkeypatch):
    monkeypatch.setattr("ldl.data.superpixels.MOST", 3)
    with pytest.raises(ConfigError, match=r"^slice 0: superpixels: \d+ regions in a slice"):
        prepare_superpixels(bank(4), COARSE, workers=1)


def test_what_are_no_slices_is_refused():
    slices = bank(4)
    for images in (slices.images[:, 0], slices.images.astype(np.float32), slices.images[:0]):
        with pytest.raises(DataError, match=r"some slices: images are .* expected uint8"):
            prepare_superpixels(replace(slices, images=images), COARSE, workers=1)


@pytest.mark.parametrize("damage", ["regions.npy", "index.json"])
def test_damaged_maps_are_one_line(damage):
    slices = bank(4)
    prepare_superpixels(slices, COARSE, workers=1)
    folder = superpixel_folder(slices, COARSE)
    (folder / damage).write_bytes(b"{}")
    with pytest.raises(DataError, match="delete the folder"):
        open_superpixels(folder)
    assert prepare_superpixels(slices, COARSE, workers=1).regions.shape == (4, 24, 24)


def test_progress_counts_slices(capsys):
    prepare_superpixels(bank(4), COARSE, workers=1, progress=True)
    assert "superpixels of some slices" in capsys.readouterr().err
