"""What a slice bank refuses to hold, and what is left when writing or reading it fails."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ldl.data.ct import open_ct_bank
from ldl.data.ct.bank import add_volume, slice_writer
from ldl.errors import DataError

from .test_bank import TOLD, slices, write

IMAGE, LABEL = slices(0, 1)[0]
WRONG = {
    "duplicate id 'a'": ("a", [(IMAGE, LABEL)]),
    r"images of x: uint8 \(1, 8, 7\) where": ("x", [(IMAGE[:, 1:], LABEL)]),
    r"images of x: int16 \(1, 8, 8\) where": ("x", [(IMAGE.astype(np.int16), LABEL)]),
    "labels of x: nothing where": ("x", [(IMAGE, None)]),
    "x: label 9 in a bank of 2 organs": ("x", [(IMAGE, LABEL), (IMAGE, np.full_like(LABEL, 9))]),
    "x: empty after windowing": ("x", [(np.full_like(IMAGE, 7), LABEL)] * 2),
    r"x: empty after windowing ": ("x", []),
}


@pytest.mark.parametrize("said", WRONG)
def test_what_does_not_fit_is_refused_and_leaves_no_trace(tmp_path: Path, said: str) -> None:
    with slice_writer(tmp_path / "bank", TOLD) as writer:
        add_volume(writer, "a", slices(0, 2), spacing=(1, 1, 1), affine=np.eye(4))
        id, content = WRONG[said]
        with pytest.raises(DataError, match=said):
            add_volume(writer, id, content, spacing=(1, 1, 1), affine=np.eye(4))
        add_volume(writer, "z", slices(5, 3), spacing=(1, 1, 1), affine=np.eye(4))
    bank = open_ct_bank(tmp_path / "bank")
    assert [one.count for one in bank.volumes] == [2, 3]
    for row, (image, label) in enumerate(slices(5, 3), start=2):
        np.testing.assert_array_equal(bank.images[row, 0], image)
        np.testing.assert_array_equal(bank.labels[row], label)


def test_a_label_where_none_belongs(tmp_path: Path) -> None:
    with (
        pytest.raises(DataError, match="labels of x in a bank without labels"),
        slice_writer(tmp_path / "bank", replace(TOLD, labelled=False)) as writer,
    ):
        add_volume(writer, "x", [(IMAGE, LABEL)], spacing=(1, 1, 1), affine=np.eye(4))


def test_a_failure_leaves_the_old_bank_as_it_was(tmp_path: Path) -> None:
    before = write(tmp_path / "bank").fingerprint

    def fail() -> None:
        with slice_writer(tmp_path / "bank", TOLD) as writer:
            add_volume(writer, "n", slices(7, 2), spacing=(1, 1, 1), affine=np.eye(4))
            raise RuntimeError("the disc is full")

    with pytest.raises(RuntimeError, match="the disc is full"):
        fail()
    assert open_ct_bank(tmp_path / "bank").fingerprint == before
    assert [one.name for one in tmp_path.iterdir()] == ["bank"]


def test_a_bank_of_nothing_is_not_written(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="nothing usable"), slice_writer(tmp_path / "bank", TOLD):
        pass
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["index.json", "images.npy", "labels.npy"])
@pytest.mark.parametrize("damage", ["gone", "cut"])
def test_damage_is_named(tmp_path: Path, name: str, damage: str) -> None:
    write(tmp_path / "bank")
    path = tmp_path / "bank" / name
    path.write_bytes(path.read_bytes()[:40]) if damage == "cut" else path.unlink()
    with pytest.raises(DataError, match=name) as caught:
        open_ct_bank(tmp_path / "bank")
    assert "delete" in str(caught.value)


def test_an_index_of_another_bank_is_noticed(tmp_path: Path) -> None:
    write(tmp_path / "bank")
    path = tmp_path / "bank" / "index.json"
    index = json.loads(path.read_text())
    path.write_text(json.dumps(index | {"entries": index["entries"][:2]}))
    with pytest.raises(DataError, match=r"does not match images\.npy"):
        open_ct_bank(tmp_path / "bank")
    path.write_text(json.dumps({"name": "x"}))
    with pytest.raises(DataError, match="not the index of a bank"):
        open_ct_bank(tmp_path / "bank")
