"""An encoder in other libraries gives what it gives here; what cannot be mapped is refused."""

import json
import runpy
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from typer.testing import CliRunner

import ldl
from ldl.cli import app
from ldl.compat import import_torchvision
from ldl.errors import LdlError
from ldl.models import SegmentationNet
from ldl.models.backbones import backbone
from ldl.own.export import TARGETS, export
from ldl.own.model import Model, Network, Preprocessing, write_model
from ldl.train import checkpoint

NEEDED = {
    "timm": "timm",
    "smp": "segmentation_models_pytorch",
    "monai": "monai",
    "nnunet": "dynamic_network_architectures",
    "onnx": "onnxruntime",
}
import_torchvision()  # timm and smp import it; beside a CPU-only torch it needs help
ENCODERS = [(4, 1, "zeros"), (8, 3, "zeros"), (4, 3, "replicate")]


def used(net: nn.Module) -> nn.Module:
    """A network whose statistics and scales are not those of a new one."""
    draw = torch.Generator().manual_seed(1)
    for part in net.modules():
        if isinstance(part, nn.BatchNorm2d):
            part.running_mean = torch.randn(part.num_features, generator=draw) / 10
            part.running_var = torch.rand(part.num_features, generator=draw) + 0.5
            part.weight.data = torch.rand(part.num_features, generator=draw) + 0.5
            part.bias.data = torch.randn(part.num_features, generator=draw) / 10
    return net.eval()


def encoder(
    path: Path, base: int = 4, channels: int = 1, border: str = "zeros", kind="vgg"
) -> Path:
    torch.manual_seed(0)
    net = used(backbone(kind, base, channels, border))  # type: ignore[arg-type]
    network = Network(backbone=kind, base=base, channels=channels, border=border)  # type: ignore[arg-type]
    seen = Preprocessing.of("xray" if channels == 1 else "colour", 64)
    weights = checkpoint.prefixed("encoder", net.state_dict())
    write_model(path, Model("encoder", "a-run", {}, network, seen, weights, card="# A card"))
    return path


def segmenter(path: Path) -> Path:
    torch.manual_seed(0)
    net = used(SegmentationNet(4, 3))
    network = Network(backbone="vgg", base=4, channels=3, classes=1)
    seen = Preprocessing.of("colour", 64)
    write_model(
        path, Model("segmenter", "a-run", {}, network, seen, net.state_dict(), classes=("cell",))
    )
    return path


def loader(folder: Path, to: str) -> SimpleNamespace:
    """The written module, run as it lies there."""
    return SimpleNamespace(**runpy.run_path(str(folder / f"ldl_{to}.py")))


def in_timm(there: SimpleNamespace, images: Tensor) -> list[Tensor]:
    return there.model()(images)


def in_smp(there: SimpleNamespace, images: Tensor) -> list[Tensor]:
    smp = pytest.importorskip("segmentation_models_pytorch")
    channels = images.shape[1]
    net = smp.Unet("ldl", encoder_weights=None, in_channels=channels, classes=2).eval()
    assert net(images).shape == (2, 2, *images.shape[2:])
    with pytest.raises(ValueError, match="takes"):
        smp.Unet("ldl", encoder_weights=None, in_channels=channels + 1)
    return net.encoder(images)[:-1]  # the last is pooled once more


def in_monai(there: SimpleNamespace, images: Tensor) -> list[Tensor]:
    from monai.networks.nets import FlexibleUNet

    net = FlexibleUNet(in_channels=images.shape[1], out_channels=2, backbone="ldl").eval()
    assert net(images).shape == (2, 2, *images.shape[2:])
    return [images, *net.encoder(images)]


def in_nnunet(there: SimpleNamespace, images: Tensor) -> list[Tensor]:
    net = there.model(3).eval()
    mean, std = (torch.tensor(there.CARD[name]).view(1, -1, 1, 1) for name in ("mean", "std"))
    shown = images * std + mean  # what nnU-Net gives it: 0..1
    assert net(shown).shape == (2, 3, *images.shape[2:])
    seen: list[Tensor] = []
    net.encoder.register_forward_pre_hook(lambda _, given: seen.append(given[0]))
    net(shown)
    counted = sum(one.numel() for one in net.encoder.parameters())
    assert sum(one.numel() for name, one in net.named_parameters() if "encoder" in name) == counted
    torch.testing.assert_close(seen[0], images, atol=1e-5, rtol=0)
    return net.encoder(images)


def in_onnx(there: SimpleNamespace, images: Tensor) -> list[Tensor]:
    found = there.run(images.numpy())
    assert list(found) == [f"features_{k}" for k in range(5)]
    return [torch.from_numpy(one) for one in found.values()]


THERE: dict[str, Callable[[SimpleNamespace, Tensor], list[Tensor]]] = {
    "timm": in_timm,
    "smp": in_smp,
    "monai": in_monai,
    "nnunet": in_nnunet,
    "onnx": in_onnx,
}


