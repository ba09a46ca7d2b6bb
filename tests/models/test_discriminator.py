"""The discriminator of shapes in both variants, and CycleGAN's networks."""

import pytest
import torch
from torch import nn

from ldl.errors import ConfigError
from ldl.models.discriminator import LocalDiscriminator, ShapeDiscriminator
from ldl.models.segmentation import TargetNet
from ldl.models.translation import Generator, PatchJudge


def test_channels_and_pools_are_the_papers() -> None:
    net, seen = ShapeDiscriminator(), []
    for layer in net.layers:
        layer.register_forward_hook(lambda _, given, out: seen.append((*out.shape[1:],)))
    with torch.no_grad():
        assert net(torch.zeros(1, 1, 448, 448)).shape == (1, 1)
    sides = [448, 224, 112, 56, 28, 14, 7]
    assert seen == [(c, s, s) for c, s in zip([16] + [32] * 6, sides, strict=True)]
    assert (net.hidden.in_features, net.hidden.out_features, net.last.out_features) == (32, 32, 1)


def test_the_releases_pools_five_times_and_its_activation_is_the_identity() -> None:
    net, seen = ShapeDiscriminator(variant="released"), []
    for layer in net.layers:
        layer.register_forward_hook(lambda _, given, out: seen.append(out.shape[-1]))
    with torch.no_grad():
        net(torch.zeros(1, 1, 64, 64))
    assert seen == [64, 32, 16, 8, 4, 2, 2]


def lift(net: nn.Module, value: float) -> float:
    """How much a flat mask of that value scores above an empty one."""
    flat = torch.full((1, 1, 96, 96), value, dtype=torch.float64)
    with torch.no_grad():
        return float(net(flat) - net(torch.zeros_like(flat)))


def test_what_is_twice_as_bright_scores_twice_as_far_in_the_release_only() -> None:
    torch.manual_seed(0)
    released = ShapeDiscriminator(4, "released").double()
    assert lift(released, 2.0) == pytest.approx(2 * lift(released, 1.0), rel=1e-9)
    paper = ShapeDiscriminator(4).double()
    nn.init.normal_(paper.layers[0].bias)
    assert lift(paper, 2.0) != pytest.approx(2 * lift(paper, 1.0), rel=1e-3)


@pytest.mark.parametrize("variant", ["paper", "released"])
@pytest.mark.parametrize("size", [32, 48])
def test_its_gradient_reaches_every_weight_and_the_mask(variant: str, size: int) -> None:
    torch.manual_seed(0)
    net = ShapeDiscriminator(3, variant).double()
    mask = torch.rand(2, 1, size, size, dtype=torch.float64, requires_grad=True)
    net(mask).sum().backward()
    assert mask.grad is not None
    assert mask.grad.abs().sum() > 0
    assert all(each.grad is not None and each.grad.abs().sum() > 0 for each in net.parameters())


def test_its_gradient_is_the_numerical_one() -> None:
    torch.manual_seed(1)
    net = ShapeDiscriminator(2).double()
    mask = torch.rand(1, 1, 8, 8, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(net, (mask,), eps=1e-7, atol=1e-5)


def test_another_variant_is_refused() -> None:
    with pytest.raises(ConfigError, match="paper, released"):
        ShapeDiscriminator(variant="linear")


@pytest.mark.parametrize(("before", "after"), [(1, 3), (3, 1)])
def test_generator_keeps_the_size_and_the_range(before: int, after: int) -> None:
    out = Generator(before, after, base=2, blocks=1)(torch.randn(2, before, 32, 48))
    assert out.shape == (2, after, 32, 48)
    assert out.abs().max() <= 1


def test_generator_has_the_originals_number_of_weights() -> None:
    # Known of the public implementation: 11.378 million with 9 blocks, 3 channels on both sides.
    net = Generator(3, 3)
    assert sum(each.numel() for each in net.parameters()) == 11_378_179


def test_patch_judge_sees_seventy_pixels() -> None:
    judge = PatchJudge(3, 2)
    image = torch.randn(1, 3, 128, 128, requires_grad=True)
    scores = judge(image)
    assert scores.shape == (1, 1, 14, 14)
    # Instance normalisation looks everywhere; without it a score depends on 70 pixels a side.
    for module in judge.modules():
        if isinstance(module, nn.InstanceNorm2d):
            module.forward = lambda x: x  # type: ignore[method-assign]
    (gradient,) = torch.autograd.grad(judge(image)[0, 0, 7, 7], image)
    rows = gradient[0].abs().sum(dim=(0, 2)).nonzero()
    assert int(rows.max() - rows.min()) + 1 == 70


def test_target_net_is_one_channel_of_scores() -> None:
    net = TargetNet(2)
    scores = net(torch.randn(2, 3, 32, 32))
    assert scores.shape == (2, 1, 32, 32)
    assert scores.dtype == torch.float32
    assert scores.min() < 0


def test_a_local_discriminator_scores_neighbourhoods_and_does_not_see_the_border() -> None:
    torch.manual_seed(0)
    net = LocalDiscriminator(4)
    with torch.no_grad():
        scores = net(torch.full((1, 1, 96, 64), 0.5))
        assert scores.shape == (1, 1, 12, 8)
        torch.testing.assert_close(scores, scores[..., :1, :1].expand_as(scores))
        # A score knows nothing of what is more than 38 pixels away.
        mask = torch.zeros(1, 1, 96, 96)
        far = mask.clone()
        far[..., :40, :] = 1
        torch.testing.assert_close(net(mask)[..., -1, :], net(far)[..., -1, :])
        assert not torch.allclose(net(mask)[..., 0, :], net(far)[..., 0, :])
