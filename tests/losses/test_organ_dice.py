"""The losses of fine-tuning against naive float64 loops, monai, torch and closed forms."""

import math

import numpy as np
import pytest
import torch

from ldl.errors import ConfigError
from ldl.losses.dice import class_dice, entropy, organ_dice, organ_losses, weighted_entropy


def probabilities(batch, organs, size, seed=1, dtype=torch.float64):
    draw = torch.Generator().manual_seed(seed)
    scores = torch.randn(batch, organs + 1, *size, generator=draw, dtype=torch.float64)
    return scores.softmax(dim=1).to(dtype)


def labels(batch, values, size, seed=2):
    draw = torch.Generator().manual_seed(seed)
    return torch.tensor(values)[torch.randint(len(values), (batch, *size), generator=draw)]


def naive(probability, label):
    """Sums over the whole batch, organ by organ, with plain numbers."""
    p, y = probability.double().numpy(), label.numpy()
    costs = []
    for organ in range(1, p.shape[1]):
        there = y == organ
        if not there.any():
            continue
        overlap = total = 0.0
        for place in np.ndindex(y.shape):
            value = p[(place[0], organ, *place[1:])]
            overlap, total = overlap + value * there[place], total + value + there[place]
        costs.append(1 - 2 * overlap / total)
    return sum(costs) / len(costs) if costs else 0.0


@pytest.mark.parametrize("values", [[0, 1, 2, 3], [0, 2], [1, 3], [3]])
@pytest.mark.parametrize("batch", [1, 3])
def test_it_is_the_loop_over_organs_and_pixels(batch, values):
    probability, label = probabilities(batch, 3, (5, 4)), labels(batch, values, (5, 4))
    assert float(organ_dice(probability, label)) == pytest.approx(naive(probability, label), 1e-12)


def test_it_is_monais_where_every_organ_is_there():
    from monai.losses import DiceLoss

    probability, label = probabilities(2, 3, (8, 8)), labels(2, [0, 1, 2, 3], (8, 8))
    monai = DiceLoss(
        include_background=False, to_onehot_y=True, batch=True, smooth_nr=0, smooth_dr=0
    )
    expected = float(monai(probability, label[:, None]))
    assert float(organ_dice(probability, label)) == pytest.approx(expected, rel=1e-9)


def test_with_background_it_is_monais_too():
    from monai.losses import DiceLoss

    probability, label = probabilities(2, 3, (8, 8)), labels(2, [0, 1, 2, 3], (8, 8))
    monai = DiceLoss(to_onehot_y=True, batch=True, smooth_nr=0, smooth_dr=0)
    expected = float(monai(probability, label[:, None]))
    assert float(class_dice(probability, label)) == pytest.approx(expected, rel=1e-9)


def test_a_rare_organ_that_paints_the_background_costs_only_where_background_is_a_class():
    """Slices without the organ: as it is now for the old loss, and a wrong class for the other."""
    label = torch.zeros(1, 8, 8, dtype=torch.int64)
    label[0, :2, :2] = 1
    right, painted = exact(label, 2), exact(torch.where(label == 0, 2, label), 2)
    assert float(organ_dice(right, label)) == float(organ_dice(painted, label)) == 0
    assert float(class_dice(right, label)) == 0
    assert float(class_dice(painted, label)) == pytest.approx(0.5)
    assert float(entropy(painted, label)) > 40 > 1e-6 > float(entropy(right, label))


def test_the_entropy_is_torchs_with_the_gradient_of_far_off_pixels():
    scores = 60 * torch.randn(2, 3, 4, 4, generator=torch.Generator().manual_seed(4))
    scores.requires_grad_()
    label = labels(2, [0, 1, 2], (4, 4))
    ours = entropy(scores.softmax(dim=1), label)
    expected = torch.nn.functional.cross_entropy(scores, label)
    near = scores.detach().amax(1) - scores.detach().gather(1, label[:, None])[:, 0] < 80
    first, second = (torch.autograd.grad(one, scores)[0] for one in (ours, expected))
    assert near.float().mean() > 0.5
    torch.testing.assert_close(first.movedim(1, -1)[near], second.movedim(1, -1)[near])


def test_a_class_weighs_as_the_root_of_its_pixels():
    label = torch.zeros(1, 10, 10, dtype=torch.int64)
    label[0, :2, :2] = 2  # 4 of 100, and none of the first organ
    probability = probabilities(1, 2, (10, 10))
    costs = -probability.gather(1, label[:, None])[0, 0].log()
    rare, common = costs[label[0] == 2].mean(), costs[label[0] == 0].mean()
    expected = (4**0.5 * rare + 96**0.5 * common) / (4**0.5 + 96**0.5)
    assert float(weighted_entropy(probability, label)) == pytest.approx(float(expected))


