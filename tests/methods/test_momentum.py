"""Student and teacher: who answers, who learns, who follows, and in which order keys come back."""

import math

import pytest
import torch
from torch import nn

from ldl.methods.base import KEY_PARTS, MomentumNet, shuffled_keys
from ldl.models.backbones import Encoder, pooled
from ldl.sphere import unit


def network(seed=0, dim=5):
    torch.manual_seed(seed)
    encoder = Encoder(2)
    return MomentumNet(encoder, nn.Linear(encoder.channels[-1], dim))


def student(net):
    return [*net.encoder.parameters(), *net.head.parameters()]


def teacher(net):
    return [*net.teacher["encoder"].parameters(), *net.teacher["head"].parameters()]


def views(count=6, seed=1):
    draw = torch.Generator().manual_seed(seed)
    return torch.rand(2, count, 3, 32, 32, generator=draw)


def test_the_teacher_starts_as_a_copy_with_tensors_of_its_own():
    net = network()
    for own, copied in zip(student(net), teacher(net), strict=True):
        assert torch.equal(own, copied)
        assert own.data_ptr() != copied.data_ptr()


def test_the_teacher_answers_though_every_weight_of_the_student_is_nan():
    net, (first, second) = network(), views()
    before = net.key(second)
    for weight in student(net):
        weight.data.fill_(math.nan)
    query, key = net(first, second, torch.arange(6))
    assert query.isnan().all()
    assert key.isfinite().all()
    torch.testing.assert_close(net.key(second), before)


def test_only_the_student_takes_a_gradient():
    net, (first, second) = network(), views()
    query, key = net(first, second, torch.randperm(6))
    assert not key.requires_grad
    (query * key).sum().backward()
    assert all(weight.grad is not None for weight in student(net))
    assert any(weight.grad.any() for weight in student(net))
    assert all(w.grad is None and not w.requires_grad for w in teacher(net))


@pytest.mark.parametrize("momentum", [0.0, 0.5, 0.9, 0.99, 1.0])
def test_after_k_steps_the_teacher_is_its_closed_form(momentum):
    """m^k start + (1 - m) sum of m^(k - i) student_i."""
    net, steps = network(), 6
    draw = torch.Generator().manual_seed(2)
    starts, seen = [w.double().clone() for w in teacher(net)], []
    for _ in range(steps):
        for weight in student(net):
            weight.data.copy_(torch.randn(weight.shape, generator=draw))
        seen.append([weight.detach().double().clone() for weight in student(net)])
        net.follow(momentum)
    for number, weight in enumerate(teacher(net)):
        expected = momentum**steps * starts[number]
        for step, weights in enumerate(seen, start=1):
            expected = expected + (1 - momentum) * momentum ** (steps - step) * weights[number]
        torch.testing.assert_close(weight.double(), expected, rtol=1e-5, atol=1e-5)


def test_following_does_not_touch_the_student():
    net = network()
    for weight in teacher(net):
        weight.data.fill_(7.0)
    before = [weight.clone() for weight in student(net)]
    net.follow(0.9)
    assert all(torch.equal(a, b) for a, b in zip(before, student(net), strict=True))


@pytest.mark.parametrize("count", [4, 5, 8])
def test_shuffled_keys_come_back_in_their_order_and_in_eval_mode_as_if_unshuffled(count):
    net, (first, second) = network().eval(), views(count)
    draw = torch.Generator().manual_seed(3)
    for _ in range(3):
        order = torch.randperm(count, generator=draw)
        _, key = net(first, second, order)
        torch.testing.assert_close(key, net.key(second), rtol=1e-4, atol=1e-6)


def test_keys_are_normalised_over_shuffled_parts_and_queries_over_all():
    net, (first, second), order = network(), views(8), torch.tensor([5, 1, 7, 3, 0, 2, 4, 6])
    teacher_of = [net.key(second[rows]) for rows in order.chunk(KEY_PARTS)]
    query, key = net(first, second, order)
    torch.testing.assert_close(key[order], torch.cat(teacher_of))
    assert not torch.allclose(key, net.key(second), atol=1e-3)
    torch.testing.assert_close(query, unit(net.head(pooled(net.encoder(first)))))


def test_each_image_is_encoded_once_and_in_its_part():
    seen = []

    def encode(images):
        seen.append(images.flatten().tolist())
        return images, -images

    images = torch.arange(7.0).view(7, 1)
    order = torch.tensor([6, 2, 0, 5, 1, 3, 4])
    same, negative = shuffled_keys(encode, images, order)
    assert seen == [[6, 2, 0, 5], [1, 3, 4]]
    assert torch.equal(same, images)
    assert torch.equal(negative, -images)


def test_both_answers_are_unit_vectors_in_full_precision():
    net, (first, second) = network(), views()
    with torch.autocast("cpu", torch.bfloat16):
        answers = net(first, second, torch.arange(6))
    for vectors in answers:
        assert vectors.dtype == torch.float32
        torch.testing.assert_close(vectors.norm(dim=1), torch.ones(6), rtol=1e-3, atol=1e-3)
