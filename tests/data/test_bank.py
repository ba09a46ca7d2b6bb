"""The image bank: written whole or not at all, opened memory-mapped."""

import json

import numpy as np
import pytest

from ldl.data.bank import (
    BankWriter,
    content_fingerprint,
    open_image_bank,
    open_task_bank,
)
from ldl.errors import DataError

SHAPE = (3, 4, 5)


def image(number):
    return np.random.default_rng(number).integers(0, 256, SHAPE, dtype=np.uint8)


def mask(number):
    return np.random.default_rng(number).integers(0, 2, SHAPE[1:], dtype=np.uint8)


def write_images(folder, count=4, start=0):
    with BankWriter(folder, "some images", count, SHAPE) as writer:
        for number in range(count):
            writer.add(f"id-{number}", image(start + number))


def write_task(folder, splits=("validation", "train", "train", "test")):
    with BankWriter(folder, "some task", len(splits), SHAPE, masks=True) as writer:
        for number, split in enumerate(splits):
            writer.add(f"id-{number}", image(number), mask(number), split)


def test_an_image_bank_comes_back_as_it_was_written(tmp_path):
    write_images(tmp_path / "bank")
    bank = open_image_bank(tmp_path / "bank")
    assert bank.name == "some images"
    assert bank.ids == ("id-0", "id-1", "id-2", "id-3")
    assert bank.images.shape == (4, *SHAPE)
    assert bank.images.dtype == np.uint8
    for number in range(4):
        np.testing.assert_array_equal(bank.images[number], image(number))


def test_a_task_bank_has_masks_and_splits_and_its_rows_keep_their_order(tmp_path):
    write_task(tmp_path / "bank")
    bank = open_task_bank(tmp_path / "bank")
    assert bank.splits == ("validation", "train", "train", "test")
    assert bank.rows("train") == [1, 2]
    assert bank.rows("validation") == [0]
    assert bank.rows("test") == [3]
    assert bank.rows("other") == []
    for number in range(4):
        np.testing.assert_array_equal(bank.masks[number], mask(number))


def test_a_bank_is_memory_mapped_and_cannot_be_written_to(tmp_path):
    write_task(tmp_path / "bank")
    bank = open_task_bank(tmp_path / "bank")
    for array in (bank.images, bank.masks):
        assert isinstance(array, np.memmap)
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 0


def test_the_fingerprint_is_that_of_pixels_masks_ids_and_splits(tmp_path):
    write_task(tmp_path / "bank")
    bank = open_task_bank(tmp_path / "bank")
    assert bank.fingerprint == content_fingerprint(bank.images, bank.masks, *bank.ids, *bank.splits)
    write_task(tmp_path / "again")
    assert open_task_bank(tmp_path / "again").fingerprint == bank.fingerprint
    other = {
        "pixel": (bank.images + np.uint8(1), bank.masks, bank.ids),
        "mask": (bank.images, 1 - bank.masks, bank.ids),
        "id": (bank.images, bank.masks, ("x", *bank.ids[1:])),
        "order": (bank.images[::-1], bank.masks, bank.ids),
        "no masks": (bank.images, None, bank.ids),
    }
    prints = {content_fingerprint(i, m, *ids, *bank.splits) for i, m, ids in other.values()}
    assert len(prints | {bank.fingerprint}) == 6


def test_a_failure_leaves_nothing_behind(tmp_path):
    def fail():
        with BankWriter(tmp_path / "bank", "b", 2, SHAPE) as writer:
            writer.add("one", image(1))
            raise RuntimeError("the disc is full")

    with pytest.raises(RuntimeError, match="the disc is full"):
        fail()
    assert list(tmp_path.iterdir()) == []


def test_a_failure_leaves_the_old_bank_as_it_was(tmp_path):
    write_images(tmp_path / "bank")
    before = open_image_bank(tmp_path / "bank").fingerprint
    with (
        pytest.raises(DataError),
        BankWriter(tmp_path / "bank", "b", 2, SHAPE) as writer,
    ):
        writer.add("one", image(9))
    assert open_image_bank(tmp_path / "bank").fingerprint == before


