"""InstDisc: the bank of remembered vectors, and what is asked of it."""

import pytest
import torch

from ldl.data.recipes import INSTANCE, draw_view
from ldl.losses.instance import instance_nce, instance_softmax, partition
from ldl.methods import METHODS
from ldl.methods.base import Batch
from ldl.models.memory import MemoryBank
from ldl.sphere import unit

INSTDISC = METHODS["instdisc"]
ROWS = torch.tensor([7, 2, 9])


class Answers:
    """A model that answers with given vectors and keeps a real bank."""

    def __init__(self, seed=0):
        draw = torch.Generator().manual_seed(seed)
        self.bank = MemoryBank(10, 4).double()
        self.bank.vectors.copy_(unit(torch.randn(10, 4, generator=draw, dtype=torch.float64)))
        self.constant = torch.zeros((), dtype=torch.float64)
        self.answer = unit(torch.randn(3, 4, generator=draw, dtype=torch.float64)).requires_grad_()

    def __call__(self, images):
        return self.answer


def losses_of(model, config, seed=0):
    batch = Batch(torch.zeros(3, 3, 48, 48, dtype=torch.uint8), ROWS)
    return INSTDISC.losses(model, batch, config, torch.Generator().manual_seed(seed)).losses


def test_entries_are_used_as_they_were_before_this_step_and_then_follow(comparison_config):
    model = Answers()
    old = model.bank.vectors.clone()
    config = comparison_config("instdisc", objective="softmax", momentum=0.3)
    losses = losses_of(model, config)
    torch.testing.assert_close(
        losses["contrast"], instance_softmax(model.answer, old, ROWS, temperature=0.07)
    )
    new = 0.3 * old[ROWS] + 0.7 * model.answer.detach()
    expected = old.clone()
    expected[ROWS] = new / new.norm(dim=1, keepdim=True)
    torch.testing.assert_close(model.bank.vectors, expected)
    losses["contrast"].backward()
    assert model.answer.grad.any()
    assert not model.bank.vectors.requires_grad


def test_the_constant_is_estimated_once(comparison_config):
    model = Answers()
    config = comparison_config("instdisc", noise=6)
    old = model.bank.vectors.clone()
    loss = losses_of(model, config)["contrast"]
    first = float(model.constant)
    draw = torch.Generator().manual_seed(0)
    draw_view(torch.zeros(3, 3, 48, 48, dtype=torch.uint8), config.crop, INSTANCE, draw)
    noise = torch.randint(10, (3, 6), generator=draw)
    z = partition(model.answer, old, noise, temperature=0.07)
    assert first == pytest.approx(float(z))
    torch.testing.assert_close(
        loss, instance_nce(model.answer, old, ROWS, noise, temperature=0.07, constant=z)
    )
    losses_of(model, config, seed=1)
    assert float(model.constant) == first


def test_the_proximal_term_is_lambda_times_the_squared_jump(comparison_config):
    model = Answers()
    old = model.bank.vectors.clone()
    config = comparison_config("instdisc", objective="softmax", proximal=30.0, momentum=0.0)
    proximal = losses_of(model, config)["proximal"]
    jumps = (model.answer.detach() - old[ROWS]).square().sum(dim=1)
    assert float(proximal.detach()) == pytest.approx(30 * float(jumps.mean()))
    torch.testing.assert_close(model.bank.vectors[ROWS], model.answer.detach())
    assert "proximal" not in losses_of(model, comparison_config("instdisc", objective="softmax"))


@pytest.mark.parametrize("objective", ["softmax", "nce"])
def test_the_gradient_reaches_encoder_and_head_and_the_bank_is_in_the_state(
    comparison_config, one_step, objective
):
    net, outcome = one_step(comparison_config("instdisc", objective=objective, noise=20))
    sum(outcome.losses.values()).backward()
    assert [n for n, p in net.named_parameters() if p.grad is None or not p.grad.any()] == []
    assert net.state_dict()["bank.vectors"].shape == (35, 128)
    assert (net.state_dict()["constant"] > 0) == (objective == "nce")


def test_a_new_bank_is_random_and_on_the_sphere():
    vectors = MemoryBank(200, 16).vectors
    torch.testing.assert_close(vectors.norm(dim=1), torch.ones(200))
    assert vectors.mean(dim=0).abs().max() < 0.1


def test_defaults_are_the_originals():
    assert INSTDISC.Knobs().model_dump() == {
        "dim": 128,
        "temperature": 0.07,
        "objective": "nce",
        "noise": 4096,
        "momentum": 0.5,
        "proximal": 0.0,
    }


def test_fifty_steps_lower_the_loss(comparison_config, trained):
    """Counted from the step at which every image has been seen: random entries teach nothing."""
    config = comparison_config("instdisc", base=4, crop=48, batch=16, objective="softmax")
    rows = [sum(row) for row in trained(config).history.rows]
    assert sum(rows[-10:]) < sum(rows[3:13])
