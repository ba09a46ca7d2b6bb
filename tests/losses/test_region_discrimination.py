"""Region discrimination (LDL Eq. 10-12) against float64 double loops, closed forms, symmetries."""

import itertools
import math

import numpy as np
import pytest
import torch

from ldl.errors import ConfigError
from ldl.losses import region_discrimination, unit
from ldl.losses.region import prototypes

FORMULATIONS = ("released", "paper")


def draw_regions(batch, clusters, dim, seed, dtype=torch.float64):
    draw = torch.Generator().manual_seed(seed)
    return unit(torch.randn(batch, clusters, dim, generator=draw, dtype=torch.float64)).to(dtype)


def naive(regions, temperature, formulation):
    batch, clusters, _ = regions.shape
    means = [sum(regions[n, c] for n in range(batch)) / batch for c in range(clusters)]
    protos = [mean / math.sqrt(float(mean @ mean)) for mean in means]
    loss = 0.0
    for n in range(batch):
        for c in range(clusters):
            weights = [math.exp(float(regions[n, c] @ one) / temperature) for one in protos]
            shares = [weight / sum(weights) for weight in weights]
            loss -= math.log(shares[c])
            if formulation == "paper":
                loss -= sum(math.log(1 - shares[k]) for k in range(clusters) if k != c)
    return loss / (batch * clusters)


@pytest.mark.parametrize("formulation", FORMULATIONS)
@pytest.mark.parametrize(
    ("batch", "clusters", "dim", "temperature"),
    list(itertools.product((1, 2, 5), (1, 2, 6), (3, 8), (0.1, 0.2, 1.0))),
)
def test_it_is_the_double_loop(formulation, batch, clusters, dim, temperature):
    regions = draw_regions(batch, clusters, dim, 1)
    loss = region_discrimination(regions, temperature=temperature, formulation=formulation)
    expected = naive(regions.numpy(), temperature, formulation)
    assert loss.shape == ()
    assert float(loss) == pytest.approx(expected, rel=1e-9, abs=1e-11)
    single = region_discrimination(
        regions.float(), temperature=temperature, formulation=formulation
    )
    assert single.dtype == torch.float32
    assert float(single) == pytest.approx(expected, rel=2e-5, abs=1e-5)


def test_the_defaults_are_the_release_at_temperature_a_fifth():
    regions = draw_regions(3, 4, 5, 1)
    assert region_discrimination(regions) == region_discrimination(
        regions, temperature=0.2, formulation="released"
    )


@pytest.mark.parametrize("vectors", ["one direction", "zero"])
@pytest.mark.parametrize("clusters", [1, 2, 8, 16])
def test_collapsed_regions_cost_what_guessing_costs(vectors, clusters):
    regions = torch.zeros(3, clusters, 4, dtype=torch.float64)
    regions[..., 0] = 1.0 if vectors == "one direction" else 0.0
    guess = math.log(clusters)
    assert float(region_discrimination(regions)) == pytest.approx(guess, abs=1e-12)
    product = -(clusters - 1) * math.log(1 - 1 / clusters) if clusters > 1 else 0.0
    printed = region_discrimination(regions, formulation="paper")
    assert float(printed) == pytest.approx(guess + product, abs=1e-12)


@pytest.mark.parametrize("temperature", [0.05, 0.2, 1.0])
@pytest.mark.parametrize("clusters", [2, 7])
def test_orthogonal_regions_that_agree_over_the_batch(temperature, clusters):
    regions = torch.eye(clusters, dtype=torch.float64).expand(3, -1, -1)
    total = math.exp(1 / temperature) + clusters - 1
    expected = math.log(total) - 1 / temperature
    loss = region_discrimination(regions, temperature=temperature)
    assert float(loss) == pytest.approx(expected, rel=1e-8)
    expected -= (clusters - 1) * math.log1p(-1 / total)
    loss = region_discrimination(regions, temperature=temperature, formulation="paper")
    assert float(loss) == pytest.approx(expected, rel=1e-8)


