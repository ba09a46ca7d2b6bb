"""DenseCL: two branches, two queues, keys matched by the backbone's features."""

import math

import pytest
import torch

from ldl.methods import METHODS
from ldl.methods.base import Batch
from ldl.methods.densecl import DenseHead, DenseMomentumNet, DenseVectors
from ldl.models.backbones import Encoder
from ldl.models.memory import Queue
from ldl.sphere import unit

DENSECL = METHODS["densecl"]


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def vectors(count, cells, dim, draw):
    def randn(*shape):
        return torch.randn(*shape, generator=draw, dtype=torch.float64)

    return DenseVectors(
        unit(randn(count, dim)),
        unit(randn(count, cells, dim)),
        unit(randn(count, dim)),
        randn(count, cells, 3),
    )


class Answers:
    """A model that answers with given queries and keys and keeps real queues."""

    def __init__(self, query, key, length=11):
        dim = query.image.shape[1]
        self.queue, self.dense_queue = Queue(length, dim).double(), Queue(length, dim).double()
        self.query, self.key = query, key

    def __call__(self, first, second, order):
        assert sorted(order.tolist()) == list(range(len(first)))
        return self.query, self.key


def info_nce_of_one(query, key, negatives, tau):
    right = math.exp(float(query @ key) / tau)
    wrong = sum(math.exp(float(query @ negative) / tau) for negative in negatives)
    return -math.log(right / (right + wrong))


def naive(model, weight, tau):
    """Eq. 1-4, image by image and cell by cell, on the queues as they are."""
    query, key = model.query, model.key
    whole, dense = [], []
    for b in range(len(query.image)):
        whole.append(info_nce_of_one(query.image[b], key.image[b], model.queue.keys, tau))
        for q, cell in enumerate(query.cells[b]):
            cosines = [
                float(torch.nn.functional.cosine_similarity(query.features[b, q], other, dim=0))
                for other in key.features[b]
            ]
            match = key.cells[b, cosines.index(max(cosines))]
            dense.append(info_nce_of_one(cell, match, model.dense_queue.keys, tau))
    return {
        "contrast": (1 - weight) * sum(whole) / len(whole),
        "dense": weight * sum(dense) / len(dense),
    }


def batch_of(count):
    return Batch(torch.zeros(count, 3, 48, 48, dtype=torch.uint8), torch.arange(count))


@pytest.mark.parametrize("weight", [0.5, 0.3])
def test_both_losses_are_those_of_a_loop_and_do_not_know_their_own_keys(comparison_config, weight):
    draw = generator(1)
    model = Answers(vectors(4, 9, 5, draw), vectors(4, 9, 5, draw))
    expected = naive(model, weight, tau=0.2)
    config = comparison_config("densecl", weight=weight)
    losses = DENSECL.losses(model, batch_of(4), config, generator()).losses
    assert {name: float(loss) for name, loss in losses.items()} == pytest.approx(expected, rel=1e-9)
    assert torch.equal(model.queue.keys[:4], model.key.image)
    assert torch.equal(model.dense_queue.keys[:4], model.key.mean)


def test_queues_go_round_and_are_part_of_the_state(comparison_config):
    draw = generator(2)
    model = Answers(vectors(4, 9, 5, draw), vectors(4, 9, 5, draw), length=10)
    images, means = [], []
    for _ in range(4):
        model.key = vectors(4, 9, 5, draw)
        DENSECL.losses(model, batch_of(4), comparison_config("densecl"), generator())
        images.append(model.key.image)
        means.append(model.key.mean)
    for queue, pushed in ((model.queue, images), (model.dense_queue, means)):
        newest = torch.cat(pushed)[-10:]
        assert torch.equal(queue.keys, newest.roll(int(queue.place), 0))
    net = DENSECL.network(comparison_config("densecl", queue=16), 35)
    assert {"queue.keys", "queue.place", "dense_queue.keys", "dense_queue.place"} <= set(
        net.state_dict()
    )


def test_the_dense_head_says_of_each_cell_what_the_global_head_would_say():
    head = DenseHead(6, 4, grid=7)
    with torch.no_grad():
        for flat, wide in ((0, 0), (2, 2)):
            head.cells[wide].weight.copy_(head.image[flat].weight[..., None, None])
            head.cells[wide].bias.copy_(head.image[flat].bias)
    deepest = torch.randn(3, 6, 2, 2)
    said = head(deepest)
    assert said.cells.shape == (3, 4, 4)
    for place in range(4):
        alone = head(deepest.flatten(2)[..., place, None, None])
        torch.testing.assert_close(said.cells[:, place], alone.image)
        torch.testing.assert_close(said.features[:, place], alone.features[:, 0])
    torch.testing.assert_close(said.image, head(deepest.mean((2, 3), keepdim=True)).image)
    raw = head.cells(deepest)
    torch.testing.assert_close(said.mean, unit(raw.mean((2, 3))))


@pytest.mark.parametrize(("side", "cells"), [(14, 49), (7, 49), (3, 9)])
def test_a_map_is_pooled_to_the_grid_but_never_stretched(side, cells):
    assert DenseHead(6, 4, grid=7)(torch.randn(2, 6, side, side)).cells.shape == (2, cells, 4)


def test_keys_come_back_in_the_order_of_their_images():
    net = DenseMomentumNet(Encoder(2), DenseHead(16, 4, 7)).eval()
    images = torch.randn(5, 3, 32, 32)
    _, key = net(images, images, torch.tensor([3, 0, 4, 1, 2]))
    for shuffled, plain in zip(key, net.key(images), strict=True):
        torch.testing.assert_close(shuffled, plain)


def test_the_teacher_answers_without_the_student_takes_no_gradient_and_follows(
    comparison_config, one_step
):
    config = comparison_config("densecl", queue=16, momentum=0.9)
    net, outcome = one_step(config)
    sum(outcome.losses.values()).backward()
    student = dict(net.encoder.named_parameters(), **dict(net.head.named_parameters()))
    assert [name for name, p in student.items() if p.grad is None or not p.grad.any()] == []
    assert [p for p in net.teacher.parameters() if p.requires_grad or p.grad is not None] == []
    before = [p.clone() for p in net.teacher.parameters()]
    with torch.no_grad():
        for p in student.values():
            p.add_(1.0)
    for step in range(3):
        DENSECL.after_step(net, config, step + 1)
    for old, new in zip(before, net.teacher.parameters(), strict=True):
        torch.testing.assert_close(new, old + (1 - 0.9**3), rtol=1e-4, atol=1e-5)
    with torch.no_grad():
        for p in student.values():
            p.fill_(float("nan"))
    assert all(part.isfinite().all() for part in net.key(torch.randn(2, 3, 32, 32)))


def test_defaults_are_the_papers():
    assert DENSECL.Knobs().model_dump() == {
        "queue": 65536,
        "dim": 128,
        "momentum": 0.999,
        "temperature": 0.2,
        "fill": "random",
        "norm": "none",
        "weight": 0.5,
        "grid": 7,
    }


def test_fifty_steps_lower_the_loss(comparison_config, trained):
    """Counted from the step at which the queues are full: random keys are easily told apart."""
    config = comparison_config("densecl", base=4, crop=48, queue=16, momentum=0.9)
    rows = [sum(row) for row in trained(config).history.rows]
    assert sum(rows[-10:]) < sum(rows[2:12])
