"""MoCo v1 and v2: their loss, their queue, their teacher, their heads."""

import math

import pytest
import torch
from torch import nn

from ldl.data.recipes import INSTANCE, MOCO_V2, draw_view
from ldl.methods import METHODS
from ldl.methods.base import Batch
from ldl.models.memory import Queue
from ldl.sphere import unit
from ldl.train.comparison import spread_of

BOTH = ("moco", "mocov2")


def vectors(seed, count=5, dim=4):
    draw = torch.Generator().manual_seed(seed)
    return unit(torch.randn(count, dim, generator=draw, dtype=torch.float64))


class Answers:
    """A model that answers with given queries and keys and keeps a real queue."""

    def __init__(self, query, key, length=11):
        self.queue = Queue(length, query.shape[1]).double()
        self.query, self.key, self.orders = query, key, []

    def __call__(self, first, second, order):
        assert first.shape == second.shape
        assert not torch.equal(first, second)
        self.orders.append(order.tolist())
        return self.query, self.key


def losses_of(method, model, config, count=5, seed=0):
    images = torch.randint(0, 256, (count, 3, 48, 48), dtype=torch.uint8)
    batch = Batch(images, torch.arange(count))
    draw = torch.Generator().manual_seed(seed)
    return METHODS[method].losses(model, batch, config, draw).losses


def naive(query, key, queue, tau):
    """Softmax over the own key and the queue, query by query."""
    total = 0.0
    for q, k in zip(query, key, strict=True):
        weights = [math.exp(float(q @ other) / tau) for other in (k, *queue)]
        total -= math.log(weights[0] / sum(weights))
    return total / len(query)


@pytest.mark.parametrize("method", BOTH)
@pytest.mark.parametrize("knobs", [{}, {"temperature": 0.5}])
def test_the_loss_is_a_naive_softmax_over_the_own_key_and_the_queue(
    method, knobs, comparison_config
):
    config = comparison_config(method, **knobs)
    tau = knobs.get("temperature", {"moco": 0.07, "mocov2": 0.2}[method])
    model = Answers(vectors(1), vectors(2))
    expected = naive(model.query, model.key, model.queue.keys.clone(), tau)
    losses = losses_of(method, model, config)
    assert list(losses) == ["contrast"]
    assert float(losses["contrast"]) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("method", BOTH)
def test_the_queue_never_holds_the_current_keys_when_the_loss_is_computed(
    method, comparison_config, monkeypatch
):
    seen = []

    def watch(query, key, negatives, *, temperature):
        seen.append((key.clone(), negatives.clone()))
        return (query * key).sum()

    monkeypatch.setattr("ldl.methods.moco.info_nce", watch)
    model, pushed = Answers(vectors(1), vectors(2), length=12), []
    for step in range(6):
        model.key = vectors(10 + step)
        losses_of(method, model, comparison_config(method), seed=step)
        key, negatives = seen[-1]
        assert not (negatives[:, None] == key).all(dim=2).any()
        held = torch.cat([torch.empty(0, 4, dtype=torch.float64), *pushed])[-12:]
        assert all((negatives == old).all(dim=1).any() for old in held)
        pushed.append(key)
    newest = torch.cat(pushed)[-12:]
    assert torch.equal(model.queue.keys, newest.roll(int(model.queue.place), 0))


@pytest.mark.parametrize("method", BOTH)
def test_each_step_shuffles_anew(method, comparison_config):
    model = Answers(vectors(1, 8), vectors(2, 8))
    for seed in range(3):
        losses_of(method, model, comparison_config(method), count=8, seed=seed)
    assert all(sorted(order) == list(range(8)) for order in model.orders)
    assert len({tuple(order) for order in model.orders}) == 3


@pytest.mark.parametrize("method", BOTH)
def test_of_the_loss_only_the_student_learns_and_the_queue_is_state(
    method, comparison_config, one_step
):
    net, outcome = one_step(comparison_config(method, queue=16, dim=8))
    outcome.losses["contrast"].backward()
    learning = {name for name, p in net.named_parameters() if p.grad is not None and p.grad.any()}
    assert learning == {n for n, _ in net.named_parameters() if not n.startswith("teacher.")}
    assert {"queue.keys", "queue.place"} <= set(net.state_dict())
    assert int(net.queue.place) == 8
    assert not outcome.vectors.requires_grad
    assert outcome.vectors.shape == (8, 8)