@pytest.mark.parametrize("formulation", FORMULATIONS)
def test_images_and_clusters_may_be_reordered_but_not_each_image_alone(formulation):
    regions = draw_regions(4, 5, 6, 3)
    loss = region_discrimination(regions, formulation=formulation)
    images = region_discrimination(regions[[2, 0, 3, 1]], formulation=formulation)
    clusters = region_discrimination(regions[:, [4, 1, 0, 2, 3]], formulation=formulation)
    torch.testing.assert_close(loss, images, rtol=1e-12, atol=0)
    torch.testing.assert_close(loss, clusters, rtol=1e-12, atol=0)
    alone = torch.stack([regions[0].roll(1, 0), *regions[1:]])
    assert not torch.isclose(loss, region_discrimination(alone, formulation=formulation))


@pytest.mark.parametrize("formulation", FORMULATIONS)
def test_turning_the_hypersphere_does_not_matter(formulation):
    regions = draw_regions(3, 4, 5, 3)
    turn, _ = torch.linalg.qr(draw_regions(1, 5, 5, 4)[0])
    loss = region_discrimination(regions, formulation=formulation)
    turned = region_discrimination(regions @ turn, formulation=formulation)
    torch.testing.assert_close(loss, turned, rtol=1e-10, atol=0)


def test_prototypes_are_the_normalised_means_over_the_batch():
    regions = draw_regions(4, 3, 5, 2)
    mean = regions.numpy().mean(axis=0)
    expected = mean / np.linalg.norm(mean, axis=-1, keepdims=True)
    np.testing.assert_allclose(prototypes(regions).numpy(), expected, rtol=1e-10)


@pytest.mark.parametrize("formulation", FORMULATIONS)
def test_the_gradient_is_that_of_the_value_so_prototypes_carry_it(formulation):
    regions = draw_regions(2, 3, 4, 1).requires_grad_()

    def loss(x):
        return region_discrimination(x, temperature=0.5, formulation=formulation)

    assert torch.autograd.gradcheck(loss, (regions,))


HARD = {
    "zero": torch.zeros(4, 3, 5),
    "identical": torch.ones(4, 3, 5) / math.sqrt(5),
    "cancel over the batch": torch.tensor([1.0, -1.0, 1.0, -1.0])[:, None, None]
    * draw_regions(1, 3, 5, 6, torch.float32),
    "one zero region": draw_regions(4, 3, 5, 6, torch.float32)
    * torch.tensor([1.0, 0.0, 1.0])[:, None],
}


DTYPES = (torch.float16, torch.bfloat16, torch.float32, torch.float64)


@pytest.mark.parametrize("formulation", FORMULATIONS)
@pytest.mark.parametrize("temperature", [0.01, 0.2, 100.0])
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("case", list(HARD))
def test_loss_and_gradient_stay_finite(formulation, temperature, dtype, case):
    regions = HARD[case].to(dtype).clone().requires_grad_()
    loss = region_discrimination(regions, temperature=temperature, formulation=formulation)
    loss.backward()
    assert loss.isfinite()
    assert loss >= 0
    assert regions.grad.isfinite().all()


def test_half_precision_is_computed_in_single():
    regions = draw_regions(3, 4, 5, 1, torch.float16)
    half = region_discrimination(regions, temperature=0.01)
    assert half.dtype == torch.float32
    assert half == region_discrimination(regions.float(), temperature=0.01)


@pytest.mark.parametrize(
    ("shape", "options", "said"),
    [
        ((2, 3, 4), {"formulation": "ours"}, "ours"),
        ((2, 3, 4), {"temperature": 0}, "temperature"),
        ((2, 3, 4), {"temperature": math.nan}, "nan"),
        ((3, 4), {}, "(3, 4)"),
        ((0, 3, 4), {}, "(0, 3, 4)"),
        ((2, 0, 4), {}, "(2, 0, 4)"),
    ],
)
def test_bad_arguments_get_one_line(shape, options, said):
    with pytest.raises(ConfigError) as caught:
        region_discrimination(torch.zeros(shape), **options)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)
