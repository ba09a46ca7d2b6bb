"""The fine-tuning network: branches side by side, what is shared, what is counted."""

import pytest
import torch

from ldl.errors import ConfigError
from ldl.models.organ_net import LocalUNet, OrganNet, load_branch, parameters_by_part

NAMES = ("vgg", "resnet50", "vit", "none")


def slices(batch=2, size=(32, 48), seed=1):
    return torch.randn(batch, 1, *size, generator=torch.Generator().manual_seed(seed))


def network(name="resnet50", base=2, organs=3, local_base=2, seed=1, **options):
    torch.manual_seed(seed)
    return OrganNet(name, base, organs, local_base, **options)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("local_base", [0, 2])
def test_probabilities_of_organs_and_background_at_full_size(name, local_base):
    if name == "none" and not local_base:
        return
    answer = network(name, local_base=local_base)(slices())
    assert answer.shape == (2, 4, 32, 48)
    assert answer.dtype == torch.float32
    assert (answer >= 0).all()
    torch.testing.assert_close(answer.sum(dim=1), torch.ones(2, 32, 48))


def test_a_resnet_takes_slices_of_any_size():
    assert network()(slices(size=(37, 50))).shape == (2, 4, 37, 50)


@pytest.mark.parametrize("name", NAMES)
def test_every_parameter_learns(name):
    net = network(name)
    (net(slices())[:, 1] ** 2).sum().backward()
    # A ViT's class token and the queries of its last layers may receive next to nothing.
    silent = [n for n, p in net.named_parameters() if p.grad is None]
    assert silent == []


def test_both_branches_give_as_many_channels_to_the_head():
    net = network(features=16)
    maps = [branch(slices()) for branch in net.branches()]
    assert [tuple(one.shape) for one in maps] == [(2, 16, 32, 48)] * 2
    assert net.head[-1].in_channels == 32
    assert network(local_base=0).head[-1].in_channels == 64
    assert network("none").head[-1].in_channels == 64


@pytest.mark.parametrize("branch", ["whole", "local"])
def test_each_branch_reaches_the_answer(branch):
    net, image = network().eval(), slices()
    before = net(image)
    for one in getattr(net, branch).parameters():
        one.data.mul_(1.5)
    assert not torch.allclose(net(image), before)


def test_equal_seeds_start_the_global_branch_alike_with_and_without_the_local_one():
    one, other = network(), network(local_base=0)
    mine, others = one.whole.state_dict(), other.whole.state_dict()
    assert mine.keys() == others.keys()
    assert all(torch.equal(mine[name], others[name]) for name in mine)


def test_the_local_branch_is_the_network_that_lrc_trains():
    """Its weights load as they are, and the last map is f = D_l(E_l(x))."""
    trained = LocalUNet(2).eval()
    net = network().eval()
    load_branch(net.local, trained.state_dict(), "local")
    assert torch.equal(net.branches()[1](slices()), trained(slices()))


def test_an_encoder_alone_loads_into_a_branch_and_leaves_its_decoder():
    trained, net = LocalUNet(2), network()
    before = {name: value.clone() for name, value in net.local.state_dict().items()}
    weights = {n: v for n, v in trained.state_dict().items() if n.startswith("encoder.")}
    load_branch(net.local, weights, "second")
    after = net.local.state_dict()
    for name, value in after.items():
        source = weights if name in weights else before
        assert torch.equal(value, source[name]), name


@pytest.mark.parametrize(
    "weights", [{}, {"encoder.odd": torch.zeros(1)}, {"decoder.last.bias": torch.zeros(3)}]
)
def test_weights_of_another_network_are_refused(weights):
    with pytest.raises(ConfigError, match="local: weights of another network") as caught:
        load_branch(network().local, weights, "local")
    assert "\n" not in str(caught.value)


def test_no_branch_at_all_is_refused():
    with pytest.raises(ConfigError, match="needs a backbone, a local_base, or both"):
        network("none", local_base=0)


@pytest.mark.parametrize("name", NAMES)
def test_the_parts_count_every_parameter_once(name):
    net = network(name)
    parts = parameters_by_part(net)
    assert sum(parts.values()) == sum(p.numel() for p in net.parameters())
    assert (parts["E_g"] > 0) == (parts["D_g"] > 0) == (name != "none")
    local = LocalUNet(2)
    assert parts["E_l"] == sum(p.numel() for p in local.encoder.parameters())
    assert parts["D_l"] == sum(p.numel() for p in local.decoder.parameters())


def test_without_lrc_the_local_parts_count_nothing():
    parts = parameters_by_part(network(local_base=0))
    assert (parts["E_l"], parts["D_l"]) == (0, 0)


def test_published_sizes():
    """ResNet-50 of one channel without its classifier has 23.5 million weights, ViT-Base 85.4."""
    with torch.device("meta"):
        resnet, vit = (parameters_by_part(OrganNet(one, 64, 11, 64)) for one in ("resnet50", "vit"))
    assert resnet["E_g"] == 25_557_032 - 2048 * 1000 - 1000 - 2 * 64 * 49
    assert vit["E_g"] == pytest.approx(85.4e6, rel=0.01)
    assert resnet["E_l"] + resnet["D_l"] == sum(p.numel() for p in LocalUNet(64).parameters())