@pytest.mark.parametrize("method", BOTH)
def test_the_backward_pass_reads_the_queue_as_it_was(method, comparison_config, one_step):
    """Pushed in place before the backward pass, it would otherwise be an error or wrong."""
    config = comparison_config(method, queue=8, dim=8)
    net, outcome = one_step(config)
    loss = outcome.losses["contrast"]
    gradient = torch.autograd.grad(loss, net.head.parameters(), retain_graph=True)
    net.queue.keys.fill_(0.0)
    again = torch.autograd.grad(loss, net.head.parameters())
    assert all(torch.equal(a, b) for a, b in zip(gradient, again, strict=True))


@pytest.mark.parametrize("method", BOTH)
def test_after_k_steps_the_teacher_is_a_weighted_mean(method, comparison_config):
    config = comparison_config(method, queue=8, dim=8, momentum=0.8)
    net = METHODS[method].network(config, 35)
    before = [weight.clone() for weight in net.teacher.parameters()]
    with torch.no_grad():
        for weight in (*net.encoder.parameters(), *net.head.parameters()):
            weight.add_(1.0)
    for step in range(4):
        METHODS[method].after_step(net, config, step + 1)
    for old, new in zip(before, net.teacher.parameters(), strict=True):
        torch.testing.assert_close(new, old + (1 - 0.8**4), rtol=1e-5, atol=1e-5)


def test_defaults_are_the_papers():
    first = {"queue": 65536, "dim": 128, "momentum": 0.999, "temperature": 0.07}
    first |= {"fill": "random", "norm": "none"}
    assert METHODS["moco"].Knobs().model_dump() == first
    assert METHODS["mocov2"].Knobs().model_dump() == {**first, "temperature": 0.2}


@pytest.mark.parametrize(("method", "recipe"), [("moco", INSTANCE), ("mocov2", MOCO_V2)])
def test_views_are_drawn_by_the_papers_recipe(method, recipe, comparison_config, monkeypatch):
    seen = []

    def watch(images, size, recipe, generator):
        seen.append(recipe)
        return draw_view(images, size, recipe, generator)

    monkeypatch.setattr("ldl.methods.base.draw_view", watch)
    losses_of(method, Answers(vectors(1), vectors(2)), comparison_config(method))
    assert seen == [recipe, recipe]


def test_v1_has_one_layer_and_v2_two_with_a_hidden_one_as_wide_as_the_features():
    linear = METHODS["moco"].head(16, 8)
    assert isinstance(linear, nn.Linear)
    layers = [m for m in METHODS["mocov2"].head(16, 8).modules() if isinstance(m, nn.Linear)]
    assert [(m.in_features, m.out_features) for m in layers] == [(16, 16), (16, 8)]
    assert (linear.in_features, linear.out_features) == (16, 8)


@pytest.mark.parametrize("method", [*BOTH, "densecl"])
def test_a_dictionary_filled_beforehand_holds_keys_of_the_data_alone(
    method, comparison_config, trained
):
    """At the start all keys are alike, so that the first loss is near chance, and not near 0."""
    knobs = {"base": 4, "queue": 24, "dim": 8, "steps": 1, "temperature": 1.0}
    filled = sum(trained(comparison_config(method, fill="keys", **knobs)).history.rows[0])
    random = sum(trained(comparison_config(method, **knobs)).history.rows[0])
    assert filled == pytest.approx(math.log(25), abs=0.35)
    assert random < filled - 0.3


@pytest.mark.parametrize("method", BOTH)
def test_a_normalised_projection_spreads_new_features_over_the_sphere(
    method, comparison_config, one_step
):
    plain, spread = (
        spread_of(one_step(comparison_config(method, queue=16, dim=8, **norm))[1].vectors)
        for norm in ({}, {"norm": "batch"})
    )
    assert float(spread) > 0.8
    assert float(spread) > float(plain) + 0.1


@pytest.mark.parametrize("method", BOTH)
def test_fifty_steps_lower_the_loss(method, comparison_config, trained):
    """Counted from the step at which the queue is full: random keys are easily told apart."""
    config = comparison_config(method, base=4, queue=16, momentum=0.9)
    rows = [sum(row) for row in trained(config).history.rows]
    assert sum(rows[-10:]) < sum(rows[2:12])
