"""The image bank: written whole or not at all, opened memory-mapped."""

import contextlib
import json
import os
import subprocess
import sys

import numpy as np
import pytest

from ldl.data.bank import BankWriter, content_fingerprint, image_rows, made, open_images
from ldl.errors import DataError

SHAPE = (3, 4, 5)


def image(number):
    return np.random.default_rng(number).integers(0, 256, SHAPE, dtype=np.uint8)


def mask(number):
    return np.random.default_rng(number).integers(0, 2, SHAPE[1:], dtype=np.uint8)


TASK = image_rows(SHAPE, masks=True)


def pair(number):
    return {"images": image(number), "masks": mask(number)}


def write_images(folder, count=4, start=0):
    with BankWriter(folder, "some images", image_rows(SHAPE), count=count) as writer:
        for number in range(count):
            writer.add(f"id-{number}", [{"images": image(start + number)}], split="train")


def write_task(folder, splits=("validation", "train", "train", "test")):
    with BankWriter(folder, "some task", TASK, count=len(splits)) as writer:
        for number, split in enumerate(splits):
            writer.add(f"id-{number}", [pair(number)], split=split)


def test_an_image_bank_comes_back_as_it_was_written(tmp_path):
    write_images(tmp_path / "bank")
    bank = open_images(tmp_path / "bank")
    assert bank.name == "some images"
    assert bank.ids == ("id-0", "id-1", "id-2", "id-3")
    assert bank.images.shape == (4, *SHAPE)
    assert bank.images.dtype == np.uint8
    for number in range(4):
        np.testing.assert_array_equal(bank.images[number], image(number))


def test_a_task_bank_has_masks_and_splits_and_its_rows_keep_their_order(tmp_path):
    write_task(tmp_path / "bank")
    bank = open_images(tmp_path / "bank")
    assert bank.splits == ("validation", "train", "train", "test")
    assert bank.rows("train") == [1, 2]
    assert bank.rows("validation") == [0]
    assert bank.rows("test") == [3]
    assert bank.rows("other") == []
    for number in range(4):
        np.testing.assert_array_equal(bank.masks[number], mask(number))


def test_a_bank_is_memory_mapped_and_cannot_be_written_to(tmp_path):
    write_task(tmp_path / "bank")
    bank = open_images(tmp_path / "bank")
    for array in (bank.images, bank.masks):
        assert isinstance(array, np.memmap)
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 0


def test_the_fingerprint_is_that_of_pixels_masks_ids_and_splits(tmp_path):
    write_task(tmp_path / "bank")
    bank = open_images(tmp_path / "bank")
    assert bank.fingerprint == content_fingerprint(bank.images, bank.masks, *bank.ids, *bank.splits)
    write_task(tmp_path / "again")
    assert open_images(tmp_path / "again").fingerprint == bank.fingerprint
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
        with BankWriter(tmp_path / "bank", "b", image_rows(SHAPE), count=2) as writer:
            writer.add("one", [{"images": image(1)}])
            raise RuntimeError("the disc is full")

    with pytest.raises(RuntimeError, match="the disc is full"):
        fail()
    assert list(tmp_path.iterdir()) == []


def test_a_failure_leaves_the_old_bank_as_it_was(tmp_path):
    write_images(tmp_path / "bank")
    before = open_images(tmp_path / "bank").fingerprint
    with (
        pytest.raises(DataError),
        BankWriter(tmp_path / "bank", "b", image_rows(SHAPE), count=2) as writer,
    ):
        writer.add("one", [{"images": image(9)}])
    assert open_images(tmp_path / "bank").fingerprint == before


def test_a_bank_is_replaced_whole(tmp_path):
    write_images(tmp_path / "bank")
    write_images(tmp_path / "bank", count=2, start=7)
    bank = open_images(tmp_path / "bank")
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
        with BankWriter(tmp_path / "bank", "short", image_rows(SHAPE), count=2) as writer:
            for number in range(written):
                writer.add(f"id-{number}", [{"images": image(number)}])

    refused(short, f"{written} images written, 2 announced")
    assert not (tmp_path / "bank").exists()


