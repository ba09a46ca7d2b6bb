"""Patch discrimination (LDL Eq. 4-8) against float64 double loops, closed forms and symmetries.

Hypersphere mixup (LDL Eq. 13-18).
"""

import itertools
import math

import numpy as np
import pytest
import torch

from ldl.errors import ConfigError
from ldl.losses import mixup_images, mixup_target, patch_discrimination, unit
from ldl.losses.joint import joint_negative_log, log_miss

FORMULATIONS = ("released", "paper")


def unit_vectors(count, dim, seed, dtype=torch.float64):
    draw = torch.Generator().manual_seed(seed)
    return unit(torch.randn(count, dim, generator=draw, dtype=torch.float64)).to(dtype)


def naive_row(anchor, candidates, match, temperature):
    """Eq. 4-7 for one anchor, written as the sum and product that the paper prints."""
    weights = [math.exp(float(anchor @ one) / temperature) for one in candidates]
    shares = [weight / sum(weights) for weight in weights]
    loss = -math.log(shares[match])
    for number, share in enumerate(shares):
        if number != match:
            loss -= math.log(1 - share)
    return loss


def naive_paper(anchors, positives, temperature):
    rows = [naive_row(a, positives, i, temperature) for i, a in enumerate(anchors)]
    return sum(rows) / len(rows)


def naive_released(anchors, positives, temperature, candidates=None):
    """Every one of the 2N vectors is an anchor; ``candidates`` may be held apart from them."""
    both = np.concatenate([anchors, positives])
    candidates = both if candidates is None else candidates
    total, half = len(both), len(anchors)
    loss = 0.0
    for i in range(total):
        others = [j for j in range(total) if j != i]
        partner = others.index(i + half if i < half else i - half)
        loss += naive_row(both[i], candidates[others], partner, temperature)
    return loss / total


NAIVE = {"released": naive_released, "paper": naive_paper}


@pytest.mark.parametrize("formulation", FORMULATIONS)
@pytest.mark.parametrize(
    ("count", "dim", "temperature"),
    list(itertools.product((1, 2, 3, 8), (2, 5), (0.07, 0.1, 0.5, 2.0))),
)
def test_it_is_the_double_loop(formulation, count, dim, temperature):
    anchors, positives = unit_vectors(count, dim, 1), unit_vectors(count, dim, 2)
    loss = patch_discrimination(
        anchors, positives, temperature=temperature, formulation=formulation
    )
    expected = NAIVE[formulation](anchors.numpy(), positives.numpy(), temperature)
    assert loss.shape == ()
    assert float(loss) == pytest.approx(expected, rel=1e-10, abs=1e-12)
    single = patch_discrimination(
        anchors.float(), positives.float(), temperature=temperature, formulation=formulation
    )
    assert single.dtype == torch.float32
    assert float(single) == pytest.approx(expected, rel=2e-5, abs=1e-5)


def test_the_defaults_are_the_release_at_temperature_a_tenth():
    anchors, positives = unit_vectors(4, 6, 1), unit_vectors(4, 6, 2)
    assert patch_discrimination(anchors, positives) == patch_discrimination(
        anchors, positives, temperature=0.1, formulation="released"
    )


def rivals(formulation, count):
    """Candidates that an anchor chooses from."""
    return count if formulation == "paper" else 2 * count - 1


@pytest.mark.parametrize("formulation", FORMULATIONS)
@pytest.mark.parametrize("vectors", ["one direction", "zero"])
@pytest.mark.parametrize("count", [1, 2, 5, 64])
def test_collapsed_embeddings_cost_what_guessing_costs(formulation, vectors, count):
    collapsed = torch.zeros(count, 4, dtype=torch.float64)
    collapsed[:, 0] = 1.0 if vectors == "one direction" else 0.0
    m = rivals(formulation, count)
    guess = math.log(m) - (m - 1) * math.log(1 - 1 / m) if m > 1 else 0.0
    loss = patch_discrimination(collapsed, collapsed, formulation=formulation)
    assert float(loss) == pytest.approx(guess, rel=1e-12, abs=1e-12)


