"""The slice bank: written whole or not at all, stacked back into volumes, split by volume."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ldl.data.bank import BankWriter
from ldl.data.ct import open_ct_bank
from ldl.data.ct.bank import (
    CtBank,
    part_sizes,
    slice_fingerprint,
    slice_rows,
    split_volumes,
    volume_entry,
)
from ldl.data.ct.volume import plain_affine
from ldl.errors import DataError

SIZE = 8
TOLD = {"name": "set-abdomen-8", "region": "abdomen", "size": SIZE, "labelled": True,
        "organs": ("liver", "spleen"), "window": (-125, 275), "note": "a note"}  # fmt: skip
COUNTS = {"a": 3, "b": 12, "c": 1}


def slice_writer(folder: Path, told: dict) -> BankWriter:
    writer = BankWriter(folder, told["name"], slice_rows(told), fingerprint=slice_fingerprint(told))
    writer.facts = dict(told)
    return writer


def add_volume(writer: BankWriter, *given: object, **more: object) -> None:
    id, rows, facts = volume_entry(writer.facts, *given, **more)
    writer.add(id, rows, **facts)


def slices(seed: int, count: int) -> list[tuple[np.ndarray, np.ndarray]]:
    rng = np.random.default_rng(seed)
    shape = (count, SIZE, SIZE)
    images = rng.integers(0, 256, shape, dtype=np.uint8)
    return list(zip(images, rng.integers(0, 3, shape, dtype=np.uint8), strict=True))


def write(folder: Path, told: dict = TOLD, seed: int = 0) -> CtBank:
    with slice_writer(folder, told) as writer:
        for number, (id, count) in enumerate(COUNTS.items()):
            found = slices(seed + number, count)
            content = found if told["labelled"] else [(image, None) for image, _ in found]
            affine = plain_affine((2.5, 1.0, 2.0))
            add_volume(writer, id, content, spacing=(2.5, 1.0, 2.0), affine=affine, outside=0.1)
    return open_ct_bank(folder)


def test_a_bank_comes_back_as_it_was_written(tmp_path: Path) -> None:
    bank = write(tmp_path / "bank")
    assert (bank.name, bank.region, bank.window) == ("set-abdomen-8", "abdomen", (-125, 275))
    assert (bank.organs, bank.note) == (("liver", "spleen"), "a note")
    assert bank.images.shape == (16, 1, SIZE, SIZE)
    assert bank.labels.shape == (16, SIZE, SIZE)
    for array in (bank.images, bank.labels):
        assert isinstance(array, np.memmap)
        assert array.dtype == np.uint8
    for number, entry in enumerate(bank.volumes):
        for row, (image, label) in enumerate(slices(number, entry.count), start=entry.first):
            np.testing.assert_array_equal(bank.images[row, 0], image)
            np.testing.assert_array_equal(bank.labels[row], label)
    assert bank.volume_of.tolist() == [0] * 3 + [1] * 12 + [2]
    assert bank.z_of.tolist() == [0, 1, 2, *range(12), 0]
    assert bank.volumes[1].spacing == (2.5, 1.0, 2.0)
    assert bank.volumes[1].outside == 0.1


def test_a_bank_without_labels(tmp_path: Path) -> None:
    bank = write(tmp_path / "bank", TOLD | {"labelled": False, "organs": ()})
    assert bank.labels is None
    assert not (tmp_path / "bank" / "labels.npy").exists()


def test_the_fingerprint_is_that_of_the_content(tmp_path: Path) -> None:
    first = write(tmp_path / "bank").fingerprint
    assert write(tmp_path / "again").fingerprint == first
    assert write(tmp_path / "words", TOLD | {"note": "other words"}).fingerprint == first
    others = [
        write(tmp_path / "pixels", seed=9),
        write(tmp_path / "window", TOLD | {"window": (-100, 275)}),
        write(tmp_path / "organs", TOLD | {"organs": ("liver", "heart")}),
        write(tmp_path / "bare", TOLD | {"labelled": False}),
    ]
    assert len({one.fingerprint for one in others} | {first}) == 5


def test_results_of_slices_go_back_into_volumes(tmp_path: Path) -> None:
    bank = write(tmp_path / "bank")
    rows = np.r_[3:15, 15]
    mixed = np.random.default_rng(0).permutation(rows)
    found = dict(bank.stacked(mixed, bank.labels[mixed]))
    assert [entry.id for entry in found] == ["b", "c"]
    for entry, labels in found.items():
        np.testing.assert_array_equal(labels, bank.labels[entry.rows])
    with pytest.raises(DataError, match="b lacks 2 of 12 slices"):
        list(bank.stacked(rows[2:], bank.labels[rows[2:]]))


def test_splits_and_budgets(tmp_path: Path) -> None:
    bank = write(tmp_path / "bank")
    parts = zip(bank.volumes, [("train", 1), ("test", 0), ("train", 0)], strict=True)
    bank = replace(bank, volumes=tuple(replace(v, split=s, place=p) for v, (s, p) in parts))
    assert [one.id for one in bank.part("train")] == ["c", "a"]
    assert bank.rows("train").tolist() == [15, 0, 1, 2]
    assert bank.rows("train", budget=1).tolist() == [15]
    assert bank.rows("test").tolist() == list(range(3, 15))
    assert bank.budget_line(2) == "2 labelled volumes; a note"
    line = bank.budget_line(60)
    assert line == "2 labelled volumes, all that set-abdomen-8 leaves for training of 60; a note"
    with pytest.raises(DataError, match="no validation volume among 3"):
        bank.part("validation")


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
        slice_writer(tmp_path / "bank", TOLD | {"labelled": False}) as writer,
    ):
        add_volume(writer, "x", [(IMAGE, LABEL)], spacing=(1, 1, 1), affine=np.eye(4))


def test_a_bank_of_nothing_is_not_written(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="nothing usable"), slice_writer(tmp_path / "bank", TOLD):
        pass
    assert list(tmp_path.iterdir()) == []


def test_an_index_of_another_bank_is_noticed(tmp_path: Path) -> None:
    write(tmp_path / "bank")
    path = tmp_path / "bank" / "index.json"
    index = json.loads(path.read_text())
    path.write_text(json.dumps(index | {"entries": index["entries"][:2]}))
    with pytest.raises(DataError, match=r"does not match images\.npy"):
        open_ct_bank(tmp_path / "bank")
    path.write_text(json.dumps({"name": "x"}))
    with pytest.raises(DataError, match=r"index\.json: damaged"):
        open_ct_bank(tmp_path / "bank")


@pytest.mark.parametrize(
    ("count", "sizes"),
    [
        (110, (63, 11, 36)),  # ABD-110
        (85, (60, 8, 17)),  # Thorax-85: test gives back what the budget of 60 needs
        (120, (68, 12, 40)),  # HaN
        (165, (94, 16, 55)),  # openkbp
        (18, (10, 2, 6)),  # btcv
        (21, (12, 2, 7)),  # segthor
        (3, (1, 1, 1)),
    ],
)
def test_sizes(count: int, sizes: tuple[int, int, int]) -> None:
    assert part_sizes(count) == sizes
    assert sum(sizes) == count


@pytest.mark.parametrize("count", range(3, 200))
def test_no_part_is_empty_and_budgets_are_met_where_they_can_be(count: int) -> None:
    train, validation, test = part_sizes(count)
    assert min(train, validation, test) >= 1
    assert count // 5 <= test <= count // 3
    if count - validation - count // 5 >= 60:
        assert train >= 60


def of(parts: dict, split: str) -> set[str]:
    return {one for one, part in parts.items() if part[0] == split}


def test_parts_are_disjoint_and_whole() -> None:
    ids = [f"p{n}" for n in range(40)]
    parts = split_volumes(ids, 0, "set")
    assert set(parts) == set(ids)
    for split in ("train", "validation", "test"):
        places = sorted(place for found, place in parts.values() if found == split)
        assert places == list(range(len(places)))


def test_seed_and_set_decide() -> None:
    ids = [f"p{n}" for n in range(40)]
    parts = split_volumes(ids, 0, "set")
    assert split_volumes(ids, 0, "set") == parts
    assert of(split_volumes(ids, 1, "set"), "test") != of(parts, "test")
    assert of(split_volumes(ids, 0, "other"), "test") != of(parts, "test")


def test_smaller_budgets_share_the_test_volumes() -> None:
    ids = [f"p{n}" for n in range(165)]
    parts = split_volumes(ids, 3, "set")
    assert split_volumes(ids, 3, "set", budgets=(10,)) == parts
    assert len(of(parts, "test")) == 55


def test_too_few() -> None:
    with pytest.raises(DataError, match="2 volumes cannot be split"):
        part_sizes(2)