def test_the_terms_of_a_named_loss():
    probability, label = probabilities(2, 3, (5, 5)), labels(2, [0, 2], (5, 5))
    dice, cross = class_dice(probability, label), entropy(probability, label)
    assert organ_losses("organs", probability, label) == {"dice": organ_dice(probability, label)}
    assert organ_losses("dice", probability, label) == {"dice": dice}
    assert organ_losses("dice+ce", probability, label) == {"dice": dice, "entropy": cross}
    weighted = weighted_entropy(probability, label)
    assert organ_losses("dice+wce", probability, label) == {"dice": dice, "entropy": weighted}
    with pytest.raises(ConfigError, match="loss is 'focal'"):
        organ_losses("focal", probability, label)


def exact(label, organs):
    return torch.nn.functional.one_hot(label, organs + 1).movedim(-1, 1).double()


def test_the_truth_costs_nothing_and_background_alone_costs_one():
    label = labels(2, [0, 1, 2], (6, 6))
    assert float(organ_dice(exact(label, 2), label)) == 0.0
    assert float(organ_dice(exact(torch.zeros_like(label), 2), label)) == 1.0


def test_half_of_one_organ():
    label = torch.zeros(1, 1, 4, dtype=torch.int64)
    label[0, 0, :2] = 1
    found = label.clone()
    found[0, 0, 1] = 0
    # overlap 1, sums 1 and 2
    assert float(organ_dice(exact(found, 1), label)) == pytest.approx(1 / 3)


def test_organs_weigh_alike_whatever_their_size():
    label = torch.zeros(1, 1, 20, dtype=torch.int64)
    label[0, 0, :10], label[0, 0, 10] = 1, 2
    without_small = torch.where(label == 2, 0, label)
    without_large = torch.where(label == 1, 0, label)
    costs = [float(organ_dice(exact(one, 2), label)) for one in (without_small, without_large)]
    assert costs == pytest.approx([0.5, 0.5])


def test_the_background_and_absent_organs_do_not_count():
    label = labels(2, [0, 1], (6, 6))
    two = probabilities(2, 1, (6, 6))
    # A second organ that nothing shows takes from the background only.
    three = torch.cat([two[:, :1] * 0.7, two[:, 1:], two[:, :1] * 0.3], dim=1)
    assert float(organ_dice(three, label)) == pytest.approx(float(organ_dice(two, label)))


def test_a_batch_without_organs_has_no_loss_and_no_gradient():
    probability = probabilities(2, 3, (4, 4)).requires_grad_()
    loss = organ_dice(probability, torch.zeros(2, 4, 4, dtype=torch.int64))
    loss.backward()
    assert float(loss.detach()) == 0.0
    assert torch.equal(probability.grad, torch.zeros_like(probability))


def test_an_absent_organ_found_nowhere_leaves_the_gradient_finite():
    label = torch.ones(1, 2, 2, dtype=torch.int64)
    probability = exact(label, 2).requires_grad_()
    organ_dice(probability, label).backward()
    assert probability.grad.isfinite().all()


def test_the_gradient_is_that_of_the_value():
    probability = probabilities(2, 2, (3, 3)).requires_grad_()
    label = labels(2, [0, 2], (3, 3))
    assert torch.autograd.gradcheck(lambda p: organ_dice(p, label), (probability,))


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_is_summed_in_full(dtype):
    probability = probabilities(2, 2, (64, 64))
    label = labels(2, [0, 1, 2], (64, 64))
    loss = organ_dice(probability.to(dtype), label)
    assert loss.dtype == torch.float32
    assert float(loss) == pytest.approx(float(organ_dice(probability, label)), abs=2e-3)


@pytest.mark.parametrize("dtype", [torch.uint8, torch.int16, torch.int64])
def test_labels_may_have_any_whole_type(dtype):
    probability, label = probabilities(1, 2, (4, 4)), labels(1, [0, 1, 2], (4, 4))
    expected = organ_dice(probability, label)
    assert torch.equal(organ_dice(probability, label.to(dtype)), expected)


def test_it_lies_between_zero_and_one():
    for seed in range(5):
        loss = float(organ_dice(probabilities(2, 4, (8, 8), seed), labels(2, [0, 1, 4], (8, 8))))
        assert 0 <= loss <= 1
        assert math.isfinite(loss)


@pytest.mark.parametrize(
    ("shape", "label", "said"),
    [
        ((2, 1, 4, 4), (2, 4, 4), "K > 0"),
        ((2, 3, 4), (2, 4), "K > 0"),
        ((2, 3, 4, 4), (2, 4, 5), "one for each pixel"),
        ((2, 3, 4, 4), (1, 4, 4), "one for each pixel"),
    ],
)
def test_shapes_that_do_not_fit_are_refused(shape, label, said):
    with pytest.raises(ConfigError, match=said) as caught:
        organ_dice(torch.zeros(shape), torch.zeros(label, dtype=torch.int64))
    assert "\n" not in str(caught.value)