def test_a_bank_is_replaced_whole(tmp_path):
    write_images(tmp_path / "bank")
    write_images(tmp_path / "bank", count=2, start=7)
    bank = open_image_bank(tmp_path / "bank")
    assert bank.images.shape[0] == len(bank.ids) == 2
    np.testing.assert_array_equal(bank.images[0], image(7))


def refused(add, said):
    with pytest.raises(DataError) as caught:
        add()
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("written", [0, 1])
def test_fewer_images_than_announced_are_said_so(tmp_path, written):
    def short():
        with BankWriter(tmp_path / "bank", "short", 2, SHAPE) as writer:
            for number in range(written):
                writer.add(f"id-{number}", image(number))

    refused(short, f"{written} images written, 2 announced")
    assert not (tmp_path / "bank").exists()


@pytest.fixture
def writer(tmp_path):
    writer = BankWriter(tmp_path / "bank", "some bank", 3, SHAPE, masks=True)
    writer.add("first", image(0), mask(0))
    yield writer
    writer.__exit__(RuntimeError, None, None)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("first", image(1), mask(1)), "duplicate id 'first'"),
        (("first", image(1), mask(1), "test"), "duplicate id 'first' (train and test)"),
        (
            ("second", image(1)[:, :3], mask(1)),
            "second is uint8 (3, 3, 5), expected uint8 (3, 4, 5)",
        ),
        (("second", image(1)[:1], mask(1)), "second is uint8 (1, 4, 5)"),
        (("second", image(1), None), "second needs a mask"),
        (("second", image(1), mask(1)[:3]), "second needs a mask (4, 5)"),
        (("second", image(1), mask(1) * 255), "second needs a mask"),
        (("second", image(1), mask(1), "dev"), "split 'dev'"),
    ],
)
def test_what_does_not_fit_is_refused_with_its_id(writer, arguments, said):
    refused(lambda: writer.add(*arguments), said)


@pytest.mark.parametrize("kind", [np.float32, np.int16])
def test_an_image_of_another_kind_is_refused_not_cut_to_bytes(writer, kind):
    refused(
        lambda: writer.add("second", (image(1) * 0.003).astype(kind), mask(1)), "expected uint8"
    )


def test_more_images_than_announced_are_said_so(writer):
    writer.add("second", image(1), mask(1))
    writer.add("third", image(2), mask(2))
    refused(lambda: writer.add("fourth", image(3), mask(3)), "fourth is image 4 of 3 announced")


DAMAGE = {
    "no images": ("images.npy", None),
    "cut images": ("images.npy", lambda whole: whole[:-7]),
    "empty images": ("images.npy", lambda whole: b""),
    "cut masks": ("masks.npy", lambda whole: whole[:50]),
    "pickled masks": ("masks.npy", lambda whole: b"\x80\x04]\x94."),
    "no index": ("index.json", None),
    "cut index": ("index.json", lambda whole: whole[:20]),
    "empty index": ("index.json", lambda whole: b"{}"),
    "list index": ("index.json", lambda whole: b"[1, 2]"),
}


@pytest.mark.parametrize("damage", list(DAMAGE))
def test_a_damaged_bank_gets_one_line_that_names_the_file(tmp_path, damage):
    write_task(tmp_path / "bank")
    name, change = DAMAGE[damage]
    path = tmp_path / "bank" / name
    if change is None:
        path.unlink()
    else:
        path.write_bytes(change(path.read_bytes()))
    refused(lambda: open_task_bank(tmp_path / "bank"), name)


def test_an_index_of_another_bank_is_noticed(tmp_path):
    write_images(tmp_path / "bank")
    path = tmp_path / "bank" / "index.json"
    index = json.loads(path.read_text())
    for short in ("ids", "splits"):
        path.write_text(json.dumps({**index, short: index[short][:2]}))
        refused(lambda: open_image_bank(tmp_path / "bank"), "index.json")


def test_no_bank_at_all_is_said_so(tmp_path):
    refused(lambda: open_image_bank(tmp_path / "nowhere"), "nowhere")
