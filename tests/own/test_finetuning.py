"""From one's own masks to a segmenter, its scores, and masks of other images."""

import csv
import re
from pathlib import Path

import nibabel
import numpy as np
import pytest
import torch
from PIL import Image
from typer.testing import CliRunner, Result

from ldl import phantoms
from ldl.cli import app
from ldl.errors import LdlError
from ldl.own.load import load_model
from ldl.own.scoring import answer
from ldl.own.segmenting import as_picture, as_stored, in_tiles
from ldl.rng import numpy_generator
from ldl.stats import paired


def call(*words: object) -> Result:
    done = CliRunner().invoke(app, [str(one) for one in words])
    assert done.exit_code == 0, (done.output, done.exception)
    return done


def said_last(done: Result) -> list[str]:
    """The lines that end a fine-tuning, without bars."""
    ends = ("m.safetensors: ", "Did pretraining")
    return [line for line in done.output.splitlines() if line.startswith(ends)]


def refused(*words: object) -> str:
    done = CliRunner().invoke(app, [str(one) for one in words])
    assert isinstance(done.exception, LdlError), (done.output, done.exception)
    return str(done.exception)


@pytest.fixture
def eyes(cache: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Sixteen photographs of 60 x 50 of eight people, discs in `masks`, and an encoder of them."""
    monkeypatch.chdir(cache)
    drawn = phantoms.task_images("idrid_od", train=10, test=6, size=48, seed=0)
    for number, (image, mask, _) in enumerate(zip(*drawn, strict=True)):
        name = f"p{number // 2:02d}_{'LR'[number % 2]}.png"
        for folder, pixels, how in (("images", image.transpose(1, 2, 0), Image.Resampling.BILINEAR),
                                    ("masks", mask * 255, Image.Resampling.NEAREST)):  # fmt: skip
            (cache / folder).mkdir(exist_ok=True)
            Image.fromarray(pixels).resize((60, 50), how).save(cache / folder / name)
    return cache


SMALL = ("--profile", "smoke", "--device", "cpu")
TUNE = ("finetune", "images", "masks", "-o", "m.safetensors", "--size", "32", "--steps", "8")


def test_the_whole_road(eyes: Path) -> None:
    call("pretrain", "images", "enc.safetensors", "--modality", "fundus", "--steps", "2", *SMALL)
    words = ("--encoder", "enc.safetensors", "--compare", "--pixel-size", "0.1", *SMALL)
    done = call(*TUNE, *words)
    lines = done.output.splitlines()
    assert any("16 images with masks, matched by path" in line for line in lines)
    # Two test subjects could not answer, so each of the eight is tested once
    assert any("10 train, 2 validation, 4 test in the first of 4 trainings that test every subject "
               "once; --folds sets it (8 subjects" in line for line in lines)  # fmt: skip
    assert any("8 trainings of 10 updates take about" in line for line in lines)
    ends = said_last(done)
    assert re.match(r"m.safetensors: overlap with the masks \(DSC\) [\d.]+ % \([\d.]+ to [\d.]+\)"
                    ".* 16 test images of 8 subjects, each by the one of 4 ", ends[0])  # fmt: skip
    assert re.match("Did pretraining help here\\? .*8 test subjects in pairs", ends[1])
    with Path("m-scores.csv").open() as stream:
        rows = list(csv.DictReader(stream))
    assert len({row["image"] for row in rows}) == len(rows) == 16
    assert all(0 <= float(row[key]) <= 1 for row in rows for key in ("dsc", "dsc_from_scratch"))
    card = Path("m.md").read_text()
    assert all(Path(name).is_file() for name in re.findall(r"\]\((.*?)\)", card))
    assert "in the first of 4 trainings, whose network this is" in card
    assert "Licence" in card
    assert load_model("m.safetensors").card == card
    again = call(*TUNE, *words)  # trains nothing
    assert "take about" not in again.output
    assert said_last(again) == ends
    one = call(*TUNE, "--folds", "1", *words)  # the first of them, trained already
    assert "take about" not in one.output
    assert "4 test images of 2 subjects;" in one.output
    assert "4 test subjects are the least, and there are 2" in one.output
    assert "Cannot be told: " in said_last(one)[1]
    assert "--folds 4 tests every image" in said_last(one)[1]
    Path("split.csv").write_text("image,split\n" + "".join(
        f"p{number:02d}_{side}.png,{('test', 'validation', 'train')[min(number, 2)]}\n"
        for number in range(8) for side in "LR"))  # fmt: skip
    assert "drop its column split or --folds" in refused(
        *TUNE, "--folds", "4", "--split", "split.csv", *words
    )
    segmented = call("segment", "--model", "m.safetensors", "images", "-o", "out")
    assert "masks and overlays of 16 images" in segmented.output
    assert Image.open("out/p00_L.png").size == (60, 50)
    with Path("out/areas.csv").open() as stream:
        for row in csv.DictReader(stream):
            found = int((np.asarray(Image.open(f"out/{row['mask']}")) > 0).sum())
            assert int(row["pixels"]) == found
    # 16. doors: earlier answers are replaced, foreign files and inputs are not
    call("segment", "--model", "m.safetensors", "images/p00_L.png", "-o", "out")
    before = Path("images/p00_L.png").read_bytes()
    said = refused("segment", "--model", "m.safetensors", "images/p00_L.png", "-o", "images")
    assert "p00_L.png would be replaced" in said
    assert Path("images/p00_L.png").read_bytes() == before
    Path("images/bad.png").write_bytes(b"no image")
    Path("images/cut.png").write_bytes(before[:200])
    said = refused("segment", "--model", "m.safetensors", "images", "-o", "new")
    assert "bad.png" in said
    assert "cut.png" in said
    assert not Path("new").exists()
    done = call("segment", "--model", "m.safetensors", "images", "-o", "new", "--leave-out")
    assert done.output.count("left out: ") == 2
    assert "kind 'encoder', not 'segmenter'" in refused(
        "segment", "--model", "enc.safetensors", "images/p00_L.png", "-o", "x"
    )
    turned = Image.open("images/p00_R.png").transpose(Image.Transpose.ROTATE_90)
    exif = Image.Exif()
    exif[274] = 6  # shown a quarter turn to the right
    turned.save("phone.jpg", quality=95, exif=exif)
    call("segment", "--model", "m.safetensors", "phone.jpg", "-o", "turned")
    assert Image.open("turned/phone.png").size == (60, 50)


def test_an_answer_says_no_more_than_its_interval() -> None:
    ends = {(0.05, 0.06, 0.055, 0.05): "Yes: ", (-0.05, -0.06, -0.055, -0.05): "No, it did harm: ",
            (0.01, -0.005, 0.004, -0.007): "Little difference, below 2 points either way: ",
            (0.3, -0.2, 0.1, 0.0): "Cannot be told: ",
            (0.01, 0.011): "Cannot be told: "}  # fmt: skip
    for gaps, word in ends.items():
        said = answer(paired(gaps, [0.0] * len(gaps)), 600, "more masks would tell")
        assert said.startswith(f"Did pretraining help here? {word}"), said
        assert said.endswith("more masks would tell") == word.startswith("Cannot")


def test_outputs_are_looked_at_before_the_work(eyes: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ldl.own.finetuning.pair", pytest.fail)
    Path("m.md").write_text("mine")
    assert "m.md: is there already" in refused(*TUNE)
    assert Path("m.md").read_text() == "mine"
    Path("n.safetensors").write_text("mine")
    tune = ("finetune", "images", "masks", "-o")
    assert "not weights of ldl" in refused(*tune, "n.safetensors")
    assert "a folder; name a file" in refused(*tune, "images")
    assert "lies among your images" in refused(*tune, "images/x.safetensors")
    assert "lies among your images" in refused(*tune, "masks/more/x.safetensors")
    assert "cannot be written" in refused(*tune, "/proc/nowhere/x.safetensors")
    assert "--encoder" in refused(*tune, "x.safetensors", "--compare")
    assert "no such file" in refused(*tune, "x.safetensors", "--encoder", "e.safetensors")
    assert "multiple of 16" in refused(*tune, "x.safetensors", "--size", "40")


def test_few_images_are_refused(eyes: Path) -> None:
    for path in Path("images").glob("p0[2-7]*"):
        path.unlink()
        (Path("masks") / path.name).unlink()
    said = refused(*TUNE, "--modality", "fundus", *SMALL)
    assert "4 labelled images of 2 subjects" in said
    for path in [*Path("images").iterdir()]:
        path.unlink()
    assert "0 images taken" in refused(*TUNE, *SMALL)


def test_a_guide_becomes_a_segmenter(eyes: Path) -> None:
    masks = phantoms.shape_prior("dsa", count=3, size=48, seed=0)
    Path("prior").mkdir()
    for number, one in enumerate(masks):
        Image.fromarray((one > 0).astype(np.uint8) * 255).save(f"prior/{number}.png")
    done = call("guide", "images", "prior", "-o", "g.safetensors", "--size", "48", "--steps", "2",
                *SMALL)  # fmt: skip
    assert "3 reference masks" in done.output
    assert re.search(r"the first step finds only \d% of places again", done.output)
    assert re.search(r"target \w+.* \([\d.]+% of its length in specks", done.output)
    call("segment", "--model", "g.safetensors", "images/p00_L.png", "-o", "out")
    assert Image.open("out/p00_L.png").size == (60, 50)
    Image.new("L", (48, 48)).save("prior/empty.png")
    said = refused("guide", "images", "prior", "-o", "g.safetensors", "--size", "48", *SMALL)
    assert "empty.png: an empty mask" in said


def test_volumes_from_pretraining_to_masks(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(cache)
    affine = np.diag([-2.0, -1.5, 3.0, 1.0])  # stored to the left and to the front
    for number in range(4):
        grey = numpy_generator(number, "ct").integers(-150, 50, (36, 40, 8)).astype(np.int16)
        grey[..., 0] = -1000
        organ = np.zeros(grey.shape, np.uint8)
        organ[8:20, 5 + number : 20, 2:6] = 3
        grey[organ > 0] += 150
        for folder, voxels in (("images", grey), ("masks", organ)):
            Path(folder).mkdir(exist_ok=True)
            nibabel.save(nibabel.Nifti1Image(voxels, affine), f"{folder}/case{number}.nii.gz")
    done = call("pretrain", "images", "enc.safetensors", "--steps", "2", *SMALL)
    assert "CT volumes, told from the files" in done.output
    assert "28 images taken (slices of 4 volumes)" in done.output
    done = call(*TUNE, "--encoder", "enc.safetensors", "--classes", "liver", *SMALL)
    assert "4 images with masks" in done.output
    assert "HD95" in done.output or "DSC liver 0.0 %" in done.output
    call("segment", "--model", "m.safetensors", "images/case1.nii.gz", "-o", "out")
    mask, image = (nibabel.load(f"{one}/case1.nii.gz") for one in ("out", "images"))
    assert mask.shape == image.shape
    np.testing.assert_allclose(mask.affine, image.affine)
    with Path("out/areas.csv").open() as stream:
        (row,) = csv.DictReader(stream)
    voxels = int((np.asarray(mask.dataobj) == 1).sum())
    assert int(row["pixels"]) == voxels
    assert float(row["volume_ml"]) == pytest.approx(voxels * 0.009, rel=1e-4, abs=1e-9)


def test_a_mask_of_a_volume_goes_back_to_its_voxels() -> None:
    from ldl.data.ct.volume import upright

    stored = np.arange(24).reshape(2, 3, 4)
    for affine in (np.diag([-2.0, 1, 3, 1]), np.eye(4)[[1, 2, 0, 3]] * [1, -1, 1, 1]):
        shown = upright(stored, affine)
        np.testing.assert_array_equal(as_stored(shown, affine), stored)


def test_tiles_are_the_whole() -> None:
    torch.manual_seed(0)
    net = torch.nn.Conv2d(1, 2, 9, padding=4, padding_mode="reflect")
    for height, width in ((100, 76), (64, 130), (30, 30)):
        image = torch.randn(1, 1, height, width)
        torch.testing.assert_close(in_tiles(net, image, tile=40, margin=8), net(image))


def test_a_mask_of_classes_shows_the_later_on_top() -> None:
    planes = np.zeros((2, 4, 4), bool)
    planes[0, :3], planes[1, :2] = True, True
    shown = as_picture(planes)
    assert np.asarray(shown)[:, 0].tolist() == [2, 2, 1, 0]
    assert len(np.unique(np.asarray(shown.convert("RGB")).reshape(-1, 3), axis=0)) == 3
    assert set(np.unique(np.asarray(as_picture(planes[:1])))) == {0, 255}
