"""MAE: what is hidden, what is drawn, and that it learns."""

import pytest
import torch
from torch import nn

from ldl.errors import ConfigError
from ldl.methods import METHODS
from ldl.methods.base import Batch

MAE = METHODS["mae"]
SMALL = {"width": 32, "depth": 1, "heads": 4}
# Patches of a 32-pixel crop: 4 x 4 of 8 x 8 pixels.
PATCH, SIDE = 8, 4


@pytest.fixture
def config(comparison_config):
    def make(**fields):
        made = comparison_config("mae", **{**SMALL, **fields})
        return made.model_copy(update={"backbone": "vit"})

    return make


class Watching(nn.Module):
    """Answers with given numbers and remembers what it was asked."""

    def __init__(self, answer):
        super().__init__()
        self.answer, self.asked = answer, None
        self.encoder = nn.Module()
        self.encoder.patch = PATCH

    def forward(self, images, keep, hide):
        self.asked = images, keep, hide
        return self.answer, self.answer.flatten(1)


def loss_of(config, model, count=4):
    images = torch.randint(0, 256, (count, 3, 48, 48), dtype=torch.uint8)
    batch = Batch(images, torch.arange(count))
    return MAE.losses(model, batch, config, torch.Generator().manual_seed(0)).losses["draw"]


def test_three_quarters_are_hidden_and_no_patch_twice(config):
    model = Watching(torch.zeros(4, 12, 192))
    loss_of(config(), model)
    _, keep, hide = model.asked
    assert keep.shape == (4, 4)
    both = torch.cat([keep, hide], dim=1)
    assert torch.equal(both.sort(dim=1).values, torch.arange(16).expand(4, -1))
    assert len({tuple(row) for row in keep.tolist()}) == 4


def test_the_loss_is_that_of_a_loop_over_hidden_patches(config):
    """Each patch normalised by its own mean and variance, channels together."""
    model = Watching(torch.randn(4, 12, 192, generator=torch.Generator().manual_seed(1)))
    loss = loss_of(config(), model)
    images, _, hide = model.asked
    total = 0.0
    for image, hidden, drawn in zip(images.double(), hide.tolist(), model.answer, strict=True):
        for number, answer in zip(hidden, drawn, strict=True):
            top, left = (PATCH * place for place in divmod(number, SIDE))
            pixels = image[:, top : top + PATCH, left : left + PATCH]
            # Pixel by pixel in reading order, channels last.
            flat = pixels.permute(1, 2, 0).flatten()
            wanted = (flat - flat.mean()) / (flat.var() + 1e-6).sqrt()
            total += float((answer - wanted).square().mean())
    assert float(loss) == pytest.approx(total / (4 * 12), rel=1e-4)


def test_drawing_nothing_costs_the_variance(config):
    """n - 1 over n for normalised patches of 192 numbers."""
    assert float(loss_of(config(), Watching(torch.zeros(4, 12, 192)))) == pytest.approx(
        191 / 192, rel=1e-4
    )


def test_hidden_pixels_do_not_reach_the_answer(config):
    torch.manual_seed(0)
    net = MAE.network(config(), 35).eval()
    image, keep, hide = torch.rand(1, 3, 32, 32), torch.tensor([[5]]), torch.tensor([[0, 10, 15]])
    changed = image.clone()
    changed[:, :, 16:] = 0
    drawn = net(image, keep, hide)[0]
    torch.testing.assert_close(net(changed, keep, hide)[0], drawn)
    changed[:, :, 8:16, 8:16] = 0
    assert not torch.allclose(net(changed, keep, hide)[0], drawn)


def test_answers_follow_the_order_of_what_is_asked(config):
    torch.manual_seed(0)
    net = MAE.network(config(), 35).eval()
    image, keep, hide = torch.rand(1, 3, 32, 32), torch.tensor([[5, 2]]), torch.tensor([[0, 9, 15]])
    drawn = net(image, keep, hide)[0]
    torch.testing.assert_close(net(image, keep.flip(1), hide.flip(1))[0], drawn.flip(1))
    assert not torch.allclose(drawn[:, 0], drawn[:, 1])


def test_positions_are_fixed_and_everything_else_learns(config, one_step):
    net, outcome = one_step(config())
    outcome.losses["draw"].backward()
    fixed = {n for n, p in net.named_parameters() if not p.requires_grad}
    assert fixed == {"encoder.vit.pos_embed", "decoder.pos_embed"}
    idle = {n for n, p in net.named_parameters() if p.grad is None or not p.grad.any()}
    assert idle == fixed


def test_defaults_are_the_papers():
    knobs = MAE.Knobs().model_dump()
    assert knobs == {"hidden": 0.75, "width": 512, "depth": 8, "heads": 16}


@pytest.mark.parametrize("name", ["vgg", "resnet50"])
def test_a_convolutional_backbone_is_refused(comparison_config, name):
    config = comparison_config("mae").model_copy(update={"backbone": name})
    with pytest.raises(ConfigError, match=f"'{name}'.*'vit'"):
        MAE.network(config, 35)


def test_heads_that_do_not_divide_the_width_are_refused(config):
    with pytest.raises(ConfigError, match="heads 5 must divide width 32"):
        MAE.knobs(config(heads=5))


def test_fifty_steps_lower_the_loss(config, trained):
    rows = [sum(row) for row in trained(config()).history.rows]
    assert sum(rows[-10:]) < 0.8 * sum(rows[:10])
