"""From CT configs to banks and rows: no volume is in two parts, test volumes stay unseen."""

from dataclasses import replace

import numpy as np
import pytest

from ldl.data.ct import (
    joined,
    pretraining_rows,
    refuse_shared_volumes,
    slice_bank,
)
from ldl.data.superpixels import prepare_superpixels
from ldl.errors import DataError
from ldl.runs.lrc import CtConfig, SuperpixelConfig


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LDL_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="module")
def bank(cache):
    config = CtConfig(
        region="abdomen", source="phantom", size=32, volumes=7, slices=8, budgets=(1, 3)
    )
    return slice_bank(config)


def parts_of(bank, rows):
    return {bank.volumes[k].split for k in np.unique(bank.volume_of[rows])}


def test_a_bank_is_what_its_config_says(bank):
    assert bank.images.shape == (7 * 8, 1, 32, 32)
    assert bank.region == "abdomen"
    assert [one.split for one in bank.volumes].count("train") >= 3


def test_joined_banks_keep_slices_volumes_and_parts_apart_and_lose_their_labels(bank):
    other = slice_bank(
        CtConfig(region="thorax", source="phantom", size=32, volumes=4, slices=8, budgets=(1,))
    )
    both = joined([bank, other])
    assert joined([bank]) is bank
    assert both.labels is None
    assert len(both.images) == 11 * 8
    assert len({one.id for one in both.volumes}) == 11
    refuse_shared_volumes(both)
    last, alone = both.volumes[-1], other.volumes[-1]
    np.testing.assert_array_equal(both.images[last.rows], other.images[alone.rows])
    for part in ("train", "all"):
        sizes = [sum(map(len, pretraining_rows(one, part))) for one in (both, bank, other)]
        learned = [len(pretraining_rows(one, part)[0]) for one in (both, bank, other)]
        assert learned[0] == learned[1] + learned[2]
        assert sizes[0] == sizes[1] + sizes[2]
    assert len({bank.fingerprint, other.fingerprint, both.fingerprint}) == 3
    assert prepare_superpixels(both, SuperpixelConfig(), workers=1).source == both.fingerprint
    with pytest.raises(DataError, match="slices of"):
        joined([bank, replace(other, images=other.images[:, :, :16, :16])])


def test_region_maps_are_the_banks(bank):
    maps = prepare_superpixels(bank, SuperpixelConfig(), workers=1)
    assert maps.source == bank.fingerprint
    assert maps.regions.shape == (7 * 8, 32, 32)


@pytest.mark.parametrize(("part", "seen"), [("train", {"train"}), ("all", {"train", "test"})])
def test_a_pretraining_learns_from_its_part_and_is_watched_on_validation(bank, part, seen):
    learned, watched = pretraining_rows(bank, part)
    assert parts_of(bank, learned) == seen
    assert parts_of(bank, watched) == {"validation"}
    assert set(bank.volume_of[learned]) & set(bank.volume_of[watched]) == set()
    assert len(np.unique(learned)) == len(learned)
    assert all((bank.volume_of[learned] == k).sum() in (0, 8) for k in range(7))


def test_at_most_64_slices_are_watched_evenly_spread(bank):
    many = replace(bank, volumes=tuple(replace(one, split="validation") for one in bank.volumes))
    many = replace(many, volumes=(replace(many.volumes[0], split="train"), *many.volumes[1:]))
    _, watched = pretraining_rows(many, "train")
    assert len(watched) == 48
    longer = replace(many, volumes=(*many.volumes[:-1], replace(many.volumes[-1], count=80)))
    _, watched = pretraining_rows(longer, "train")
    assert len(watched) == 64
    places = np.flatnonzero(np.isin(longer.rows("validation"), watched))
    assert set(np.diff(places)) <= {1, 2}


def test_a_sound_bank_passes(bank):
    refuse_shared_volumes(bank)


def test_a_volume_in_two_parts_is_refused_with_its_name(bank):
    twin = replace(bank.volumes[1], id=bank.volumes[0].id)
    parts = [replace(bank.volumes[0], split="train"), replace(twin, split="test")]
    broken = replace(bank, volumes=(*parts, *bank.volumes[2:]))
    with pytest.raises(DataError, match=f"{bank.volumes[0].id} is in train and in test"):
        refuse_shared_volumes(broken)


def test_slices_in_two_volumes_are_refused(bank):
    moved = replace(bank.volumes[1], first=bank.volumes[1].first - 1)
    broken = replace(bank, volumes=(bank.volumes[0], moved, *bank.volumes[2:]))
    with pytest.raises(DataError, match="in no volume, or in two") as caught:
        refuse_shared_volumes(broken)
    assert "\n" not in str(caught.value)