@pytest.mark.parametrize("formulation", FORMULATIONS)
@pytest.mark.parametrize("temperature", [0.05, 0.1, 1.0])
@pytest.mark.parametrize("count", [2, 7])
def test_orthogonal_patches_that_match_exactly(formulation, temperature, count):
    basis = torch.eye(count, dtype=torch.float64)
    m = rivals(formulation, count)
    # The twin has similarity 1 and all m - 1 others 0.
    total = math.exp(1 / temperature) + m - 1
    expected = math.log(total) - 1 / temperature - (m - 1) * math.log1p(-1 / total)
    loss = patch_discrimination(basis, basis, temperature=temperature, formulation=formulation)
    assert float(loss) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.float16, torch.bfloat16])
def test_a_certain_mistake_at_temperature_a_hundredth_has_its_exact_price(dtype):
    right = torch.tensor([[1.0, 0.0], [-1.0, 0.0]], dtype=dtype)
    # -log P(match) and -log(1 - P(other)) are both 200 + log(1 + exp(-200)); P(other) rounds to 1.
    loss = patch_discrimination(right, -right, temperature=0.01, formulation="paper")
    assert float(loss) == pytest.approx(400.0, rel=1e-6)


@pytest.mark.parametrize("formulation", FORMULATIONS)
def test_the_order_of_the_patches_does_not_matter(formulation):
    anchors, positives = unit_vectors(9, 5, 3), unit_vectors(9, 5, 4)
    order = torch.randperm(9, generator=torch.Generator().manual_seed(5))
    loss = patch_discrimination(anchors, positives, formulation=formulation)
    shuffled = patch_discrimination(anchors[order], positives[order], formulation=formulation)
    torch.testing.assert_close(loss, shuffled, rtol=1e-12, atol=0)
    mispaired = patch_discrimination(anchors[order], positives, formulation=formulation)
    assert not torch.isclose(loss, mispaired)


@pytest.mark.parametrize("formulation", FORMULATIONS)
def test_turning_the_hypersphere_does_not_matter(formulation):
    anchors, positives = unit_vectors(6, 4, 3), unit_vectors(6, 4, 4)
    turn, _ = torch.linalg.qr(unit_vectors(4, 4, 5))
    loss = patch_discrimination(anchors, positives, formulation=formulation)
    turned = patch_discrimination(anchors @ turn, positives @ turn, formulation=formulation)
    torch.testing.assert_close(loss, turned, rtol=1e-10, atol=0)


def test_the_released_loss_treats_the_views_alike_and_the_printed_one_does_not():
    anchors, positives = unit_vectors(6, 4, 3), unit_vectors(6, 4, 4)
    one, other = (patch_discrimination(*p) for p in [(anchors, positives), (positives, anchors)])
    torch.testing.assert_close(one, other, rtol=1e-12, atol=0)
    one, other = (
        patch_discrimination(*pair, formulation="paper")
        for pair in [(anchors, positives), (positives, anchors)]
    )
    assert not torch.isclose(one, other)


def test_the_printed_loss_has_the_gradient_of_its_value_on_both_sides():
    anchors = unit_vectors(4, 3, 1).requires_grad_()
    positives = unit_vectors(4, 3, 2).requires_grad_()

    def loss(a, p):
        return patch_discrimination(a, p, temperature=0.5, formulation="paper")

    assert torch.autograd.gradcheck(loss, (anchors, positives))


def test_the_released_loss_moves_anchors_only_candidates_stand_still():
    """Central differences of the double loop whose candidates stay where they are."""
    pair = torch.stack([unit_vectors(4, 3, 1), unit_vectors(4, 3, 2)]).requires_grad_()
    patch_discrimination(*pair, temperature=0.5).backward()
    still = pair.detach().flatten(0, 1).numpy()
    step, expected = 1e-6, np.zeros((8, 3))
    for place in np.ndindex(8, 3):
        ends = []
        for sign in (1, -1):
            moved = still.copy()
            moved[place] += sign * step
            ends.append(naive_released(moved[:4], moved[4:], 0.5, candidates=still))
        expected[place] = (ends[0] - ends[1]) / (2 * step)
    np.testing.assert_allclose(pair.grad.flatten(0, 1).numpy(), expected, rtol=1e-6, atol=1e-8)


