"""The file of a model: what goes in comes out, and nothing else is taken for one."""

from pathlib import Path

import pytest
import torch

from ldl.errors import LdlError
from ldl.models.segmentation import SegmentationNet
from ldl.own.model import Model, Network, Preprocessing, read_model, refuse_output, write_model
from ldl.train import checkpoint


def model() -> Model:
    return Model(
        kind="segmenter",
        run_id="own",
        config={"seed": 0},
        network=Network(backbone="vgg", base=4, channels=3, classes=1),
        preprocessing=Preprocessing.of("fundus", 128),
        weights=SegmentationNet(4).state_dict(),
        classes=("vessel",),
        card="# A card\n",
        facts={"images": 20},
    )


def test_a_model_comes_back_as_it_was(tmp_path: Path) -> None:
    written = model()
    write_model(tmp_path / "m.safetensors", written)
    read = read_model(tmp_path / "m.safetensors", "segmenter")
    for name in ("kind", "run_id", "config", "network", "preprocessing", "classes", "card"):
        assert getattr(read, name) == getattr(written, name)
    assert read.facts == written.facts
    assert all(torch.equal(read.weights[key], value) for key, value in written.weights.items())


@pytest.mark.parametrize("cut", [0, 7, 100, 5000])
def test_a_cut_file_is_refused(tmp_path: Path, cut: int) -> None:
    path = tmp_path / "m.safetensors"
    write_model(path, model())
    path.write_bytes(path.read_bytes()[:cut])
    with pytest.raises(LdlError, match=r"m.safetensors: not a model of ldl"):
        read_model(path)
    with pytest.raises(LdlError, match="not replaced"):
        refuse_output(path)


def test_other_files_are_refused_with_their_reason(tmp_path: Path) -> None:
    path = tmp_path / "m.safetensors"
    with pytest.raises(LdlError, match="no such file"):
        read_model(path)
    write_model(path, model())
    with pytest.raises(LdlError, match=r"kind 'segmenter', not 'encoder'; `ldl pretrain` makes"):
        read_model(path, "encoder")
    for header, said in (
        ({"run_id": "x"}, "an old file"),
        ({"run_id": "x", "format": 9}, "of format 9; this ldl reads models of format 1"),
        ({"run_id": "x", "format": 1}, "its header is incomplete"),
    ):
        checkpoint.save(path, {}, header)
        with pytest.raises(LdlError, match=said):
            read_model(path)