@pytest.mark.parametrize(("base", "channels", "border"), ENCODERS)
@pytest.mark.parametrize("to", TARGETS)
@torch.inference_mode()
def test_features_are_equal(tmp_path: Path, to: str, base: int, channels: int, border: str) -> None:
    pytest.importorskip(NEEDED[to])
    path = encoder(tmp_path / "enc.safetensors", base, channels, border)
    export(path, to, tmp_path / to)
    images = torch.randn(2, channels, 64, 96, generator=torch.Generator().manual_seed(0))
    expected = ldl.load_encoder(path).module(images)
    found = THERE[to](loader(tmp_path / to, to), images)
    first = 1 if to == "monai" else 0  # FlexibleUNet takes no map at full size
    assert len(found) == 5
    for there, here in zip(found[first:], expected[first:], strict=True):
        torch.testing.assert_close(there, here, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("to", [one for one in TARGETS if one != "nnunet"])
def test_the_module_runs_by_itself(tmp_path: Path, to: str) -> None:
    pytest.importorskip(NEEDED[to])
    export(encoder(tmp_path / "enc.safetensors", 4, 3), to, tmp_path / "out")
    command = [sys.executable, str(tmp_path / "out" / f"ldl_{to}.py")]
    ran = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    assert ran.returncode == 0, ran.stderr
    assert "(1, 32, 4, 4)" in ran.stdout
    assert to == "onnx" or ran.stdout.startswith(f"loaded in {to}; ")


def test_a_segmenter_goes_whole_to_onnx_and_by_its_encoder_elsewhere(tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime")
    path = segmenter(tmp_path / "model.safetensors")
    export(path, "onnx", tmp_path / "onnx")
    images = torch.randn(1, 3, 48, 80, generator=torch.Generator().manual_seed(0))
    (found,) = loader(tmp_path / "onnx", "onnx").run(images.numpy()).items()
    assert found[0] == "probabilities"
    with torch.inference_mode():
        expected = ldl.load_model(path).module(images).numpy()
        np.testing.assert_allclose(found[1], expected, atol=1e-5)
        export(path, "timm", tmp_path / "timm")
        there = loader(tmp_path / "timm", "timm").model()(images)[-1]
        torch.testing.assert_close(there, ldl.load_encoder(path).module(images)[-1])


def test_nnunet_gets_a_checkpoint_that_covers_its_network(tmp_path: Path) -> None:
    pytest.importorskip("dynamic_network_architectures")
    path = encoder(tmp_path / "enc.safetensors", 4, 3)
    export(path, "nnunet", tmp_path / "out")
    command = [sys.executable, "ldl_nnunet.py", "2"]
    subprocess.run(command, cwd=tmp_path / "out", check=True, capture_output=True)
    held = torch.load(tmp_path / "out" / "checkpoint.pth", weights_only=True)["network_weights"]
    net = loader(tmp_path / "out", "nnunet").model(2)
    assert {name: w.shape for name, w in held.items()} == {
        name: w.shape for name, w in net.state_dict().items()
    }
    # As nnU-Net looks for the class of its plans: by this name, on the path.
    told = json.loads((tmp_path / "out" / "architecture.json").read_text())
    assert told["network_class_name"] == "ldl_nnunet.MaxPoolUNet"


def refused(path: Path, to: str, folder: Path) -> str:
    with pytest.raises(LdlError) as raised:
        export(path, to, folder)
    assert "\n" not in str(raised.value)
    return str(raised.value)


def test_what_cannot_be_mapped_is_refused_and_nothing_written(tmp_path: Path) -> None:
    resnet = encoder(tmp_path / "resnet.safetensors", 8, 3, kind="resnet50")
    for to in ("timm", "smp", "monai", "nnunet"):
        said = refused(resnet, to, tmp_path / "out")
        assert "resnet50" in said
        assert "--to onnx" in said
    said = refused(
        encoder(tmp_path / "vit.safetensors", 8, 3, kind="vit"), "onnx", tmp_path / "out"
    )
    assert "vit" in said
    assert "keras" in refused(resnet, "keras", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_no_foreign_file_is_replaced_and_an_earlier_export_is(tmp_path: Path) -> None:
    path = encoder(tmp_path / "enc.safetensors")
    out = tmp_path / "out"
    out.mkdir()
    (out / "card.json").write_text('{"mine": 1}')
    assert "card.json" in refused(path, "timm", out)
    assert [one.name for one in out.iterdir()] == ["card.json"]
    (out / "card.json").unlink()
    (out / "notes.txt").write_text("mine")
    for _ in range(2):
        files = export(path, "timm", out)
    assert {one.name for one in out.iterdir()} == {"notes.txt", *(one.name for one in files)}
    assert "is a file" in refused(path, "timm", path)


def test_the_command_says_what_it_wrote(tmp_path: Path) -> None:
    path = encoder(tmp_path / "enc.safetensors")
    out = tmp_path / "out"
    done = CliRunner().invoke(app, ["export", str(path), "--to", "timm", "-o", str(out)])
    assert done.exit_code == 0, done.output
    assert "weights.safetensors, ldl_timm.py, card.json" in done.output
    missing = CliRunner().invoke(app, ["export", "nowhere", "--to", "timm", "-o", str(out)])
    assert isinstance(missing.exception, LdlError)
