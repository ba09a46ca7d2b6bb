"""The pixel-wise embedding and clustering network (LDL section 4.1, Eq. 2)."""

import pytest
import torch
from torch import nn
from torch.autograd.graph import saved_tensors_hooks

from ldl.engine.profiles import WIDTHS
from ldl.models import LocalDiscriminationNet, blocks


def network(clusters=4, channels=3, embedding=6):
    torch.manual_seed(1)
    return LocalDiscriminationNet(2, channels, embedding, clusters)


@pytest.mark.parametrize("training", [True, False])
def test_embeddings_are_unit_and_assignments_sum_to_one_at_every_pixel(training):
    net = network().train(training)
    # Where all channels before it are dead, the bias alone is left, and it starts at zero.
    nn.init.normal_(net.embed[-1].bias)
    embedding, assignment = net(torch.rand(2, 3, 32, 48) * 4 - 2)
    assert embedding.shape == (2, 6, 32, 48)
    assert assignment.shape == (2, 4, 32, 48)
    assert embedding.dtype == assignment.dtype == torch.float32
    torch.testing.assert_close(embedding.norm(dim=1), torch.ones(2, 32, 48))
    torch.testing.assert_close(assignment.sum(dim=1), torch.ones(2, 32, 48))
    assert (assignment > 0).all()


def test_assignments_are_sigmoids_over_their_sum_not_a_softmax():
    net, scores = network(), []
    net.cluster.register_forward_hook(lambda _, __, out: scores.append(out))
    _, assignment = net(torch.rand(1, 3, 32, 32))
    sigmoid = 1 / (1 + torch.exp(-scores[0].double()))
    expected = sigmoid / sigmoid.sum(1, keepdim=True)
    torch.testing.assert_close(assignment.double(), expected, rtol=1e-5, atol=1e-7)
    assert (assignment - scores[0].softmax(1)).abs().max() > 1e-3


def shifted_scores(net, shift):
    """The clustering branch's last convolution answers ``shift`` everywhere."""
    nn.init.zeros_(net.cluster[-1].weight)
    nn.init.constant_(net.cluster[-1].bias, shift)
    return net(torch.rand(1, 3, 32, 32))[1]


@pytest.mark.parametrize("shift", [-1000.0, -120.0, -20.0, 0.0, 1000.0])
def test_scores_that_agree_give_an_even_assignment(shift):
    assignment = shifted_scores(network(), shift)
    torch.testing.assert_close(assignment, torch.full_like(assignment, 0.25))


def test_a_gradient_flows_finite_where_all_sigmoids_are_zero():
    net = network()
    shifted_scores(net, -1000.0)[:, 0].sum().backward()
    assert net.cluster[-1].bias.grad.isfinite().all()
    assert net.cluster[-1].bias.grad.any()


def test_without_clusters_there_is_no_clustering_branch():
    net = network(clusters=0)
    assert net.cluster is None
    assert net(torch.rand(1, 3, 32, 32))[1] is None
    assert not [name for name in net.state_dict() if name.startswith("cluster")]


def test_the_clustering_branch_is_all_that_step_two_adds():
    before, after = set(network(clusters=0).state_dict()), set(network().state_dict())
    assert before < after
    assert {name.split(".")[0] for name in after - before} == {"cluster"}


@pytest.mark.parametrize(("name", "base"), [("tiny", 16), ("small", 32), ("full", 64)])
def test_the_number_of_weights_is_that_of_the_papers_channels(name, base):
    def block(a, b):
        return 9 * a * b + 2 * b

    vgg = [(3, 1), (1, 1), (1, 2), (2, 2), (2, 4), (4, 4), (4, 4), (4, 8), *[(8, 8)] * 5]
    decoder = [(16, 8), (8, 4), (8, 4), (4, 2), (4, 2), (2, 1)]
    expected = sum(block(a if a == 3 else a * base, b * base) for a, b in vgg)
    expected += sum(block(a * base, b * base) for a, b in decoder)
    # Two branches from 2 * base channels: a block and a 3x3 convolution with bias.
    for out in (32, 16):
        expected += block(2 * base, 2 * base) + 9 * 2 * base * out + out
    net = LocalDiscriminationNet(16 * WIDTHS[name], 3, 32, 16)
    assert sum(p.numel() for p in net.parameters()) == expected


def test_every_weight_gets_a_gradient():
    net = network()
    embedding, assignment = net(torch.rand(2, 3, 32, 32))
    (embedding[:, :3].sum() + assignment[:, 0].square().sum()).backward()
    dead = [name for name, p in net.named_parameters() if p.grad is None or not p.grad.any()]
    assert dead == []


def test_an_image_is_embedded_alike_alone_and_in_a_batch_when_evaluated():
    net, images = network().eval(), torch.rand(3, 3, 32, 32)
    together = net(images)[0]
    alone = torch.cat([net(image[None])[0] for image in images])
    torch.testing.assert_close(together, alone, rtol=1e-4, atol=2e-5)


def test_a_moved_image_gives_moved_embeddings():
    """Fully convolutional: a shift by the coarsest stride shifts the interior of the answer."""
    torch.manual_seed(2)
    net = network().eval()
    image = torch.zeros(1, 3, 256, 256)
    image[:, :, 112:128, 112:128] = torch.rand(3, 16, 16)
    moved = net(image.roll(16, -1))[0]
    torch.testing.assert_close(net(image)[0].roll(16, -1)[..., 96:160], moved[..., 96:160])


def a_step(net):
    """Gradients and statistics after one step, and bytes that its forward pass kept."""
    kept = {}
    with saved_tensors_hooks(lambda one: kept.setdefault(one.data_ptr(), one), lambda one: one):
        embedding, assignment = net(torch.rand(2, 3, 64, 64))
    (embedding[:, 0].sum() + assignment[:, 0].square().sum()).backward()
    gradients = {name: one.grad for name, one in net.named_parameters()}
    return gradients | dict(net.named_buffers()), sum(one.nbytes for one in kept.values())


@pytest.mark.parametrize("training", [True, False])
def test_what_is_made_anew_for_the_gradient_has_the_same_bits_and_is_not_kept(
    training, monkeypatch
):
    torch.manual_seed(0)
    found, kept = a_step(network().train(training))
    monkeypatch.setattr(blocks, "checkpoint", lambda make, **_: make())
    torch.manual_seed(0)
    expected, kept_before = a_step(network().train(training))
    assert found.keys() == expected.keys()
    assert all(torch.equal(found[name], one) for name, one in expected.items())
    assert kept < 0.85 * kept_before
