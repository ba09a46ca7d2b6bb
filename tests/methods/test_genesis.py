"""Models Genesis: what is restored, by which network, and that it learns."""

import pytest
import torch

from ldl.data.colour import NORMALISATION
from ldl.errors import ConfigError
from ldl.methods import METHODS
from ldl.methods.base import Batch

GENESIS = METHODS["genesis"]
NOTHING = {"intensity": 0.0, "shuffle": 0.0, "paint": 0.0}


def loss_of(config, model, images):
    batch = Batch(images, torch.arange(len(images)))
    outcome = GENESIS.losses(model, batch, config, torch.Generator().manual_seed(0))
    return float(outcome.losses["restore"])


def test_the_loss_is_the_mean_square_of_a_loop(comparison_config, photographs):
    """Whole images, so that the target is known."""
    images = torch.from_numpy(photographs.images[:2])
    config = comparison_config("genesis", crop=48, flip=0.0)
    answer = torch.rand(2, 3, 48, 48, generator=torch.Generator().manual_seed(1))
    found = loss_of(config, lambda seen: (answer, answer), images)
    flat = zip(answer.flatten().tolist(), images.flatten().tolist(), strict=True)
    total = sum((a - i / 255) ** 2 for a, i in flat)
    assert found == pytest.approx(total / answer.numel(), rel=1e-5)


def back(images):
    """What was seen, in 0..1 again."""
    mean, deviation = (torch.tensor(row).view(-1, 1, 1) for row in NORMALISATION[3])
    return images * deviation + mean


def test_what_is_not_spoilt_needs_no_restoring(comparison_config, photographs):
    images = torch.from_numpy(photographs.images[:8])
    config = comparison_config("genesis", **NOTHING)
    assert loss_of(config, lambda seen: (back(seen), seen), images) < 1e-10


def test_the_network_sees_the_spoilt_image_and_owes_the_whole_one(comparison_config, photographs):
    images = torch.from_numpy(photographs.images[:8])
    config = comparison_config("genesis", **{**NOTHING, "paint": 1.0, "outside": 1.0})
    assert loss_of(config, lambda seen: (back(seen), seen), images) > 0.05


def test_defaults_are_the_authors():
    assert GENESIS.Knobs().model_dump() == {
        "intensity": 0.9,
        "shuffle": 0.5,
        "paint": 0.9,
        "outside": 0.8,
        "flip": 0.4,
    }


@pytest.mark.parametrize(("name", "size"), [("vgg", 48), ("resnet50", 64)])
def test_the_restored_image_has_the_size_of_the_image(comparison_config, name, size):
    config = comparison_config("genesis", crop=size if name == "vgg" else 32)
    net = GENESIS.network(config.model_copy(update={"backbone": name}), 35)
    restored, features = net(torch.randn(2, 3, size, size))
    assert restored.shape == (2, 3, size, size)
    assert features.shape == (2, net.encoder.channels[-1])
    assert restored.min() >= 0
    assert restored.max() <= 1


@pytest.mark.parametrize(("name", "crop"), [("vit", 32), ("resnet50", 48)])
def test_a_backbone_that_cannot_restore_says_so(comparison_config, name, crop):
    config = comparison_config("genesis", crop=crop).model_copy(update={"backbone": name})
    with pytest.raises(ConfigError, match="genesis"):
        GENESIS.network(config, 35)


def test_the_gradient_reaches_every_weight(comparison_config, one_step):
    net, outcome = one_step(comparison_config("genesis"))
    outcome.losses["restore"].backward()
    assert [n for n, p in net.named_parameters() if p.grad is None or not p.grad.any()] == []


def test_fifty_steps_lower_the_loss(comparison_config, trained):
    rows = [sum(row) for row in trained(comparison_config("genesis")).history.rows]
    assert sum(rows[-10:]) < 0.95 * sum(rows[:10])
