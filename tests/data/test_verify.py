"""Verification names every fault, and the command line ends with 1 if there is any."""

import csv
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from ldl.cli.data import app
from ldl.data.files import file_hash
from ldl.data.folder import DatasetFolder
from ldl.data.manifest import Layout, Manifest, manifest_named, manifests
from ldl.data.verify import record_hashes, verify
from ldl.errors import DataError

Write = Callable[[Manifest, Layout], Path]


@pytest.fixture
def drive(write_tree: Write, short_lists: Path) -> Path:
    """A small DRIVE in its original layout, whose hashes are the published ones."""
    manifest = manifest_named("rite")
    root = write_tree(manifest, manifest.layouts[0])
    with (short_lists / "originals_sha256.csv").open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(["dataset", "path", "bytes", "sha256"])
        for path in sorted(p for p in root.rglob("*") if p.is_file()):
            name = path.relative_to(root).as_posix()
            writer.writerow(["DRIVE", name, path.stat().st_size, file_hash(path)])
    return root


def faults(name: str) -> list[str]:
    return [str(one) for one in verify(DatasetFolder(manifest_named(name))).faults]


def test_a_whole_set_has_no_faults(drive: Path) -> None:
    report = verify(DatasetFolder(manifest_named("rite")))
    assert report.faults == ()
    assert (report.layout, report.hashed, report.decoded) == ("drive", 14, 0)


IMAGE = "training/images/21_training.tif"
OTHER = "training/images/22_training.tif"


def test_each_kind_of_fault_is_named(drive: Path) -> None:
    (drive / "test/images/01_test.tif").unlink()
    (drive / "readme.txt").write_text("hello")
    (drive / IMAGE).write_bytes((drive / IMAGE).read_bytes()[:99])
    changed = bytearray((drive / OTHER).read_bytes())
    changed[-1] ^= 1
    (drive / OTHER).write_bytes(changed)
    (drive / "training/1st_manual/23_manual1.gif").rename(drive / "23.gif")
    found = faults("rite")
    said = {
        "missing: training/images/01_training.tif or test/images/01_test.tif",
        "extra: readme.txt",
        f"truncated: {IMAGE} (99 of ",
        f"changed: {OTHER} (sha256 ",
        "renamed: training/1st_manual/23_manual1.gif or test/1st_manual/23_manual1.gif "
        "(its content lies in 23.gif)",
    }
    assert len(found) == len(said)
    assert all(any(one.startswith(start) for one in found) for start in said)


def test_swapped_files_are_named(drive: Path) -> None:
    first, second = (drive / IMAGE).read_bytes(), (drive / OTHER).read_bytes()
    (drive / IMAGE).write_bytes(second)
    (drive / OTHER).write_bytes(first)
    assert faults("rite") == [
        f"renamed: {IMAGE} (it has the content of {OTHER})",
        f"renamed: {OTHER} (it has the content of {IMAGE})",
    ]


def test_a_set_without_published_hashes_is_decoded(write_tree: Write) -> None:
    manifest = manifest_named("stare")
    root = write_tree(manifest, manifest.layouts[0])
    report = verify(DatasetFolder(manifest))
    assert (report.hashed, report.decoded, report.faults) == (0, 14, ())
    path = root / "stare-images/im0001.ppm.gz"
    path.write_bytes(path.read_bytes()[:200])
    (root / "labels-ah/im0002.ah.ppm.gz").write_bytes(b"")
    found = faults("stare")
    assert found[0].startswith("truncated: labels-ah/im0002.ah.ppm.gz (empty (0 bytes)")
    assert "stare-images/im0001.ppm.gz" in found[1]
    assert len(found) == 2


def test_recorded_hashes_find_what_decoding_cannot(write_tree: Write) -> None:
    manifest = manifest_named("chasedb1")
    root = write_tree(manifest, manifest.layouts[0])
    record_hashes(DatasetFolder(manifest))
    first, second = root / "Image_01L.jpg", root / "Image_01R.jpg"
    first.write_bytes(second.read_bytes())
    assert any(one.startswith("renamed: Image_01L.jpg") for one in faults("chasedb1"))


def test_optional_files_are_not_extra_but_unknown_ids_are(write_tree: Write) -> None:
    manifest = manifest_named("rite")
    root = write_tree(manifest, manifest.layouts[0])
    mask = root / "training/1st_manual/21_manual1.gif"
    for number in ("21", "99"):
        path = root / f"training/mask/{number}_training_mask.gif"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(mask.read_bytes())
    found = [one for one in faults("rite") if one.startswith("extra")]
    assert found == ["extra: training/mask/99_training_mask.gif"]


def test_pool_without_a_list_is_counted(home: Path) -> None:
    manifest = manifest_named("nih_chestxray8")
    folder = home / manifest.folder / "images"
    folder.mkdir(parents=True)
    (folder / "00000001_000.png").write_bytes(b"")
    found = faults("nih_chestxray8")
    assert "missing: 1 images of xray_pretraining where there should be 112,120" in found


def _run(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, list(arguments))
    if isinstance(result.exception, DataError):
        return 2, str(result.exception)
    return result.exit_code, result.stdout


def test_command_verify(drive: Path) -> None:
    code, said = _run("verify", "rite")
    assert code == 0
    assert "14 files compared with a known hash, 0 decoded, 0 faults" in said
    (drive / IMAGE).unlink()
    code, said = _run("verify", "rite")
    assert code == 1
    assert "missing: training/images/21_training.tif" in said
    assert "1 faults" in said


def test_command_verify_of_what_is_not_there(home: Path) -> None:
    code, said = _run("verify", "rite")
    assert code == 2
    assert "nothing in" in said


def test_command_list(home: Path) -> None:
    code, said = _run("list")
    assert code == 0
    assert all(name in said for name in manifests())


def test_command_fetch_says_the_steps(home: Path) -> None:
    code, said = _run("fetch", "scr")
    assert code == 1
    assert "1. Register at" in said
    assert "licence: research use" in said


def test_command_prepare(drive: Path) -> None:
    code, said = _run("prepare", "rite", "--size", "32")
    assert code == 0
    assert "rite_vessel: 1 validation, 4 train, 2 test" in said
    assert _run("prepare", "rite_vessel", "--size", "32") == (code, said)


def test_command_prepare_of_volumes(home: Path) -> None:
    assert CliRunner().invoke(app, ["prepare", "btcv"]).exit_code != 0
