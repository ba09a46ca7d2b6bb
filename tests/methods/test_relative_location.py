"""Relative location: its answers are right, and it learns."""

import math

import pytest
import torch

from ldl.data.sampling import PLACES, draw_pair
from ldl.methods import METHODS
from ldl.methods.base import Batch
from ldl.methods.relative_location import patch_size

RELATIVE = METHODS["relative-location"]
SMALL = {"smallest": 0.9, "width": 32}


def loss_of(config, model, images):
    batch = Batch(images, torch.arange(len(images)))
    return RELATIVE.losses(model, batch, config, torch.Generator().manual_seed(0))


def located(first, second):
    """The place read from images whose red is x and whose blue is y."""
    away = (second - first).mean(dim=(2, 3))[:, [0, 2]]
    step = away.abs().amax(dim=1, keepdim=True)
    found = (away / step).round()[:, None]
    matches = (found == torch.tensor(PLACES, dtype=torch.float32)).all(dim=2)
    return 100 * matches.float(), first.flatten(1)


def test_the_answers_are_the_places(comparison_config):
    ramp = torch.linspace(0, 255, 48).expand(48, 48)
    x, y = ramp, ramp.T
    image = torch.stack([x, (x + y) / 2, y]).to(torch.uint8).expand(40, 3, 48, 48)
    outcome = loss_of(comparison_config("relative-location", smallest=0.9), located, image)
    assert float(outcome.losses["place"]) < 1e-3


def test_the_loss_is_that_of_a_loop(comparison_config):
    scores = torch.randn(6, 8, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    seen = []

    def model(first, second):
        seen.append((first.shape, second.shape))
        return scores, scores

    config = comparison_config("relative-location")
    images = torch.zeros(6, 3, 48, 48, dtype=torch.uint8)
    found = float(loss_of(config, model, images).losses["place"])
    draw, knobs = torch.Generator().manual_seed(0), RELATIVE.knobs(config)
    pair = draw_pair(6, gap=knobs.gap, jitter=knobs.jitter, smallest=knobs.smallest, generator=draw)
    total = 0.0
    for right, row in zip(pair.place.tolist(), scores.tolist(), strict=True):
        total -= math.log(math.exp(row[right]) / sum(map(math.exp, row)))
    assert found == pytest.approx(total / 6, rel=1e-9)
    assert seen == [((6, 3, 32, 32), (6, 3, 32, 32))]


def test_defaults_are_the_papers():
    """96 pixels, 48 apart, moved by 7; fully connected layers of 4,096."""
    assert RELATIVE.Knobs().model_dump() == {
        "gap": 0.5,
        "jitter": pytest.approx(7 / 96),
        "smallest": 0.6,
        "width": 4096,
    }


@pytest.mark.parametrize(("pixels", "size"), [(12, 32), (27, 32), (41, 48), (123.5, 128)])
def test_patches_enter_at_a_size_that_every_encoder_takes(pixels, size):
    assert patch_size(pixels) == size


def test_exchanging_the_patches_changes_the_scores(comparison_config):
    """The head knows which patch is the middle one."""
    torch.manual_seed(0)
    net = RELATIVE.network(comparison_config("relative-location", **SMALL), 35)
    one, other = torch.rand(2, 4, 3, 32, 32)
    assert not torch.allclose(net(one, other)[0], net(other, one)[0], atol=1e-4)


def test_the_gradient_reaches_every_weight(comparison_config, one_step):
    net, outcome = one_step(comparison_config("relative-location", **SMALL))
    outcome.losses["place"].backward()
    assert [n for n, p in net.named_parameters() if p.grad is None or not p.grad.any()] == []


def test_fifty_steps_lower_the_loss_below_guessing(comparison_config, trained):
    config = comparison_config("relative-location", base=4, batch=16, **SMALL)
    rows = [sum(row) for row in trained(config).history.rows]
    assert sum(rows[-10:]) < 0.85 * sum(rows[:10])
    assert sum(rows[-10:]) / 10 < 0.85 * math.log(8)
