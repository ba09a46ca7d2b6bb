"""``ldl methods`` and ``ldl pretrain``: what is listed, what is made, what is refused."""

import re
from pathlib import Path

import pytest
from PIL import Image
from typer.testing import CliRunner, Result

from ldl import phantoms
from ldl.cli import app
from ldl.cli.methods import WIDTH
from ldl.cli.own import NAMES
from ldl.config import DataConfig
from ldl.errors import LdlError
from ldl.methods import METHODS
from ldl.models.backbones import backbone
from ldl.own.pretraining import fitted
from ldl.runs.pretrain import ComparisonConfig
from ldl.train import checkpoint

EVERY = [*METHODS]
FROM_A_FOLDER = [n for n in EVERY if METHODS[n].trains]
FROM_A_FOLDER.remove("supervised")


def call(*words: str) -> Result:
    return CliRunner().invoke(app, list(words))


def refused(*words: str) -> str:
    done = call(*words)
    assert isinstance(done.exception, LdlError), done.output
    assert "\n" not in str(done.exception)
    return str(done.exception)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("LDL_CACHE", str(tmp_path / "cache"))
    made = tmp_path / "mine"
    made.mkdir()
    for number, image in enumerate(
        phantoms.pretraining_images("fundus", count=20, size=40, seed=0)
    ):
        Image.fromarray(image.transpose(1, 2, 0)).save(made / f"{number:02d}.png")
    return made


def pretrain(folder: Path, method: str, *more: str) -> Result:
    output = str(folder.parent / f"{method}.safetensors")
    words = ["pretrain", str(folder), output, "--modality", "fundus", "--profile", "smoke"]
    return call(*words, "--steps", "2", "--device", "cpu", "--method", method, *more)


def test_every_method_is_listed_with_level_and_paper_in_columns() -> None:
    done = call("methods", "--no-cost")
    assert done.exit_code == 0, done.output
    head, *lines = done.output.splitlines()
    assert max(map(len, [head, *lines])) <= WIDTH
    column = head.index("paper")
    assert all(line[column - 2 : column] == "  " for line in lines)
    named = [line for line in lines if line[0] != " "]
    assert [line.split()[0] for line in named] == EVERY
    for line, method in zip(named, METHODS.values(), strict=True):
        assert line[head.index("level") : column].strip() == method.level
        assert method.paper.startswith(line[column:])


def test_costs_are_counted_and_relative_to_supervised() -> None:
    done = call("methods")
    assert done.exit_code == 0, done.output
    lines = done.output.splitlines()
    assert max(map(len, lines)) <= WIDTH
    numbers = {}
    for line in lines:
        found = re.match(r"(\S+) .*?  +(\d+\.\d) +(\d+\.\d\d) +([\d,]+)  ", line)
        if found:
            numbers[found[1]] = (float(found[2]), float(found[3]))
    trained = [name for name in EVERY if METHODS[name].trains]
    assert list(numbers) == trained
    assert numbers["supervised"][1] == 1.0
    for mflop, ratio in numbers.values():
        assert ratio == pytest.approx(mflop / numbers["supervised"][0], rel=0.01)
    assert "profile demo" in done.output


def test_the_help_names_every_method_that_a_folder_of_images_is_enough_for() -> None:
    assert re.split(", | or ", NAMES) == FROM_A_FOLDER
    shown = " ".join(call("pretrain", "--help").output.replace("│", " ").split())
    assert "relative-location, rotation, genesis or mae" in shown


@pytest.mark.parametrize(("method", "name"), [("moco", "vgg"), ("simclr", "vgg"), ("mae", "vit")])
def test_a_comparison_method_leaves_its_encoder(folder: Path, method: str, name: str) -> None:
    done = pretrain(folder, method)
    assert done.exit_code == 0, done.output
    assert "encoder of 20 images" in done.output
    assert "of held-out images again" in done.output
    tensors, header = checkpoint.load(folder.parent / f"{method}.safetensors")
    assert all(key.startswith("encoder.") for key in tensors)
    backbone(name, 2, 3).load_state_dict(checkpoint.under("encoder", tensors))
    assert header["config"]["method"] == method
    assert header["config"]["steps"] == 2
    assert header["facts"]["images"] == 20
    assert 0 <= header["facts"]["record"]["retrieval"] <= 1


def test_interrupted_or_called_again_it_gives_the_same_weights(folder: Path) -> None:
    pretrain(folder, "moco")
    first = (folder.parent / "moco.safetensors").read_bytes()
    (folder.parent / "moco.safetensors").unlink()
    pretrain(folder, "moco")
    assert (folder.parent / "moco.safetensors").read_bytes() == first


def test_what_a_folder_is_not_enough_for_is_refused(folder: Path) -> None:
    words = ("pretrain", str(folder), "x.safetensors", "--modality", "fundus", "--method")
    assert "learns from labels" in refused(*words, "supervised")
    assert "not trained" in refused(*words, "random")
    assert "not trained" in refused(*words, "imagenet")
    assert "'MoCo'; use pd, pd+mix" in refused(*words, "MoCo")
    assert "unknown profile 'smok'" in refused(*words, "moco", "--profile", "smok")
    assert not list(folder.parent.glob("*.safetensors"))


@pytest.mark.parametrize(
    ("images", "batch", "queue"), [(16, 14, 14), (40, 32, 32), (400, 32, 58), (5000, 32, 512)]
)
def test_few_images_make_small_batches_and_short_queues(
    images: int, batch: int, queue: int
) -> None:
    config = ComparisonConfig(
        method="moco",
        modality="fundus",
        data=DataConfig(source="open", size=112),
        base=8,
        steps=750,
        crop=96,
        batch=32,
        halve_every=375,
        knobs={"queue": 512, "momentum": 0.99},
    )
    small = fitted(config, images)
    assert (small.batch, small.knobs["queue"]) == (batch, queue)
    assert small.knobs["momentum"] == 0.99
    untouched = {"batch", "knobs"}
    assert small.model_dump(exclude=untouched) == config.model_dump(exclude=untouched)
