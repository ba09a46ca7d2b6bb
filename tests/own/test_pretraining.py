"""One's own folder of images becomes an encoder."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from ldl import phantoms
from ldl.cli import app
from ldl.data.bank import BankWriter, Entry, bank_of, image_rows, open_images
from ldl.data.own import folder_bank, image_files, usual_side
from ldl.engine.profiles import profile_named
from ldl.errors import DataError, LdlError
from ldl.models import LocalDiscriminationNet
from ldl.own.pretraining import planned
from ldl.tables.encoders import config_of
from ldl.train import checkpoint


@pytest.fixture
def folder(cache: Path) -> Path:
    made = cache / "mine"
    (made / "more").mkdir(parents=True)
    drawn = phantoms.pretraining_images("fundus", count=16, size=48, seed=0)
    for number, image in enumerate(drawn):
        place = made / "more" if number % 2 else made
        Image.fromarray(image.transpose(1, 2, 0)).save(place / f"{number:02d}.png")
    return made


def test_a_folder_becomes_an_encoder(folder: Path, cache: Path) -> None:
    output = cache / "encoder.safetensors"
    words = ["pretrain", str(folder), str(output), "--modality", "fundus", "--profile", "smoke"]
    done = CliRunner().invoke(app, [*words, "--steps", "2", "--device", "cpu"])
    assert done.exit_code == 0, done.output
    assert "encoder of 16 images" in done.output
    tensors, header = checkpoint.load(output)
    LocalDiscriminationNet(2, 3).load_state_dict(tensors)
    assert header["config"]["steps"] == 2


def test_subfolders_count_and_gray_is_gray(folder: Path) -> None:
    for path in folder.rglob("*.png"):
        Image.open(path).convert("L").save(path)
    bank = folder_bank(folder, "xray", 32, progress=False)
    assert bank.images.shape == (16, 1, 32, 32)
    assert "more/01.png" in bank.ids


def test_too_few_or_unreadable_images_are_named(folder: Path) -> None:
    with pytest.raises(DataError, match="no such folder"):
        image_files(folder / "nowhere")
    with pytest.raises(DataError, match="8 images"):
        image_files(folder / "more")
    (folder / "00.png").write_bytes(b"not an image")
    with pytest.raises(DataError, match=r"00\.png"):
        folder_bank(folder, "fundus", 32, progress=False)


def test_another_modality_or_method_is_refused(folder: Path, cache: Path) -> None:
    words = ["pretrain", str(folder), str(cache / "x.safetensors"), "--modality"]
    wrong = CliRunner().invoke(app, [*words, "mri"])
    assert isinstance(wrong.exception, LdlError)
    assert "mri" in str(wrong.exception)


@pytest.mark.parametrize(("shape", "side"), [((90, 70), 64), ((400, 300), 256), ((20, 50), 32)])
def test_the_images_tell_their_side(tmp_path: Path, shape: tuple[int, int], side: int) -> None:
    for number in range(4):
        Image.effect_noise(shape, 50).save(tmp_path / f"{number}.png")
    (tmp_path / "0.png").write_bytes(b"no image")
    assert usual_side(tmp_path, "xray") == side


@pytest.mark.parametrize(
    ("size", "crop", "seen", "scale"),
    [
        (112, None, 96, "whole"),  # as the profile has it
        (256, None, 96, "native"),  # a window of the square that the task sees
        (256, 240, 240, "whole"),
        (48, None, 48, "whole"),
        (None, None, 96, "whole"),
    ],
)
def test_views_are_windows_of_larger_images(
    size: int | None, crop: int | None, seen: int, scale: str
) -> None:
    for method in ("pd+mix", "rd", "moco"):
        config = planned(method, "fundus", "open", 0, size, crop=crop)
        for one in filter(None, (config, config.step1)):
            assert (one.crop, one.scale, one.data.size) == (seen, scale, size or 112)


def test_a_folder_has_steps_of_its_own() -> None:
    """The tables share their steps between two phases; a folder's encoder has the first alone."""
    usual = profile_named("open").folder_steps
    table = config_of("pd+mix", "fundus", "open")
    found = planned("pd+mix", "fundus", "open", 0, 256)
    assert found.steps == usual != table.steps
    assert found.halve_every == found.steps // 2
    assert planned("pd+mix", "fundus", "open", 0, 256, steps=7).steps == 7
    assert (
        planned("pd+mix", "fundus", "paper").steps == config_of("pd+mix", "fundus", "paper").steps
    )
    other = config_of("moco", "fundus", "open")
    assert planned("moco", "fundus", "open").steps == other.steps


def test_killed_within_a_volume_it_goes_on_with_the_next_slice(cache: Path) -> None:
    left = [4]

    def entries(_: BankWriter, name: str, item: str) -> Iterator[Entry]:
        for number in range(3):
            if left[0] == 0:
                raise KeyboardInterrupt
            left[0] -= 1
            yield f"{name}#{number}", [{"images": np.full((1, 4, 4), number, np.uint8)}], {}

    files = {"a.nii": "", "b.nii": ""}
    given = ("own-x-ct-4", ["stamp"], "own-x", image_rows((1, 4, 4)), lambda: files, entries)
    with pytest.raises(KeyboardInterrupt):
        bank_of(*given, counted=False)
    left[0] = 100
    bank = open_images(bank_of(*given, counted=False))
    assert bank.ids == tuple(f"{name}#{number}" for name in files for number in range(3))
    assert bank.images[:, 0, 0, 0].tolist() == [0, 1, 2, 0, 1, 2]