def test_the_whole_gradient_would_be_another_one():
    """So that the test above would notice a missing ``detach``."""
    anchors = unit_vectors(4, 3, 1).requires_grad_()
    positives = unit_vectors(4, 3, 2)

    def whole(vectors):
        both = torch.cat([vectors, positives])
        similarity = both @ both.T / 0.5
        others = ~torch.eye(8, dtype=torch.bool)
        match = torch.tensor([3, 4, 5, 6, 0, 1, 2, 3])
        return joint_negative_log(similarity[others].view(8, 7), match).mean()

    released = patch_discrimination(anchors, positives, temperature=0.5)
    torch.testing.assert_close(whole(anchors), released)
    ours, full = (torch.autograd.grad(loss, anchors)[0] for loss in (released, whole(anchors)))
    assert (ours - full).abs().max() > 0.01


HARD = {
    "zero": torch.zeros(6, 4),
    "identical": torch.ones(6, 4) / 2,
    "opposite": torch.tensor([[1.0], [-1.0]]).repeat(3, 4) / 2,
    "one zero among others": unit_vectors(6, 4, 7, torch.float32)
    * torch.tensor([1.0, 0, 1, 1, 1, 1])[:, None],
}


@pytest.mark.parametrize("formulation", FORMULATIONS)
@pytest.mark.parametrize("temperature", [0.01, 0.1, 100.0])
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
@pytest.mark.parametrize("case", list(HARD))
@pytest.mark.parametrize("partner", ["itself", "its opposite", "itself, rolled"])
def test_loss_and_gradient_stay_finite(formulation, temperature, dtype, case, partner):
    anchors = HARD[case].to(dtype)
    changed = {"itself": anchors, "its opposite": -anchors, "itself, rolled": anchors.roll(1, 0)}
    anchors = anchors.clone().requires_grad_()
    positives = changed[partner].clone().requires_grad_()
    loss = patch_discrimination(
        anchors, positives, temperature=temperature, formulation=formulation
    )
    loss.backward()
    assert loss.isfinite()
    assert loss >= 0
    assert anchors.grad.isfinite().all()
    assert positives.grad.isfinite().all()


@pytest.mark.parametrize("formulation", FORMULATIONS)
def test_half_precision_is_computed_in_single(formulation):
    anchors = unit_vectors(8, 4, 1, torch.float16)
    positives = unit_vectors(8, 4, 2, torch.float16)
    half = patch_discrimination(anchors, positives, temperature=0.01, formulation=formulation)
    single = patch_discrimination(
        anchors.float(), positives.float(), temperature=0.01, formulation=formulation
    )
    assert half.dtype == torch.float32
    assert half == single


@pytest.mark.parametrize(
    ("anchors", "positives", "options", "said"),
    [
        ((3, 4), (3, 4), {"formulation": "printed"}, "printed"),
        ((3, 4), (3, 4), {"formulation": None}, "None"),
        ((3, 4), (3, 4), {"temperature": 0.0}, "temperature"),
        ((3, 4), (3, 4), {"temperature": -0.1}, "-0.1"),
        ((3, 4), (3, 4), {"temperature": math.nan}, "nan"),
        ((3, 4), (2, 4), {}, "(2, 4)"),
        ((3, 4), (3, 5), {}, "(3, 5)"),
        ((2, 3, 4), (2, 3, 4), {}, "(2, 3, 4)"),
        ((4,), (4,), {}, "(4,)"),
        ((0, 4), (0, 4), {}, "(0, 4)"),
    ],
)
def test_bad_arguments_get_one_line(anchors, positives, options, said):
    with pytest.raises(ConfigError) as caught:
        patch_discrimination(torch.zeros(anchors), torch.zeros(positives), **options)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_log_miss_is_exact_where_one_minus_p_is_not(dtype):
    logits = torch.tensor([[0.0, 60.0, 1.0], [2.0, 2.0, -40.0]], dtype=dtype)
    exact = logits.double()
    expected = torch.stack(
        [
            torch.logsumexp(exact[:, [j for j in range(3) if j != column]], 1)
            - torch.logsumexp(exact, 1)
            for column in range(3)
        ],
        dim=1,
    )
    got = log_miss(logits, logits.log_softmax(1))
    torch.testing.assert_close(got.double(), expected, rtol=1e-5, atol=1e-7)
    # The naive form loses it: 1 - P rounds to 0 there.
    assert torch.isinf((1 - logits.float().softmax(1)).log()).any()


