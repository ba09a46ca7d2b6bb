"""What people really bring: odd names, twins, masks, bad files, full disks, folders in the way."""

import csv
import gc
import os
import shutil
import subprocess
import sys
import weakref
from pathlib import Path

import numpy as np
import pydicom
import pytest
from PIL import Image
from typer.testing import CliRunner, Result

from ldl.cli import app
from ldl.data.own import LEAST, folder_bank, image_files
from ldl.data.preprocess import picture
from ldl.engine.profiles import PROFILES
from ldl.errors import DataError, LdlError
from ldl.methods import METHODS
from ldl.own.locate import CSV
from ldl.rng import numpy_generator
from ldl.tables.encoders import Variant, ldl_config
from ldl.train import checkpoint


@pytest.fixture
def films(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Twenty films of 40 x 50 pixels in two folders."""
    monkeypatch.setenv("LDL_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    for number in range(20):
        film(tmp_path / "films" / f"part{number % 2}" / f"{number:02d}.png", number)
    return tmp_path / "films"


def film(path: Path, seed: int) -> np.ndarray:
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = numpy_generator(seed, "film").integers(20, 230, (40, 50)).astype(np.uint8)
    Image.fromarray(pixels).save(path)
    return pixels


def mask(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.zeros((40, 50), np.uint8)
    pixels[10:20, 10:30] = 255
    Image.fromarray(pixels).save(path)


def pretrain(*words: object) -> Result:
    options = ["--modality", "xray", "--profile", "smoke", "--steps", "2", "--device", "cpu"]
    return CliRunner().invoke(app, ["pretrain", *map(str, words), *options])


def refused(done: Result) -> str:
    assert isinstance(done.exception, LdlError), (done.output, done.exception)
    return str(done.exception)


@pytest.fixture
def trained(films: Path) -> list[str]:
    """Words of `ldl localize` up to the queries, with an encoder as `ldl pretrain` writes it."""
    config = ldl_config(Variant("pd+mix"), "xray", PROFILES["smoke"])
    header = {"run_id": config.run_id(), "config": config.model_dump(mode="json")}
    weights = METHODS["pd+mix"].network(config).state_dict()
    path = str(films.parent / "enc.safetensors")
    checkpoint.save(Path(path), weights, header)
    support = str(films / "part0" / "00.png")
    return ["localize", "--encoder", path, "--support", support, "--point", "20,20",
            "--window", "128"]  # fmt: skip


def localize(words: list[str], *more: object) -> Result:
    return CliRunner().invoke(app, [*words, *map(str, more)])


def answers(folder: Path) -> list[dict[str, str]]:
    with (folder / CSV).open(encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


# 1. Overwriting


def content(folder: Path) -> dict[str, bytes]:
    return {str(one): one.read_bytes() for one in folder.rglob("*") if one.is_file()}


def test_no_answer_replaces_an_image_or_a_foreign_file(
    trained: list[str], films: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    film(films / "part2" / "02.png", 92)
    film(films / "part0" / "a.jpg", 90)
    film(films / "part0" / "support.png", 91)
    (films / "part1" / CSV).write_text("query,x\nmine,1\n")
    before = content(films)
    for place, query, named in (
        ("part2", "02.png", "02.png"),
        ("part0", "a.jpg", "support.png"),
        ("part1", "03.png", CSV),
    ):
        monkeypatch.chdir(films / place)
        said = refused(localize(trained, query, "-o", "."))
        assert named in said
        assert "name another folder" in said
        assert content(films) == before


def test_earlier_answers_are_replaced(trained: list[str], films: Path) -> None:
    for query in ("02.png", "04.png"):
        done = localize(trained, films / "part0" / query, "-o", "out")
        assert done.exit_code == 0, done.output
    assert answers(Path("out"))[0]["overlay"] == "04.png"
    Path("out/mine.txt").write_text("mine")
    film(Path("out/06.png"), 3)
    before = Path("out/06.png").read_bytes()
    assert "06.png" in refused(localize(trained, films / "part0" / "06.png", "-o", "out"))
    assert Path("out/06.png").read_bytes() == before


def test_weights_replace_weights_only(films: Path) -> None:
    other = films / "part0" / "00.png"
    before = other.read_bytes()
    assert "name a file that ends in .safetensors" in refused(pretrain("films", other))
    foreign = films.parent / "theirs.safetensors"
    foreign.write_bytes(before)
    assert "not weights of ldl, so it is not replaced" in refused(pretrain("films", foreign))
    assert (other.read_bytes(), foreign.read_bytes()) == (before, before)


# 2. Outputs and caches are looked at before the work


def test_an_output_that_cannot_be_is_told_before_the_work(
    films: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ldl.own.pretraining.folder_bank", pytest.fail)
    (films.parent / "file").write_text("")
    folder = films.parent / "folder.safetensors"
    folder.mkdir()
    for output, said in (
        (folder, "a folder; name a file in it"),
        (films.parent / "file" / "enc.safetensors", "cannot be written"),
        (Path("/proc/nowhere/enc.safetensors"), "cannot be written"),
    ):
        assert said in refused(pretrain("films", output))


def test_a_cache_that_cannot_be_is_one_line(films: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (films.parent / "file").write_text("")
    for place in (films.parent / "file", Path("/proc/nowhere")):
        monkeypatch.setenv("LDL_CACHE", str(place))
        said = refused(pretrain("films", "enc.safetensors"))
        assert str(place) in said
        assert "LDL_CACHE" in said
        assert "\n" not in said


def test_runs_and_book_look_at_their_folders_first(
    films: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ldl.engine.runner.run_all", pytest.fail)
    monkeypatch.setattr("ldl.book.build.execute_stale", pytest.fail)
    (films.parent / "file").write_text("")
    for variable, words in (
        ("LDL_CACHE", ["run", "table2", "--profile", "smoke"]),
        ("LDL_EXECUTED", ["book", "build", "--profile", "smoke"]),
    ):
        with monkeypatch.context() as context:
            context.setenv(variable, str(films.parent / "file" / "x"))
            said = refused(CliRunner().invoke(app, words))
            assert "cannot be written" in said
            assert variable in said


def test_a_full_disk_is_told_before_the_work(films: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ldl.paths.free_bytes", lambda folder: 1000)
    said = refused(pretrain("films", "enc.safetensors"))
    assert "bytes and 1,000 are free" in said
    assert "LDL_CACHE" in said


# 3. Content decides a cache's name


def test_two_folders_of_one_name_have_banks_of_their_own(films: Path) -> None:
    for number in range(LEAST):
        film(films.parent / "other" / "films" / f"{number}.png", 100 + number)
    first = folder_bank(films, "xray", 32)
    second = folder_bank(films.parent / "other" / "films", "xray", 32)
    assert first.fingerprint != second.fingerprint
    again = folder_bank(films, "xray", 32)
    assert (again.fingerprint, again.images.filename) == (first.fingerprint, first.images.filename)


def test_a_changed_file_of_the_same_size_and_time_is_another_content(films: Path) -> None:
    path = films / "part0" / "00.bmp"
    film(path, 50)
    before, told = folder_bank(films, "xray", 32), path.stat()
    film(path, 51)
    os.utime(path, ns=(told.st_atime_ns, told.st_mtime_ns))
    assert path.stat().st_size == told.st_size
    assert folder_bank(films, "xray", 32).fingerprint != before.fingerprint


# 5. Which files belong to a set


def test_what_is_taken_and_what_is_left_out_is_said(films: Path) -> None:
    elsewhere = films.parent / "elsewhere"
    shutil.move(films / "part1", elsewhere)
    (films / "part1").symlink_to(elsewhere)
    (elsewhere / "circle").symlink_to(films)
    for name in ("._00.png", ".DS_Store", "__MACOSX/x.png", "Thumbs.db", ".cache/a.png"):
        film(films / "z.png", 0)
        (films / name).parent.mkdir(exist_ok=True)
        shutil.move(films / "z.png", films / name)
    for name in ("b.WEBP", "c.jp2", "d.JFIF"):
        kind = {"J": "JPEG", "W": "WEBP", "j": "JPEG2000"}[name[2]]
        pixels = numpy_generator(0, name).integers(20, 230, (40, 50)).astype(np.uint8)
        Image.fromarray(pixels).save(films / name, kind)
    (films / "notes.txt").write_text("hello")
    mask(films / "part0" / "00_mask.png")
    mask(films / "masks" / "02.png")
    mask(films / "unnamed.png")
    said: list[str] = []
    bank = folder_bank(films, "xray", 32, say=said.append)
    assert len(bank.ids) == 23
    assert {"part1/01.png", "b.WEBP", "c.jp2", "d.JFIF"} <= set(bank.ids)
    (line,) = said
    assert line.startswith(f"{films}: 23 images taken, 10 files left out: ")
    for words in ("2 masks beside their images (masks/02.png, part0/00_mask.png)",
                  "1 of another kind (notes.txt)", "1 of two levels only, as masks are (unnamed",
                  "3 hidden", "2 system", "1 link in a circle"):  # fmt: skip
        assert words in line
    again: list[str] = []
    assert folder_bank(films, "xray", 32, say=again.append).fingerprint == bank.fingerprint
    assert again == said


def test_folders_called_labels_are_no_masks_by_themselves(tmp_path: Path) -> None:
    for number in range(LEAST):
        film(tmp_path / f"label_{number % 2}" / f"{number}.png", number)
    assert len(image_files(tmp_path).files) == LEAST


def test_dots_in_a_name_make_no_twin_of_a_mask(tmp_path: Path) -> None:
    for number in range(LEAST):
        film(tmp_path / ("gt" if number % 2 else "cr") / f"1.2.840.{number}.png", number)
    assert len(image_files(tmp_path).files) == LEAST
    mask(tmp_path / "gt" / "1.2.840.0.png")
    assert list(image_files(tmp_path).left_out) == ["gt/1.2.840.0.png"]


def test_dicom_without_a_suffix_counts(films: Path) -> None:
    raw = pydicom.data.get_testdata_file("CT_small.dcm")
    shutil.copy(raw, films / "1.2.840.10008.1")
    assert "1.2.840.10008.1" in image_files(films).files


# 7. Content that cannot be right


def test_twins_are_named_and_never_held_out_from_each_other(films: Path) -> None:
    for number in range(20):
        path = films / f"part{number % 2}" / f"{number:02d}.png"
        Image.open(path).save(films / f"copy{number:02d}.bmp")
    said: list[str] = []
    bank = folder_bank(films, "xray", 32, say=said.append)
    assert len(bank.ids) == len({one.tobytes() for one in bank.images}) == 20
    assert "20 seen before" in said[0]
    assert "the same picture as copy00.bmp" in bank.left_out["part0/00.png"]


def test_a_copy_in_another_format_is_a_twin_too(films: Path) -> None:
    for number in range(20):
        path = films / f"part{number % 2}" / f"{number:02d}.png"
        Image.open(path).save(films / f"copy{number:02d}.jpg", quality=80)
    assert len(folder_bank(films, "xray", 32).ids) == 20


def test_a_folder_of_too_few_different_pictures_is_refused(tmp_path: Path) -> None:
    for number in range(LEAST):
        film(tmp_path / f"{number}.png", 0)
    with pytest.raises(DataError, match="1 images taken, 15 files left out: 15 seen before"):
        folder_bank(tmp_path, "xray", 32)


# 10. One bad file does not end the batch


@pytest.fixture
def bad(films: Path) -> list[str]:
    """Names of five files that cannot be used."""
    names = [f"part{number % 2}/{number:02d}.png" for number in (0, 3, 4, 7, 8)]
    for name, raw in zip(
        names, (b"", b"hello", b"\0" * 99, b"version https://git-lfs", b"%PDF-1"), strict=True
    ):
        (films / name).write_bytes(raw)
    return names


def test_all_bad_files_are_named_at_once_and_may_be_left_out(films: Path, bad: list[str]) -> None:
    said = refused(pretrain("films", "enc.safetensors"))
    assert all(name in said for name in bad)
    assert said.startswith("5 of 20 files cannot be used; --leave-out")
    assert "15 images taken" in refused(pretrain("films", "enc.safetensors", "--leave-out"))
    film(films / "more.png", 77)
    done = pretrain("films", "enc.safetensors", "--leave-out")
    assert done.exit_code == 0, done.output
    assert "16 images taken, 5 files left out: 5 that cannot be used (part0/00.png" in done.output


def test_bad_queries_are_named_at_once_and_may_be_left_out(
    trained: list[str], films: Path, bad: list[str]
) -> None:
    words = [*trained]
    words[4] = str(films / "part0" / "02.png")
    queries = [films / name for name in (bad[1], "part0/06.png", bad[2])]
    said = refused(localize(words, *queries))
    assert bad[1] in said
    assert bad[2] in said
    assert not Path("localized").exists()
    done = localize(words, *queries, "--leave-out")
    assert done.exit_code == 0, done.output
    assert [one["status"] == "unreadable" for one in answers(Path("localized"))] == [
        True,
        False,
        True,
    ]
    assert "2 overlays" in done.output


def test_queries_are_not_kept_in_memory(
    trained: list[str], films: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    alive: list[int] = []
    most = []

    def counted(*arguments: object) -> object:
        gc.collect()
        most.append(len(alive))
        found = picture(*arguments)
        alive.append(0)
        weakref.finalize(found.pixels, alive.pop)
        return found

    monkeypatch.setattr("ldl.data.preprocess.picture", counted)
    done = localize(trained, *sorted((films / "part0").iterdir()))
    assert done.exit_code == 0, done.output
    assert len(most) == 11
    assert max(most) <= 2  # the support and the query before


# 11. Names


def latin1(folder: Path) -> Path:
    return Path(os.fsdecode(os.fsencode(folder) + b"/caf\xe9.png"))


def test_names_that_are_no_utf8(films: Path, trained: list[str]) -> None:
    odd = latin1(films)
    film(odd, 60)
    done = pretrain("films", "enc2.safetensors")
    assert done.exit_code == 0, (done.output, done.exception)
    done = localize(trained, odd, "-o", "out")
    assert done.exit_code == 0, (done.output, done.exception)
    (row,) = answers(Path("out"))
    assert row["overlay"] == r"caf\udce9.png"
    assert latin1(Path("out")).is_file()
    odd.write_bytes(b"broken")
    words = [sys.executable, "-m", "ldl", *trained, os.fsencode(odd)]
    done2 = subprocess.run(words, capture_output=True, env={**os.environ, "PYTHONUTF8": "1"})
    assert done2.returncode == 2
    assert b"Traceback" not in done2.stderr
    assert rb"caf\udce9.png: not an image" in done2.stderr


def test_overlays_are_named_after_their_image(films: Path, trained: list[str]) -> None:
    raw = (films / "part0" / "02.png").read_bytes()
    names = ["1.2.840.1001.png", "1.2.840.1002.PNG", "a.b.c", "A.B.c"]
    for name in names:
        (films / name).write_bytes(raw)
    done = localize(trained, *(films / name for name in names))
    assert done.exit_code == 0, done.output
    overlays = [one["overlay"] for one in answers(Path("localized"))]
    assert overlays == ["1.2.840.1001.png", "1.2.840.1002.png", "a.b.c.png", "A.B.c-2.png"]
    assert all((Path("localized") / one).is_file() for one in overlays)
