"""A model file comes back with its preprocessing; images come in as files, PIL images or arrays."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import ldl
from ldl.data.colour import normalise, to_float
from ldl.data.preprocess import picture
from ldl.errors import DataError, LdlError
from ldl.models import SegmentationNet
from ldl.models.backbones import backbone
from ldl.own.model import Model, Network, Preprocessing, write_model
from ldl.tasks import CHANNELS, Modality
from ldl.train import checkpoint


def encoder(path: Path, modality: Modality = "colour", size: int = 32) -> Path:
    network = Network(backbone="vgg", base=2, channels=CHANNELS[modality])
    net = backbone("vgg", 2, network.channels)
    seen = Preprocessing.of(modality, size)
    weights = checkpoint.prefixed("encoder", net.state_dict())
    write_model(path, Model("encoder", "a-run", {}, network, seen, weights, card="# It\n",
                            facts={"images": 3}))  # fmt: skip
    return path


def photograph(path: Path, rows: int = 50, columns: int = 70) -> Path:
    draw = np.random.default_rng(0)
    pixels = draw.integers(30, 255, (rows, columns, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(path)
    return path


@pytest.mark.parametrize("modality", ["colour", "fundus", "xray"])
def test_an_image_is_seen_as_in_training(tmp_path: Path, modality: Modality) -> None:
    loaded = ldl.load_encoder(encoder(tmp_path / "e.safetensors", modality))
    file = photograph(tmp_path / "a.png")
    if CHANNELS[modality] == 1:
        Image.open(file).convert("L").save(file)
    trained_on = torch.tensor(picture(file, modality, 32).square)[None]
    expected = normalise(to_float(trained_on))[0]
    opened = Image.open(file)
    for given in (file, str(file), opened, np.asarray(opened), np.asarray(opened) / 255):
        torch.testing.assert_close(loaded.preprocess(given), expected)


def test_a_pil_image_is_turned_upright_and_deep_ones_keep_their_bits(tmp_path: Path) -> None:
    loaded = ldl.load_encoder(encoder(tmp_path / "e.safetensors", "xray"))
    lying = Image.fromarray(np.arange(64, dtype=np.uint8).reshape(8, 8))
    exif = lying.getexif()
    exif[274] = 6  # to be turned by 90 degrees
    lying.save(tmp_path / "lying.png", exif=exif)
    one = loaded.preprocess(Image.open(tmp_path / "lying.png"))
    torch.testing.assert_close(one, loaded.preprocess(tmp_path / "lying.png"))
    ramp = (np.arange(64 * 64).reshape(64, 64) % 4096).astype(np.uint16)
    assert len(loaded.preprocess(ramp).unique()) > 100


def test_hounsfield_units_go_through_the_window(tmp_path: Path) -> None:
    path = tmp_path / "e.safetensors"
    network = Network(backbone="vgg", base=2, channels=1)
    seen = Preprocessing.of("ct", 32).model_copy(update={"window": (-100.0, 300.0)})
    weights = checkpoint.prefixed("encoder", backbone("vgg", 2, 1).state_dict())
    write_model(path, Model("encoder", "a-run", {}, network, seen, weights))
    values = ldl.load_encoder(path).preprocess(np.full((8, 8), 100.0))
    assert values.unique().tolist() == pytest.approx([(128 / 255 - 0.5) / 0.5], abs=0.005)


@pytest.mark.parametrize("bad", [np.zeros(3), np.zeros((2, 3, 3, 3)), np.array([["a"]]),
                                 np.zeros((0, 5)), np.full((4, 4, 3), np.nan)])  # fmt: skip
def test_what_is_no_image_is_named(tmp_path: Path, bad: np.ndarray) -> None:
    loaded = ldl.load_encoder(encoder(tmp_path / "e.safetensors"))
    with pytest.raises(DataError, match=r"the image given: [^\n]+$"):
        loaded.preprocess(bad)


def test_a_segmenter_gives_one_map_a_class(tmp_path: Path) -> None:
    path = tmp_path / "m.safetensors"
    network = Network(backbone="vgg", base=2, channels=3, classes=2)
    net = SegmentationNet(2, 3, classes=2)
    write_model(path, Model("segmenter", "a-run", {}, network, Preprocessing.of("colour", 32),
                            net.state_dict(), classes=("disc", "cup"), card="# It\n"))  # fmt: skip
    loaded = ldl.load_model(path)
    out = loaded.module(loaded.preprocess(photograph(tmp_path / "a.png"))[None])
    assert out.shape == (1, 2, 32, 32)
    assert (loaded.classes, loaded.card) == (("disc", "cup"), "# It\n")
    inside = ldl.load_encoder(path)
    assert inside.classes == ()
    torch.testing.assert_close(inside.module.state_dict(), net.encoder.state_dict())
    with pytest.raises(LdlError, match="of kind 'encoder'"):
        ldl.load_model(encoder(tmp_path / "e.safetensors"))


def test_weights_of_another_network_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "e.safetensors"
    weights = checkpoint.prefixed("encoder", backbone("vgg", 4, 3).state_dict())
    network = Network(backbone="vgg", base=2, channels=3)
    write_model(path, Model("encoder", "a", {}, network, Preprocessing.of("colour", 32), weights))
    with pytest.raises(LdlError, match="do not fit the network"):
        ldl.load_encoder(path)


def test_importing_ldl_is_light_and_names_what_it_has() -> None:
    command = (
        "import sys, ldl; assert set(ldl.__all__) <= set(dir(ldl));"
        "print(sorted({'torch', 'numpy'} & set(sys.modules)), hasattr(ldl, 'nothing'))"
    )
    done = subprocess.run([sys.executable, "-c", command], capture_output=True, text=True)
    assert done.stdout.strip() == "[] False", done.stderr


@pytest.mark.parametrize("name", ldl.__all__)
def test_every_name_has_a_home(name: str) -> None:
    assert callable(getattr(ldl, name))