def test_a_lone_candidate_is_always_right():
    assert joint_negative_log(torch.tensor([[3.0], [-2.0]]), torch.tensor([0, 0])).tolist() == [
        0,
        0,
    ]


def draw(*shape, seed, dtype=torch.float64):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


WEIGHT = torch.tensor([0.2, 0.5, 0.8], dtype=torch.float64)


def test_each_pair_of_images_has_its_own_weight():
    first, second = draw(3, 2, 4, 5, seed=1), draw(3, 2, 4, 5, seed=2)
    mixed = mixup_images(first, second, WEIGHT)
    for n, share in enumerate(WEIGHT.tolist()):
        expected = share * first[n].numpy() + (1 - share) * second[n].numpy()
        np.testing.assert_allclose(mixed[n].numpy(), expected, rtol=1e-12)


def test_weight_one_is_the_first_image_and_zero_the_second():
    first, second = draw(2, 1, 3, 3, seed=1), draw(2, 1, 3, 3, seed=2)
    mixed = mixup_images(first, second, torch.tensor([1.0, 0.0]))
    assert torch.equal(mixed[0], first[0])
    assert torch.equal(mixed[1], second[1])


def test_the_target_is_the_same_mix_of_vectors_back_on_the_hypersphere():
    first, second = unit(draw(3, 4, 6, seed=1)), unit(draw(3, 4, 6, seed=2))
    target = mixup_target(first, second, WEIGHT)
    for n, p in np.ndindex(3, 4):
        share = float(WEIGHT[n])
        mixed = share * first[n, p].numpy() + (1 - share) * second[n, p].numpy()
        expected = mixed / np.linalg.norm(mixed)
        np.testing.assert_allclose(target[n, p].numpy(), expected, rtol=1e-9)


def test_exchanging_the_images_and_the_weights_changes_nothing():
    first, second = unit(draw(3, 4, 6, seed=1)), unit(draw(3, 4, 6, seed=2))
    one, other = mixup_target(first, second, WEIGHT), mixup_target(second, first, 1 - WEIGHT)
    torch.testing.assert_close(one, other, rtol=1e-12, atol=1e-14)


def test_the_target_carries_no_gradient_and_the_mixed_patches_do():
    first, second = (unit(draw(3, 4, 6, seed=s)).requires_grad_() for s in (1, 2))
    mixed = unit(draw(3, 4, 6, seed=3)).requires_grad_()
    target = mixup_target(first, second, WEIGHT)
    assert not target.requires_grad
    patch_discrimination(mixed.flatten(0, 1), target.flatten(0, 1)).backward()
    assert first.grad is None
    assert second.grad is None
    assert mixed.grad.abs().sum() > 0


@pytest.mark.parametrize("dtype", [torch.float16, torch.float32])
def test_opposite_vectors_mix_to_zero_and_not_to_nan(dtype):
    first = torch.tensor([[[1.0, 0.0]]], dtype=dtype)
    target = mixup_target(first, -first, torch.tensor([0.5]))
    assert torch.equal(target, torch.zeros(1, 1, 2))
    loss = patch_discrimination(first.flatten(0, 1), target.flatten(0, 1), temperature=0.01)
    assert loss.isfinite()


def test_the_mixed_image_carries_the_gradient_of_its_share():
    first = draw(2, 1, 2, 2, seed=1).requires_grad_()
    mixup_images(first, draw(2, 1, 2, 2, seed=2), torch.tensor([0.25, 0.75])).sum().backward()
    assert first.grad[0].unique().tolist() == [0.25]
    assert first.grad[1].unique().tolist() == [0.75]
