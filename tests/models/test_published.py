"""Published weights: where they are looked for, what is refused, and one channel for three."""

import hashlib

import pytest
import torch
from safetensors.torch import save_file

from ldl.data.colour import NORMALISATION
from ldl.errors import DataError
from ldl.models import published
from ldl.models.backbones import backbone


@pytest.fixture
def state():
    """Of a narrow ResNet-50 with settled normalisations, and a classifier."""
    torch.manual_seed(0)
    net = backbone("resnet50", 2, 3)
    for name, buffer in net.named_buffers():
        if name.endswith(("running_mean", "running_var")):
            buffer.uniform_(0.1, 0.5)
    return {**net.state_dict(), "fc.weight": torch.rand(10, 64), "fc.bias": torch.rand(10)}


def test_the_cache_is_torchs_own(monkeypatch, tmp_path):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setattr(torch.hub, "_hub_dir", None)
    assert published.cached().parent == tmp_path / "hub" / "checkpoints"
    assert published.address().endswith("/resnet50-0676ba61.pth")
    assert published.cached().name == "resnet50-0676ba61.pth"


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_a_file_is_read_without_its_classifier(state, tmp_path, suffix):
    path = tmp_path / f"weights{suffix}"
    if suffix == ".pth":
        torch.save(state, path)
    else:
        save_file(state, path)
    found = published.read(path)
    assert found.keys() == {name for name in state if not name.startswith("fc.")}
    assert all(torch.equal(value, state[name]) for name, value in found.items())


def test_a_digest_in_the_name_is_checked(state, tmp_path):
    torch.save(state, tmp_path / "weights.pth")
    digest = hashlib.sha256((tmp_path / "weights.pth").read_bytes()).hexdigest()[:8]
    right = (tmp_path / "weights.pth").rename(tmp_path / f"net-{digest}.pth")
    assert "conv1.weight" in published.read(right)
    with pytest.raises(DataError, match=r"net-00000000\.pth: damaged"):
        published.read(right.rename(tmp_path / "net-00000000.pth"))


def test_a_missing_file_says_what_to_download_and_where(tmp_path):
    with pytest.raises(DataError) as caught:
        published.read(tmp_path / "none.pth")
    line = str(caught.value)
    assert str(tmp_path / "none.pth") in line
    assert published.address() in line
    assert "'file'" in line
    assert "\n" not in line


@pytest.mark.parametrize("content", [b"", b"no weights", b"PK\x03\x04 cut off"])
@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_a_file_without_weights_is_refused_in_one_line(tmp_path, content, suffix):
    path = tmp_path / f"weights{suffix}"
    path.write_bytes(content)
    with pytest.raises(DataError, match="weights") as caught:
        published.read(path)
    assert "\n" not in str(caught.value)


def test_code_in_a_file_is_not_run(tmp_path):
    torch.save({"conv1.weight": torch.Generator}, tmp_path / "weights.pth")
    with pytest.raises(DataError, match="no state dict"):
        published.read(tmp_path / "weights.pth")


def test_one_channel_answers_as_three_equal_ones(state):
    """Away from the padded edge, in the first layer, after its normalisation."""
    weights = {name: value for name, value in state.items() if not name.startswith("fc.")}
    three, one = backbone("resnet50", 2, 3).eval(), backbone("resnet50", 2, 1).eval()
    three.load_state_dict(weights)
    one.load_state_dict(published.for_gray(weights, NORMALISATION[3], NORMALISATION[1]))
    gray = torch.rand(2, 1, 64, 64)

    def normalised(image):
        mean, deviation = NORMALISATION[image.shape[1]]
        shift, scale = (torch.tensor(each).view(1, -1, 1, 1) for each in (mean, deviation))
        return (image - shift) / scale

    expected = three(normalised(gray.expand(-1, 3, -1, -1)))[0]
    found = one(normalised(gray))[0]
    inner = (..., slice(2, -2), slice(2, -2))
    torch.testing.assert_close(found[inner], expected[inner], rtol=1e-4, atol=1e-4)
    assert expected[inner].std() > 0.01
