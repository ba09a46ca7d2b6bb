"""Relative location: its answers are right, and it learns."""

import itertools
import math

import pytest
import torch

from ldl.methods import METHODS
from ldl.methods.base import Batch
from ldl.methods.relative_location import PLACES, draw_pair, patch_size, sides, without_green

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


GEOMETRIES = [(0.5, 7 / 96, 0.6), (0.0, 0.0, 1.0), (0.25, 0.2, 0.9)]


def drawn(gap, jitter, smallest, count=2000):
    draw = torch.Generator().manual_seed(1)
    return draw_pair(count, gap=gap, jitter=jitter, smallest=smallest, generator=draw)


def half(affine):
    return affine.matrix[:, 0, 0]


def centre(affine):
    return affine.matrix[:, :, 2]


def test_places_are_the_eight_neighbours_in_reading_order():
    around = [(x, y) for y, x in itertools.product((-1, 0, 1), repeat=2) if (x, y) != (0, 0)]
    assert list(PLACES) == around


@pytest.mark.parametrize(("gap", "jitter", "smallest"), GEOMETRIES)
def test_both_patches_are_squares_of_one_size_within_the_image(gap, jitter, smallest):
    pair = drawn(gap, jitter, smallest)
    for affine in (pair.middle, pair.neighbour):
        assert torch.equal(half(affine), half(pair.middle))
        assert torch.equal(affine.matrix[:, 1, 1], half(affine))
        assert (centre(affine).abs() + half(affine)[:, None]).max() <= 1 + 1e-5
    share = half(pair.middle) * sides(gap, jitter)
    assert smallest - 1e-5 <= share.min()
    assert share.max() <= 1 + 1e-5


@pytest.mark.parametrize(("gap", "jitter", "smallest"), GEOMETRIES)
def test_the_neighbour_lies_where_its_place_says(gap, jitter, smallest):
    """One side and the gap away, up to what both were moved by, in sides of a patch."""
    pair = drawn(gap, jitter, smallest)
    away = (centre(pair.neighbour) - centre(pair.middle)) / (2 * half(pair.middle)[:, None])
    error = away - torch.tensor(PLACES)[pair.place] * (1 + gap)
    assert error.abs().max() <= 2 * jitter + 1e-4
    assert jitter == 0 or error.abs().max() > 1.5 * jitter


def test_every_place_is_as_likely_and_patches_do_not_touch():
    pair = drawn(0.5, 7 / 96, 0.6)
    counts = torch.bincount(pair.place, minlength=8)
    assert counts.min() > 200
    away = (centre(pair.neighbour) - centre(pair.middle)).abs().amax(dim=1)
    assert (away / (2 * half(pair.middle))).min() > 1.3


def test_without_green_is_the_projection_of_the_paper():
    """B = I - a'a / (aa') with a = [-1, 2, -1], pixel by pixel."""
    image = torch.rand(2, 3, 4, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    a = torch.tensor([[-1.0, 2.0, -1.0]], dtype=torch.float64)
    b = torch.eye(3, dtype=torch.float64) - a.T @ a / (a @ a.T)
    found = without_green(image)
    for n, y, x in itertools.product(range(2), range(4), range(4)):
        torch.testing.assert_close(found[n, :, y, x], image[n, :, y, x] @ b)
    torch.testing.assert_close(without_green(found), found)


def test_grey_stays_grey():
    grey = torch.rand(2, 1, 4, 4)
    torch.testing.assert_close(without_green(grey.expand(-1, 3, -1, -1)), grey.expand(-1, 3, 4, 4))
    assert torch.equal(without_green(grey), grey)
