"""One vector an image: near where images are alike, written whole, nothing foreign replaced."""

import csv
from pathlib import Path

import nibabel
import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner, Result

import ldl
from ldl import phantoms
from ldl.cli import app
from ldl.errors import DataError, LdlError
from ldl.models.backbones import backbone
from ldl.own.embed import neighbours
from ldl.own.model import Model, Network, Preprocessing, write_model
from ldl.rng import seed_everything
from ldl.tasks import CHANNELS, Modality
from ldl.train import checkpoint


def written(path: Path, modality: Modality) -> Path:
    seed_everything(0, "encoder")
    network = Network(backbone="vgg", base=4, channels=CHANNELS[modality])
    weights = checkpoint.prefixed("encoder", backbone("vgg", 4, network.channels).state_dict())
    seen = Preprocessing.of(modality, 32)
    write_model(path, Model("encoder", "a", {}, network, seen, weights))
    return path


@pytest.fixture
def encoder(tmp_path: Path) -> Path:
    return written(tmp_path / "e.safetensors", "colour")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "mine"
    made.mkdir()
    drawn = phantoms.pretraining_images("fundus", count=20, size=40, seed=0)
    for number, image in enumerate(drawn):
        Image.fromarray(image.transpose(1, 2, 0)).save(made / f"{number:02d}.png")
    return made


def call(encoder: Path, folder: Path, output: Path, *more: str) -> Result:
    words = ["embed", "--encoder", str(encoder), str(folder), "-o", str(output), "--device", "cpu"]
    return CliRunner().invoke(app, [*words, *more])


def test_a_folder_becomes_vectors_and_a_contact_sheet(encoder: Path, folder: Path) -> None:
    for name in ("out.npz", "out.csv"):
        done = call(encoder, folder, folder.parent / name)
        assert done.exit_code == 0, done.output
        assert "20 images taken" in done.output
        assert "20 vectors of 32 numbers" in done.output
    with np.load(folder.parent / "out.npz", allow_pickle=False) as found:
        names, vectors = found["names"].tolist(), found["vectors"]
    assert names == [f"{k:02d}.png" for k in range(20)]
    assert (vectors.shape, vectors.dtype) == ((20, 32), np.float32)
    one_by_one = np.concatenate([ldl.embed(encoder, [folder / name]) for name in names])
    np.testing.assert_allclose(vectors, one_by_one, atol=1e-5)
    with (folder.parent / "out.csv").open(newline="") as stream:
        rows = list(csv.reader(stream))
    assert rows[0] == ["image", *(f"v{k}" for k in range(32))]
    np.testing.assert_allclose(np.array([row[1:] for row in rows[1:]], float), vectors, rtol=1e-4)
    with Image.open(folder.parent / "out-neighbours.png") as sheet:
        assert min(sheet.size) > 500


def test_an_image_and_its_copy_are_neighbours(encoder: Path, folder: Path) -> None:
    pictures = [np.asarray(Image.open(path)) for path in sorted(folder.iterdir())]
    vectors = ldl.embed(encoder, [*pictures, *(one // 2 * 2 for one in pictures)])
    rows, likeness = neighbours(vectors, 3)
    twins = [(k + 20) % 40 for k in range(40)]
    assert rows[:, 0].tolist() == twins
    assert not (rows == np.arange(40)[:, None]).any(), "no image is its own neighbour"
    assert (np.diff(likeness, axis=1) <= 0).all()
    equal, _ = neighbours(np.ones((4, 3), np.float32), 3)
    assert [sorted(row) for row in equal] == [[1, 2, 3], [0, 2, 3], [0, 1, 3], [0, 1, 2]]


def test_bad_files_are_named_all_at_once_or_left_out(encoder: Path, folder: Path) -> None:
    output = folder.parent / "out.npz"
    for name in ("00.png", "07.png"):
        (folder / name).write_bytes(b"not an image")
    done = call(encoder, folder, output)
    assert isinstance(done.exception, DataError)
    assert "00.png" in str(done.exception)
    assert "07.png" in str(done.exception)
    assert not output.exists()
    done = call(encoder, folder, output, "--leave-out")
    assert done.exit_code == 0, done.output
    assert "18 vectors" in done.output
    assert "left out" in done.output
    assert "07.png" not in np.load(output, allow_pickle=False)["names"]


@pytest.mark.parametrize("name", ["out.npz", "out.csv", "out-neighbours.png"])
def test_no_foreign_file_is_replaced(encoder: Path, folder: Path, name: str) -> None:
    foreign = folder.parent / name
    foreign.write_bytes((folder / "00.png").read_bytes())
    output = folder.parent / (name if name.startswith("out.") else "out.npz")
    done = call(encoder, folder, output)
    assert isinstance(done.exception, LdlError)
    assert name in str(done.exception)
    assert foreign.read_bytes() == (folder / "00.png").read_bytes()
    foreign.unlink()
    for _ in range(2):  # an earlier answer of its own is
        assert call(encoder, folder, output).exit_code == 0


def test_other_suffixes_and_a_folder_of_one_image_are_refused(encoder: Path, folder: Path) -> None:
    said = str(call(encoder, folder, folder.parent / "out.txt").exception)
    assert ".npz or .csv" in said
    assert "among your images" in str(call(encoder, folder, folder / "out.npz").exception)
    nowhere = encoder.with_name("no.safetensors")
    assert "no such file" in str(call(nowhere, folder, folder.parent / "new" / "v.npz").exception)
    assert not (folder.parent / "new").exists()
    for path in sorted(folder.iterdir())[1:]:
        path.unlink()
    assert "at least 2" in str(call(encoder, folder, folder.parent / "out.npz").exception)


def test_of_a_volume_the_middle_slice_is_taken_and_said(tmp_path: Path) -> None:
    encoder = written(tmp_path / "e.safetensors", "ct")
    folder = tmp_path / "scans"
    folder.mkdir()
    draw = np.random.default_rng(0)
    for name in ("a", "b"):
        scan = draw.integers(-1000, 1000, (40, 48, 5)).astype(np.int16)
        nibabel.save(nibabel.Nifti1Image(scan, np.diag([1, 1, 2, 1])), folder / f"{name}.nii.gz")
    done = call(encoder, folder, tmp_path / "out.npz")
    assert done.exit_code == 0, done.output
    assert "middle axial slice" in done.output
    loaded = ldl.load_encoder(encoder)
    middle = loaded.preprocess(scan[::-1, ::-1, 2].T)
    np.testing.assert_allclose(loaded.preprocess(folder / "b.nii.gz"), middle, atol=0.02)