@pytest.mark.parametrize(
    ("id", "row", "split", "said"),
    [
        ("first", pair(1), "train", "duplicate id 'first'"),
        ("first", pair(1), "test", "duplicate id 'first' (train and test)"),
        ("second", {**pair(1), "images": image(1)[:, :3]}, "train",
         "images of second: uint8 (3, 3, 5) where uint8 (3, 4, 5) belongs"),
        ("second", {**pair(1), "images": image(1) * np.float32(1)}, "train", "float32 (3, 4, 5)"),
        ("second", {**pair(1), "images": image(1).astype(np.int16)}, "train", "int16 (3, 4, 5)"),
        ("second", {"images": image(1)}, "train", "masks of second: nothing where uint8 (4, 5)"),
        ("second", {**pair(1), "masks": mask(1)[:3]}, "train", "masks of second: uint8 (3, 5)"),
        ("second", {**pair(1), "points": np.zeros(2)}, "train", "in a bank without points"),
        ("second", pair(1), "dev", "split 'dev'"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_refused_and_leaves_no_trace(tmp_path, id, row, split, said):
    with BankWriter(tmp_path / "bank", "some bank", TASK, count=2) as writer:
        writer.add("first", [pair(0)], split="train")
        refused(lambda: writer.add(id, [row], split=split), said)
        writer.add("last", [pair(5)], split="test")
    bank = open_images(tmp_path / "bank")
    assert bank.ids == ("first", "last")
    np.testing.assert_array_equal(bank.images[1], image(5))


def test_more_images_than_announced_are_said_so(tmp_path):
    def fill():
        with BankWriter(tmp_path / "bank", "b", TASK, count=1) as writer:
            writer.add("first", [pair(1)])
            writer.add("fourth", [pair(3)])

    refused(fill, "fourth is image 2 of 1 announced")


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
    refused(lambda: open_images(tmp_path / "bank"), name)


def test_an_index_of_another_bank_is_noticed(tmp_path):
    write_images(tmp_path / "bank")
    path = tmp_path / "bank" / "index.json"
    index = json.loads(path.read_text())
    path.write_text(json.dumps({**index, "entries": index["entries"][:2]}))
    refused(lambda: open_images(tmp_path / "bank"), "index.json: does not match images.npy")


def test_no_bank_at_all_is_said_so(tmp_path):
    refused(lambda: open_images(tmp_path / "nowhere"), "nowhere")


def interrupted(folder, count):
    """Write the first images of a bank and stop as a kill would."""
    writer = BankWriter(folder, "b", TASK, count=6)
    for number in range(count):
        writer.add(f"id-{number}", [pair(number)], split="train")
    return writer


def finish(folder):
    with BankWriter(folder, "b", TASK, count=6) as writer:
        there = writer.done
        for number in range(there, 6):
            writer.add(f"id-{number}", [pair(number)], split="train")
    return there, open_images(folder).fingerprint


@pytest.mark.parametrize("cut", ["nothing", "journal", "rows beyond the journal", "an array"])
def test_a_killed_writer_goes_on_and_ends_with_the_same_bits(tmp_path, cut):
    expected = finish(tmp_path / "whole")[1]
    folder, work = tmp_path / "bank", tmp_path / ".bank.part"
    interrupted(folder, 4)
    if cut == "journal":
        whole = (work / "entries.jsonl").read_bytes()
        (work / "entries.jsonl").write_bytes(whole[:-5])
    elif cut == "rows beyond the journal":
        lines = (work / "entries.jsonl").read_text().splitlines(keepends=True)
        (work / "entries.jsonl").write_text("".join(lines[:-2]))
    elif cut == "an array":
        (work / "masks.npy").unlink()
    kept = {"nothing": 4, "journal": 3, "rows beyond the journal": 2, "an array": 0}[cut]
    assert finish(folder) == (kept, expected)
    assert not work.exists()


def test_an_interrupted_writer_keeps_what_is_done_and_a_failed_one_does_not(tmp_path):
    for error, kept in ((KeyboardInterrupt, 1), (DataError, 0)):
        with (
            contextlib.suppress(error),
            BankWriter(tmp_path / "bank", "b", TASK, count=6) as writer,
        ):
            writer.add("id-0", [pair(0)], split="train")
            raise error
        assert finish(tmp_path / "bank")[0] == kept


def test_what_was_left_out_is_remembered_over_a_kill(tmp_path):
    writer = interrupted(tmp_path / "bank", 3)
    writer.leave_out("bad", "damaged")
    with BankWriter(tmp_path / "bank", "b", TASK, count=6) as again:
        assert (again.done, again.count) == (4, 5)
        for number in range(4, 6):
            again.add(f"id-{number}", [pair(number)], split="train")
    assert open_images(tmp_path / "bank").left_out == {"bad": "damaged"}


def test_a_full_disk_is_told_before_the_work(tmp_path, monkeypatch):
    monkeypatch.setattr("ldl.paths.free_bytes", lambda folder: 100)
    refused(lambda: BankWriter(tmp_path / "bank", "b", TASK, count=9), "100 are free; make room")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(not os.access("/dev/full", os.W_OK), reason="no /dev/full")
def test_a_disk_that_fills_up_meanwhile_is_one_line_and_no_signal(tmp_path):
    writer = BankWriter(tmp_path / "bank", "b", image_rows(SHAPE))
    writer._files["images"] = open("/dev/full", "wb", buffering=0)  # noqa: SIM115
    refused(lambda: writer.add("a", [{"images": image(0)}]), "no space left")


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("LDL_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def test_content_decides_the_name_and_it_is_written_once(cache):
    written = []

    def write(folder):
        written.append(folder)
        write_images(folder)

    first = made("images", ["a", 1], write)
    assert made("images", ["a", 1], write) == first
    assert made("images", ["a", 2], write) != first
    odd = made("../a b/\udcff" + "x" * 300, [], write)
    assert odd.parent == cache / "banks"
    assert len(written) == 3


def test_a_damaged_cache_is_made_again(cache):
    folder = made("images", [], write_images)
    (folder / "images.npy").write_bytes(b"")
    assert open_images(made("images", [], write_images)).images.shape[0] == 4


def test_a_cache_that_cannot_be_written_names_the_variable(cache):
    cache.write_text("a file where the folder should be")
    refused(lambda: made("images", [], write_images), "LDL_CACHE")


def test_two_processes_that_want_the_same_bank_write_it_once(cache, tmp_path):
    program = (
        "import time; import numpy as np\n"
        "from ldl.data.bank import *\nfrom ldl.data.bank import *\n"
        "def write(folder):\n"
        "    with BankWriter(folder, 'b', image_rows((1, 4, 4)), count=20) as w:\n"
        "        for k in range(20):\n"
        "            time.sleep(0.01)\n"
        "            w.add(str(k), [{'images': np.full((1, 4, 4), k, np.uint8)}])\n"
        "    print('wrote')\n"
        "print(open_images(made('b', [], write)).fingerprint)\n"
    )
    runs = [
        subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
        for _ in range(3)
    ]
    said = [one.communicate()[0].split() for one in runs]
    assert sum("wrote" in words for words in said) == 1
    assert len({words[-1] for words in said}) == 1
