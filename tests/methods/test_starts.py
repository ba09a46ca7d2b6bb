"""Starts that are not trained: their weights are those they should be."""

import pytest
import torch

from ldl.errors import ConfigError, DataError, TrainingError
from ldl.methods import METHODS
from ldl.methods.base import Batch
from ldl.models.backbones import backbone

RANDOM, IMAGENET = METHODS["random"], METHODS["imagenet"]


@pytest.fixture
def narrow(monkeypatch, tmp_path):
    """As if base 2 were the published width, and a file with such weights."""
    monkeypatch.setattr("ldl.methods.starts.BASE", 2)
    torch.manual_seed(5)
    net = backbone("resnet50", 2, 3)
    torch.save({**net.state_dict(), "fc.weight": torch.rand(9, 64)}, tmp_path / "weights.pth")
    return net, tmp_path / "weights.pth"


@pytest.fixture
def config(comparison_config):
    def make(modality="fundus", **knobs):
        made = comparison_config("imagenet", **knobs)
        return made.model_copy(update={"backbone": "resnet50", "modality": modality})

    return make


@pytest.mark.parametrize("name", ["vgg", "resnet50", "vit"])
def test_random_is_the_backbones_own_initialisation(comparison_config, name):
    config = comparison_config("random").model_copy(update={"backbone": name})
    torch.manual_seed(3)
    net = RANDOM.network(config, 35)
    torch.manual_seed(3)
    expected = backbone(name, 2, 3).state_dict()
    assert net.encoder.state_dict().keys() == expected.keys()
    assert all(torch.equal(v, expected[n]) for n, v in net.encoder.state_dict().items())
    assert net(torch.rand(2, 3, 32, 32)).shape == (2, net.encoder.channels[-1])


def test_starts_are_kept_as_they_are(comparison_config, trained):
    config = comparison_config("random")
    result = trained(config)
    assert (result.history.rows, result.spread) == ([], [])
    assert result.retrieval_before == result.retrieval


def test_a_start_has_no_loss(comparison_config):
    batch = Batch(torch.zeros(2, 3, 48, 48, dtype=torch.uint8), torch.arange(2))
    with pytest.raises(TrainingError, match="random is a start"):
        RANDOM.losses(None, batch, comparison_config("random"), torch.Generator())


def test_imagenet_weights_are_read_from_the_named_file(config, narrow):
    theirs, path = narrow
    net = IMAGENET.network(config(file=str(path)), 35)
    images = torch.rand(2, 3, 64, 64)
    torch.testing.assert_close(net.encoder(images), theirs(images))


def test_one_channel_gets_the_sum_of_the_colours(config, narrow):
    theirs, path = narrow
    net = IMAGENET.network(config("xray", file=str(path)), 35)
    scale = 0.5 / torch.tensor([0.229, 0.224, 0.225]).view(1, 3, 1, 1)
    expected = (theirs.conv1.weight * scale).sum(dim=1, keepdim=True)
    torch.testing.assert_close(net.encoder.conv1.weight, expected)
    for name, value in theirs.layer4.state_dict().items():
        assert torch.equal(net.encoder.layer4.state_dict()[name], value)


def test_without_a_file_torchs_cache_is_asked(config, narrow, monkeypatch, tmp_path):
    monkeypatch.setattr(torch.hub, "_hub_dir", str(tmp_path))
    with pytest.raises(DataError, match=r"checkpoints/resnet50-\w+\.pth: .* not there"):
        IMAGENET.network(config(), 35)


def test_weights_of_another_network_are_refused(config, narrow, tmp_path):
    for number, state in enumerate(({}, backbone("resnet50", 4, 3).state_dict())):
        path = tmp_path / f"other{number}.pth"
        torch.save(state, path)
        for modality in ("fundus", "xray"):
            with pytest.raises(DataError, match="of another network") as caught:
                IMAGENET.network(config(modality, file=str(path)), 35)
            assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("name", "base"), [("vgg", 64), ("vit", 64), ("resnet50", 8)])
def test_other_networks_are_told_the_stand_in(comparison_config, name, base):
    config = comparison_config("imagenet", base=base).model_copy(update={"backbone": name})
    with pytest.raises(ConfigError, match=f"not for {name} of base {base}.*'supervised'"):
        IMAGENET.network(config, 35)
