"""From files and phantoms to a bank split by volume, and to the rows that trainings read."""

import tracemalloc
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import nibabel
import numpy as np
import pytest

from ldl.data.ct import (
    ct_bank,
    joined,
    pretraining_rows,
    refuse_shared_volumes,
    slice_bank,
)
from ldl.data.superpixels import prepare_superpixels
from ldl.errors import DataError
from ldl.runs.lrc import CtConfig, SuperpixelConfig

from .conftest import body, stored, write

Fill = Callable[[int], Path]
FINE = (5.0, 3.0, 3.0)


def test_files_become_a_bank(abd110: Fill) -> None:
    abd110(9)
    bank = ct_bank("abdomen", "abd110", size=16, spacing=FINE)
    assert [one.id for one in bank.volumes] == [f"p{n}" for n in range(9)]
    assert [one.count for one in bank.volumes] == [6] * 9
    assert len(bank.organs) == 11
    assert set(np.unique(bank.labels)) == {0, 1, 2}
    assert bank.note == ""
    parts = {split: {v.id for v in bank.part(split)} for split in ("train", "validation", "test")}
    assert [len(one) for one in parts.values()] == [5, 1, 3]
    assert set.union(*parts.values()) == {f"p{n}" for n in range(9)}
    rows = [set(bank.rows(split)) for split in parts]
    assert sum(map(len, rows)) == len(set.union(*rows)) == len(bank.images)


def test_the_default_spacing_shows_the_whole_field(abd110: Fill) -> None:
    abd110(3)
    assert ct_bank("abdomen", "abd110", size=64).volumes[0].spacing == (2.5, 6.0, 6.0)


def test_budgets_share_the_test_volumes_and_the_seed_decides(abd110: Fill) -> None:
    abd110(12)
    bank = ct_bank("abdomen", "abd110", size=16, spacing=FINE)
    small, large = bank.part("train", 3), bank.part("train", 60)
    assert large[:3] == small
    assert len(large) == 7
    assert "7 labelled volumes, all that abd110-abdomen-16 leaves for training of 60" in (
        bank.budget_line(60)
    )
    other = ct_bank("abdomen", "abd110", size=16, spacing=FINE, seed=1)
    assert {v.id for v in other.part("test")} != {v.id for v in bank.part("test")}
    assert other.fingerprint != bank.fingerprint
    assert other.images.filename == bank.images.filename  # read once, split twice


def test_a_fresh_bank_is_opened_and_any_change_makes_another(
    abd110: Fill, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = abd110(3)
    first = ct_bank("abdomen", "abd110", size=16, spacing=FINE)
    with monkeypatch.context() as context:
        context.setattr("ldl.data.ct.prepare.volume_entry", pytest.fail)
        assert ct_bank("abdomen", "abd110", size=16, spacing=FINE).fingerprint == first.fingerprint
    write(root / "images" / "p0.nii.gz", stored(body(77)[0]))
    assert ct_bank("abdomen", "abd110", size=16, spacing=FINE).fingerprint != first.fingerprint
    shapes = {ct_bank("abdomen", "abd110", size=16, spacing=s).images.shape
              for s in (FINE, (2.5, 3.0, 3.0))}  # fmt: skip
    assert shapes == {(18, 1, 16, 16), (36, 1, 16, 16)}


def test_only_the_first_volumes(abd110: Fill) -> None:
    abd110(12)
    bank = ct_bank("abdomen", "abd110", size=16, spacing=FINE, volumes=4)
    assert [one.id for one in bank.volumes] == ["p0", "p1", "p2", "p3"]


def test_a_bad_volume_stops_or_is_left_out_by_name(
    abd110: Fill, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    root = abd110(5)
    (root / "labels" / "p1.nii.gz").unlink()
    write(root / "images" / "p3.nii.gz", np.minimum(stored(body(3)[0]), -500))
    with pytest.raises(DataError, match=r"p1\.nii\.gz: label missing"):
        ct_bank("abdomen", "abd110", size=16, spacing=FINE)
    assert not [one for one in (tmp_path / "cache/banks").iterdir() if one.is_dir()]
    bank = ct_bank("abdomen", "abd110", size=16, spacing=FINE, leave_out=True)
    assert [one.id for one in bank.volumes] == ["p0", "p2", "p4"]
    assert set(bank.left_out) == {"p1", "p3"}
    assert "empty after windowing" in bank.left_out["p3"]
    assert "p1: left out" in caplog.text
    assert "p3: left out" in caplog.text


def test_nothing_usable(abd110: Fill) -> None:
    root = abd110(2)
    for path in (root / "labels").iterdir():
        path.unlink()
    with pytest.raises(DataError, match="nothing usable"):
        ct_bank("abdomen", "abd110", size=16, leave_out=True)


def test_the_same_scan_in_train_and_test_is_refused(abd110: Fill) -> None:
    root = abd110(9)
    bank = ct_bank("abdomen", "abd110", size=16, spacing=FINE)
    test, train = bank.part("test")[0].id, bank.part("train")[0].id
    for folder in ("images", "labels"):
        (root / folder / f"{test}.nii.gz").write_bytes(
            (root / folder / f"{train}.nii.gz").read_bytes()
        )
    with pytest.raises(DataError, match="are the same scan; the same patient"):
        ct_bank("abdomen", "abd110", size=16, spacing=FINE)


def test_never_more_than_one_volume_in_memory(abd110: Fill) -> None:
    root = abd110(0)
    shape = (40, 96, 96)
    for number in range(4):
        image, label = body(number, shape)
        write(root / "images" / f"p{number}.nii", stored(image))
        write(root / "labels" / f"p{number}.nii", stored(label))
    for path in root.rglob("*.nii"):
        nibabel.load(path).to_filename(f"{path}.gz")
        path.unlink()
    one = int(np.prod(shape)) * 3  # int16 and uint8
    ct_bank("abdomen", "abd110", size=16, spacing=FINE, volumes=1)  # imports, caches
    peaks = []
    for count in (1, 4):
        tracemalloc.start()
        ct_bank("abdomen", "abd110", size=24, spacing=FINE, volumes=count)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < peaks[0] + one / 4


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
