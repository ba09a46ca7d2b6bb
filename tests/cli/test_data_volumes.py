"""``ldl data list | verify | prepare`` on CT sets: what is said, what is made, what is refused."""

from pathlib import Path

import nibabel
import numpy as np
import pytest
from typer.testing import CliRunner, Result

from ldl.cli import app
from ldl.errors import DataError, LdlError

AFFINE = np.diag([-3.0, -2.0, 5.0, 1.0])


def call(*words: str) -> Result:
    return CliRunner().invoke(app, ["data", *words])


def refused(*words: str) -> str:
    done = call(*words)
    assert isinstance(done.exception, LdlError), done.output
    assert "\n" not in str(done.exception)
    return str(done.exception)


def write(path: Path, values: np.ndarray, affine: np.ndarray = AFFINE) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    nibabel.Nifti1Image(values, affine).to_filename(path)


@pytest.fixture
def han(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A user's NIfTI folder of five head-and-neck volumes; returns it."""
    monkeypatch.setenv("LDL_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("LDL_CACHE", str(tmp_path / "cache"))
    root = tmp_path / "data" / "ct" / "han"
    for number in range(5):
        rng = np.random.default_rng(number)
        image = np.full((40, 40, 6), -1000, np.int16)
        image[10:30, 10:30] = rng.integers(-20, 80, (20, 20, 6))
        label = np.zeros((40, 40, 6), np.uint8)
        label[12:20, 12:20], label[22:28, 22:28] = 2, 6
        write(root / "images" / f"p{number}.nii.gz", image)
        write(root / "labels" / f"p{number}.nii.gz", label)
    return root


def test_a_folder_of_nifti_becomes_a_bank_with_its_superpixels(han: Path) -> None:
    done = call("prepare", "han", "--size", "32", "--superpixels", "--workers", "1")
    assert done.exit_code == 0, done.output
    said = " ".join(done.output.split())
    assert "han: head_neck, 5 volumes (3 train, 1 validation, 1 test), 60 slices of 32x32" in said
    assert "at 2.5 x 10 x 10 mm, HU -200..400" in said
    assert "budget 10: 3 labelled volumes, all that" in said
    assert "s a slice and core" in said


def test_an_unusable_volume_stops_or_is_named_and_left_out(han: Path) -> None:
    (han / "labels" / "p3.nii.gz").unlink()
    assert "p3.nii.gz: label missing" in refused("prepare", "han", "--size", "32")
    done = call("prepare", "han", "--size", "32", "--leave-out")
    assert done.exit_code == 0, done.output
    assert "4 volumes" in done.output
    assert "left out: p3" in done.output


def test_verify_names_every_unusable_volume_once(han: Path) -> None:
    (han / "labels" / "p0.nii.gz").unlink()
    image = nibabel.load(han / "images" / "p1.nii.gz")
    values = np.asanyarray(image.dataobj)
    write(han / "images" / "p1.nii.gz", values[..., None].repeat(2, axis=3))
    write(han / "labels" / "p2.nii.gz", np.full(values.shape, 77, np.uint8))
    write(han / "images" / "p4.nii.gz", (values + 1024).astype(np.int16))
    done = call("verify", "han")
    assert done.exit_code == 1
    lines = [one for one in done.output.splitlines() if "nii.gz" in one]
    assert len(lines) == 4, done.output
    for number, said in enumerate(
        ["missing: labels/p0", "4 dimensions", "label values 77 where only", ""]
    ):
        assert sum(f"p{number}.nii.gz" in one and said in one for one in lines) == (said != "")
    assert any("p4" in one and "not Hounsfield units" in one for one in lines)
    assert "5 faults" in done.output  # the four, and five volumes where 120 should be


def test_what_is_not_at_hand_is_one_line(han: Path) -> None:
    assert "btcv: nothing in" in refused("prepare", "btcv")
    assert "--size is 20; CT slices need 32" in refused("prepare", "han", "--size", "20")


def test_the_list_shows_ct_sets_and_which_are_at_hand(han: Path) -> None:
    lines = call("list").output.splitlines()
    found = {one.split()[0]: one for one in lines if "  ct " in one}
    assert set(found) >= {"abdomen1k", "abd110", "thorax85", "han", "btcv", "segthor", "openkbp"}
    assert " nifti " in found["han"]
    assert "  -  " in found["btcv"]


def test_a_volume_of_another_region_is_empty_after_windowing(han: Path) -> None:
    path = han / "images" / "p2.nii.gz"
    values = np.asanyarray(nibabel.load(path).dataobj)
    write(path, np.where(values > -500, -700, -1000).astype(np.int16))
    said = refused("prepare", "han", "--size", "32")
    assert "p2: empty after windowing to -200..400 HU" in said
    assert isinstance(call("prepare", "han", "--size", "32").exception, DataError)
