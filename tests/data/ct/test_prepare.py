"""From files, and from a source of phantoms, to a bank that is split by volume."""

import tracemalloc
from collections.abc import Callable
from pathlib import Path

import nibabel
import numpy as np
import pytest

from ldl.data.ct import ct_bank
from ldl.errors import DataError

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
        context.setattr("ldl.data.ct.prepare._write", pytest.fail)
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
