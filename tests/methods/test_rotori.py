"""RotOri: the turns that are shown, the answers that are asked for, and who learns from what."""

import math

import pytest
import torch

from ldl.data.recipes import Recipe, draw_view
from ldl.losses.instance import turn_discrimination
from ldl.methods import METHODS
from ldl.methods.base import Batch
from ldl.methods.rotori import RotOriNet, all_turns, upright
from ldl.models.backbones import Encoder
from ldl.sphere import unit

ROTORI = METHODS["rotori"]


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def test_the_turns_of_an_image_lie_side_by_side():
    images = torch.arange(2 * 9.0).view(2, 1, 3, 3)
    turned = all_turns(images)
    assert turned.shape == (8, 1, 3, 3)
    for image in range(2):
        for turn in range(4):
            expected = images[image]
            for _ in range(turn):
                expected = torch.rot90(expected, 1, dims=(-2, -1))
            assert torch.equal(turned[4 * image + turn], expected)


def test_views_stay_upright_but_left_and_right_change_places():
    """Bright above dark stays so, bright beside dark does not always."""
    line = torch.linspace(255, 0, 48).round().to(torch.uint8)
    above = line[:, None].expand(48, 48).expand(32, 3, 48, 48)
    beside = line.expand(48, 48).expand(32, 3, 48, 48)
    recipe = Recipe(area=(0.3, 1.0), jitter=0.0, gray=0.0)
    drawn = draw_view(above, 32, recipe, generator())
    falls = drawn.image[:, :, 0].mean((1, 2)) > drawn.image[:, :, -1].mean((1, 2))
    assert 0 < int(falls.sum()) < 32
    kept = upright(drawn)
    assert (kept[:, :, 0].mean((1, 2)) > kept[:, :, -1].mean((1, 2))).all()
    sideways = upright(draw_view(beside, 32, recipe, generator()))
    brighter_left = sideways[..., 0].mean((1, 2)) > sideways[..., -1].mean((1, 2))
    assert 0 < int(brighter_left.sum()) < 32


@pytest.mark.parametrize("weight", [1.0, 0.3])
def test_the_losses_are_cross_entropy_of_the_turns_and_turn_discrimination(
    comparison_config, photographs, weight
):
    seen = []
    scores = torch.randn(32, 4, generator=generator(1), dtype=torch.float64)
    vectors = unit(torch.randn(32, 6, generator=generator(2), dtype=torch.float64))

    def answer(images):
        seen.append(images)
        return scores, vectors

    batch = Batch(torch.from_numpy(photographs.images[:4]), torch.arange(4))
    config = comparison_config("rotori", weight=weight, temperature=0.2)
    losses = ROTORI.losses(answer, batch, config, generator()).losses
    assert [tuple(images.shape) for images in seen] == [(32, 3, 32, 32)]
    total = 0.0
    for row in range(32):
        turn = row % 4
        upright_one = seen[0][row - turn]
        torch.testing.assert_close(seen[0][row], torch.rot90(upright_one, turn, dims=(-2, -1)))
        shares = scores[row].exp() / scores[row].exp().sum()
        total -= math.log(float(shares[turn]))
    assert float(losses["rotation"]) == pytest.approx(weight * total / 32, rel=1e-9)
    first, second = vectors[:16].view(4, 4, 6), vectors[16:].view(4, 4, 6)
    torch.testing.assert_close(
        losses["contrast"], turn_discrimination(first, second, temperature=0.2)
    )


@pytest.mark.parametrize("side", [2, 3, 7])
def test_the_head_takes_maps_of_any_size(side):
    net = RotOriNet(Encoder(2), 16, 5).eval()
    scores, vectors = net(torch.randn(2, 3, 16 * side, 16 * side))
    assert scores.shape == (2, 4)
    torch.testing.assert_close(vectors.norm(dim=1), torch.ones(2))


def test_each_half_of_the_head_learns_from_its_own_loss(comparison_config, one_step):
    config = comparison_config("rotori", dim=8)
    last = {}
    for name in ("contrast", "rotation"):
        net, outcome = one_step(config)
        outcome.losses[name].backward()
        last[name] = net.head[-3].weight.grad.abs().sum(dim=1) > 0
        assert all(p.grad.any() for p in net.encoder.parameters())
        assert (net.classify.weight.grad is None) == (name == "contrast")
    assert not last["contrast"][:8].any()
    assert last["contrast"][8:].any()
    assert last["rotation"][:8].any()
    assert not last["rotation"][8:].any()
    assert outcome.vectors.shape == (8, 8)


def test_defaults_are_those_of_the_authors_code():
    assert ROTORI.Knobs().model_dump() == {"dim": 128, "temperature": 0.1, "weight": 1.0}


def test_fifty_steps_lower_the_loss(comparison_config, trained):
    rows = [sum(row) for row in trained(comparison_config("rotori")).history.rows]
    assert sum(rows[-10:]) < sum(rows[:10])
