"""BYOL: what it predicts, its teacher, and that its outputs do not collapse."""

import math

import pytest
import torch

from ldl.data.recipes import draw_view
from ldl.methods import METHODS
from ldl.methods.base import Batch
from ldl.methods.byol import BYOLNet, momentum_at
from ldl.models.backbones import pooled

BYOL = METHODS["byol"]
SMALL = {"hidden": 32, "dim": 16, "momentum": 0.9}


def vectors(seed, count=6, dim=5):
    draw = torch.Generator().manual_seed(seed)
    return torch.randn(count, dim, generator=draw, dtype=torch.float64)


def loss_of(config, one, other, target, other_target):
    batch = Batch(torch.zeros(len(one), 3, 48, 48, dtype=torch.uint8), torch.arange(len(one)))
    answers = ((one, one, target), (other, other, other_target))
    outcome = BYOL.losses(
        lambda first, second: answers, batch, config, torch.Generator().manual_seed(0)
    )
    return outcome.losses["predict"]


def naive(predictions, targets):
    """Eq. 2: squared distance of unit vectors, one at a time."""
    total = 0.0
    for p, t in zip(predictions.tolist(), targets.tolist(), strict=True):
        p_norm, t_norm = math.hypot(*p), math.hypot(*t)
        total += sum((a / p_norm - b / t_norm) ** 2 for a, b in zip(p, t, strict=True))
    return total / len(predictions)


@pytest.mark.parametrize("count", [1, 6])
def test_the_loss_is_that_of_a_loop_and_crosses_the_views(comparison_config, count):
    one, other, target, other_target = (vectors(seed, count) for seed in range(4))
    loss = loss_of(comparison_config("byol"), one, other, target, other_target)
    assert loss.dtype == torch.float64
    assert float(loss) == pytest.approx(naive(one, other_target) + naive(other, target), rel=1e-9)


@pytest.mark.parametrize(("sign", "expected"), [(1, 0.0), (-1, 8.0)])
def test_the_loss_lies_between_agreement_and_opposition(comparison_config, sign, expected):
    same = vectors(0)
    loss = loss_of(comparison_config("byol"), same, same, sign * 3 * same, sign * 2 * same)
    assert float(loss) == pytest.approx(expected, abs=1e-9)


def test_defaults_are_the_papers():
    assert BYOL.Knobs().model_dump() == {"hidden": 4096, "dim": 256, "momentum": 0.996}


def test_the_two_views_differ_in_their_recipe(comparison_config, photographs, monkeypatch):
    """Table 6: blur and solarisation are not those of the other view."""
    seen = []

    def watch(images, size, recipe, generator):
        seen.append(recipe)
        return draw_view(images, size, recipe, generator)

    monkeypatch.setattr("ldl.methods.base.draw_view", watch)
    config = comparison_config("byol", **SMALL)
    net = BYOL.network(config, 35)
    batch = Batch(torch.from_numpy(photographs.images[:4]), torch.arange(4))
    BYOL.losses(net, batch, config, torch.Generator().manual_seed(0))
    assert [(recipe.blur, recipe.solarise) for recipe in seen] == [(1.0, 0.0), (0.1, 0.2)]


def test_the_teacher_answers_though_the_student_is_lost(comparison_config):
    net = BYOL.network(comparison_config("byol", **SMALL), 35)
    view = torch.rand(4, 3, 32, 32)
    before = net.target(view)
    for part in (net.encoder, net.head, net.predictor):
        for weight in part.parameters():
            weight.data.fill_(math.nan)
    assert torch.equal(net.target(view), before)
    (prediction, _, target), _ = net(view, view)
    assert prediction.isnan().all()
    assert torch.equal(target, before)


def test_only_the_student_has_a_gradient(comparison_config, one_step):
    net, outcome = one_step(comparison_config("byol", **SMALL))
    outcome.losses["predict"].backward()
    student = {n for n, p in net.named_parameters() if p.grad is not None and p.grad.any()}
    named = {n for n, _ in net.named_parameters()}
    assert student == {n for n in named if not n.startswith("teacher.")}
    assert not any(p.requires_grad for p in net.teacher.parameters())


def test_after_k_steps_the_teacher_is_the_weighted_sum_of_all_students(comparison_config):
    steps, start = 5, 0.6
    config = comparison_config("byol", steps=steps, hidden=8, dim=4, momentum=start)
    net = BYOL.network(config, 35)
    pairs = [(net.encoder, net.teacher["encoder"]), (net.head, net.teacher["head"])]
    students = [[p.detach().double() for s, _ in pairs for p in s.parameters()]]
    taus = [1 - (1 - start) * (math.cos(math.pi * k / steps) + 1) / 2 for k in range(steps)]
    for step in range(steps):
        draw = torch.Generator().manual_seed(step)
        for weight in [*net.encoder.parameters(), *net.head.parameters()]:
            weight.data.copy_(torch.randn(weight.shape, generator=draw))
        students.append([p.detach().double() for s, _ in pairs for p in s.parameters()])
        BYOL.after_step(net, config, step + 1)
    # The student of step k counts 1 - tau_k, times all later taus; the start counts all taus.
    shares = [math.prod(taus)]
    shares += [(1 - taus[k]) * math.prod(taus[k + 1 :]) for k in range(steps)]
    assert sum(shares) == pytest.approx(1)
    teacher = [p for _, t in pairs for p in t.parameters()]
    for number, weight in enumerate(teacher):
        expected = sum(share * s[number] for share, s in zip(shares, students, strict=True))
        torch.testing.assert_close(weight.double(), expected, rtol=1e-5, atol=1e-5)


def test_the_momentum_rises_to_one():
    values = [momentum_at(step, 100, 0.996) for step in (0, 50, 100)]
    assert values == pytest.approx([0.996, 0.998, 1.0], abs=1e-12)


def test_fifty_steps_lower_the_loss_and_leave_the_outputs_apart(comparison_config, trained):
    result = trained(comparison_config("byol", batch=16, **SMALL))
    rows = [sum(row) for row in result.history.rows]
    assert sum(rows[-10:]) < 0.7 * sum(rows[:10])
    assert min(result.spread) > 0.45


class Collapsing(BYOLNet):
    """Neither predictor nor teacher: the gradient flows into both sides."""

    def _answer(self, view):
        projection = self.head(pooled(self.encoder(view)))
        return projection, projection.detach(), projection


def test_without_predictor_and_teacher_the_spread_tells_of_the_collapse(
    comparison_config, trained, monkeypatch
):
    monkeypatch.setattr("ldl.methods.byol.BYOLNet", Collapsing)
    config = comparison_config("byol", batch=16, steps=30, **SMALL)
    result = trained(config.model_copy(update={"learning_rate": 5e-3}))
    assert result.history.rows[-1][0] < 0.1
    assert result.spread[0] > 0.7
    assert result.spread[-1] < 0.2
