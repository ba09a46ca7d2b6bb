"""The local region contrast (LRC section 2.1) against naive float64 loops and closed forms."""

import itertools
import math

import numpy as np
import pytest
import torch

from ldl.errors import ConfigError
from ldl.losses import local_region_contrast, unit

FORMULATIONS = ("paper", "distinct")


def draw(*shape, seed=1, dtype=torch.float64):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def draw_regions(batch, height, width, ids, seed=2):
    chosen = torch.tensor(ids)
    score = torch.Generator().manual_seed(seed)
    return chosen[torch.randint(len(ids), (batch, height, width), generator=score)]


def seeded(seed=5):
    return torch.Generator().manual_seed(seed)


def contrast(*views, **options):
    """The loss with equal draws every time, over all pixels where the test does not care."""
    given = {"samples": None, "temperature": 0.2, "formulation": "paper", "generator": seeded()}
    return local_region_contrast(*views, **(given | options))


def numbered(query, positive, smallest):
    """Ids of one image that count, in the order in which they first appear; [] if fewer than 2."""
    ids = list(dict.fromkeys(query.flatten().tolist()))
    kept = [k for k in ids if k >= 0 and min((query == k).sum(), (positive == k).sum()) >= smallest]
    return kept if len(kept) > 1 else []


def pixels(regions, region):
    """Places of a region's pixels in row-major order."""
    return np.flatnonzero(regions.numpy().ravel() == region)


def naive_vectors(features, regions, ids, draws, normalise):
    """f_k of one image: over the drawn pixels, or over all where ``draws`` is None."""
    flat = features.detach().double().numpy().reshape(features.shape[0], -1)
    vectors = []
    for number, region in enumerate(ids):
        inside = pixels(regions, region)
        if draws is not None:
            inside = [inside[int(one) % len(inside)] for one in draws[number]]
        mean = sum(flat[:, place] for place in inside) / len(inside)
        vectors.append(mean / np.linalg.norm(mean) if normalise else mean)
    return vectors


def naive(
    query,
    positive,
    query_regions,
    positive_regions,
    *,
    temperature,
    formulation,
    samples=None,
    seed=5,
    smallest=4,
    normalise=True,
):
    ids = [numbered(q, p, smallest) for q, p in zip(query_regions, positive_regions, strict=True)]
    shape = (len(ids), max(1, *map(len, ids)) if len(ids) > 1 else max(1, len(ids[0])))
    stream = seeded(seed)
    draws = [
        None if samples is None else torch.randint(2**62, (*shape, samples), generator=stream)
        for _ in range(2)
    ]
    costs = []
    for n, kept in enumerate(ids):
        first, second = (
            naive_vectors(view[n], where[n], kept, None if d is None else d[n], normalise)
            for view, where, d in (
                (query, query_regions, draws[0]),
                (positive, positive_regions, draws[1]),
            )
        )
        for k1 in range(len(kept)):
            total = 0.0
            for k2 in range(len(kept)):
                if formulation == "paper" or k2 != k1:
                    total += math.exp(float(first[k1] @ first[k2]) / temperature)
                total += math.exp(float(first[k1] @ second[k2]) / temperature)
            costs.append(math.log(total) - float(first[k1] @ second[k1]) / temperature)
    return sum(costs) / len(costs) if costs else 0.0


def two_views(batch=3, dim=5, size=(9, 7), ids=(0, 1, 2, 3), seed=1):
    return (
        draw(batch, dim, *size, seed=seed),
        draw(batch, dim, *size, seed=seed + 50),
        draw_regions(batch, *size, ids, seed=seed + 100),
        draw_regions(batch, *size, ids, seed=seed + 150),
    )


@pytest.mark.parametrize("formulation", FORMULATIONS)
@pytest.mark.parametrize(
    ("samples", "temperature", "ids", "normalise"),
    list(
        itertools.product(
            (None, 1, 7), (0.1, 1.0), ((0, 1, 2, 3), (-1, 4, 70, 71, 9), (3, 5)), (True, False)
        )
    ),
)
def test_it_is_the_loop_over_images_regions_and_draws(
    formulation, samples, temperature, ids, normalise
):
    views = two_views(ids=ids)
    options = {
        "samples": samples,
        "temperature": temperature,
        "formulation": formulation,
        "normalise": normalise,
    }
    loss = contrast(*views, **options)
    assert loss.shape == ()
    assert float(loss) == pytest.approx(naive(*views, **options), rel=1e-9)
    query, positive, *regions = views
    single = contrast(query.float(), positive.float(), *regions, **options)
    assert single.dtype == torch.float32
    assert float(single) == pytest.approx(float(loss), rel=1e-4)


@pytest.mark.parametrize("formulation", FORMULATIONS)
@pytest.mark.parametrize("smallest", [1, 2, 3, 8])
@pytest.mark.parametrize("samples", [None, 4])
def test_images_may_differ_in_their_number_of_regions(formulation, smallest, samples):
    query, positive, query_regions, positive_regions = two_views(batch=5, ids=range(12))
    query_regions[1, :, 3:], positive_regions[1, :, 3:] = 2, 2
    query_regions[2], positive_regions[2] = 6, 6
    query_regions[4], positive_regions[4] = -1, -1
    views = (query, positive, query_regions, positive_regions)
    options = {"samples": samples, "temperature": 0.3, "smallest": smallest}
    options["formulation"] = formulation
    loss = contrast(*views, **options)
    assert float(loss) == pytest.approx(naive(*views, **options), rel=1e-9)


def test_views_may_differ_in_size():
    query, _, regions, _ = two_views()
    positive, other = draw(3, 5, 4, 12, seed=9), draw_regions(3, 4, 12, (0, 1, 2, 3), seed=9)
    options = {"samples": 6, "temperature": 0.5, "formulation": "paper"}
    loss = contrast(query, positive, regions, other, **options)
    assert float(loss) == pytest.approx(naive(query, positive, regions, other, **options))


def constant(vectors, regions):
    """(B, D, H, W) features that are ``vectors`` (K, D) within each region."""
    return vectors[regions].permute(0, 3, 1, 2).contiguous()


@pytest.mark.parametrize("samples", [None, 1, 50])
@pytest.mark.parametrize("count", [2, 5])
@pytest.mark.parametrize("temperature", [0.1, 1.0])
def test_orthogonal_regions_that_agree_between_the_views(samples, count, temperature):
    regions = torch.arange(count).repeat_interleave(8).view(1, count, 8).expand(3, -1, -1)
    features = constant(torch.eye(count, dtype=torch.float64), regions)
    options = {"samples": samples, "temperature": temperature}
    # One match and K - 1 others in each view; as printed the query itself is a match too.
    match, other = math.exp(1 / temperature), 2 * (count - 1)
    for formulation, matches in (("paper", 2), ("distinct", 1)):
        loss = contrast(features, features, regions, regions, formulation=formulation, **options)
        expected = math.log(matches * match + other) - 1 / temperature
        assert float(loss) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("count", [2, 4, 7])
def test_collapsed_features_cost_what_guessing_costs(count):
    regions = torch.arange(count).repeat_interleave(5).view(1, count, 5)
    features = torch.ones(1, 3, count, 5, dtype=torch.float64)
    for formulation, among in (("paper", 2 * count), ("distinct", 2 * count - 1)):
        views = (features, features, regions, regions)
        loss = contrast(*views, samples=3, formulation=formulation)
        assert float(loss) == pytest.approx(math.log(among), rel=1e-12)


@pytest.mark.parametrize("formulation", FORMULATIONS)
@pytest.mark.parametrize("samples", [None, 3])
def test_ids_are_names_only(formulation, samples):
    query, positive, query_regions, positive_regions = two_views(ids=(0, 1, 2, 3, 4))
    options = {"samples": samples, "formulation": formulation}
    losses = [
        contrast(query, positive, names[query_regions], names[positive_regions], **options)
        for names in (
            torch.arange(5),
            torch.tensor([3, 0, 4, 1, 2]),
            torch.tensor([10**12, 7, 10**9, 0, 12345]),
            torch.tensor([30000, 7, 900, 0, 12345], dtype=torch.int16),
        )
    ]
    assert len(set(map(float, losses))) == 1


@pytest.mark.parametrize("formulation", FORMULATIONS)
def test_images_may_be_reordered_and_do_not_see_each_other(formulation):
    views = two_views(batch=4)
    loss = contrast(*views, formulation=formulation)
    turned = contrast(*(view[[2, 0, 3, 1]] for view in views), formulation=formulation)
    alone = [
        contrast(*(view[n : n + 1] for view in views), formulation=formulation) for n in range(4)
    ]
    torch.testing.assert_close(loss, turned, rtol=1e-12, atol=0)
    # Every image of this batch has four regions, so the mean over regions is that over images.
    torch.testing.assert_close(loss, torch.stack(alone).mean(), rtol=1e-12, atol=0)


def test_every_region_of_the_batch_weighs_the_same():
    query, positive, regions, _ = two_views(batch=2, ids=(0, 1, 2))
    regions[1] = (torch.arange(9)[:, None] // 5).expand(9, 7)
    views = (query, positive, regions, regions)
    first, second = (contrast(*(view[n : n + 1] for view in views)) for n in (0, 1))
    together = contrast(*views)
    assert float(together) == pytest.approx(float(3 * first + 2 * second) / 5)


@pytest.mark.parametrize("samples", [None, 3])
@pytest.mark.parametrize("case", ["ignored", "one region", "vanished", "small"])
def test_nothing_to_contrast_is_a_zero_that_keeps_the_graph(samples, case):
    query, positive, _, _ = two_views()
    regions = torch.full((3, 9, 7), -1 if case == "ignored" else 8)
    moved = regions.clone()
    if case == "vanished":
        regions[:, :4] = 2
    if case == "small":
        regions[:, 0, :3], moved[:, 0, :3] = 2, 2
    query.requires_grad_(), positive.requires_grad_()
    loss = contrast(query, positive, regions, moved, samples=samples)
    loss.backward()
    assert loss.item() == 0.0
    assert not query.grad.any()
    assert not positive.grad.any()


@pytest.mark.parametrize("formulation", FORMULATIONS)
@pytest.mark.parametrize("samples", [None, 3])
@pytest.mark.parametrize("normalise", [True, False])
def test_the_gradient_is_that_of_the_value(formulation, samples, normalise):
    query, positive, *regions = two_views(batch=2, dim=3, size=(4, 5), ids=(-1, 0, 2, 5))

    options = {"samples": samples, "formulation": formulation, "normalise": normalise}

    def loss(one, two):
        return contrast(one, two, *regions, temperature=0.5, smallest=1, **options)

    assert torch.autograd.gradcheck(loss, (query.requires_grad_(), positive.requires_grad_()))


def test_ignored_pixels_get_no_gradient():
    views = two_views(ids=(-1, 0, 1))
    query = views[0].requires_grad_()
    contrast(*views).backward()
    assert torch.equal(query.grad.abs().sum(1) > 0, views[2] >= 0)


def test_equal_seeds_draw_equal_pixels_and_other_seeds_do_not():
    views = two_views()
    one, again, other = (contrast(*views, samples=2, generator=seeded(seed)) for seed in (1, 1, 2))
    assert one == again
    assert one != other


def test_many_samples_approach_all_pixels():
    views = two_views()
    exact = float(contrast(*views))
    near = float(contrast(*views, samples=20_000))
    assert near == pytest.approx(exact, rel=0.02)
    assert near != exact


HARD = {
    "zero": torch.zeros(2, 4, 6, 6),
    "identical": torch.ones(2, 4, 6, 6),
    "large": 1e3 * draw(2, 4, 6, 6, dtype=torch.float32),
    "opposite": torch.ones(2, 4, 6, 6) * (torch.arange(6) % 2 * 2 - 1),
}


@pytest.mark.parametrize("formulation", FORMULATIONS)
@pytest.mark.parametrize("temperature", [0.01, 1.0])
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
@pytest.mark.parametrize("samples", [None, 5])
@pytest.mark.parametrize("case", list(HARD))
def test_loss_and_gradient_stay_finite(formulation, temperature, dtype, samples, case):
    query = HARD[case].to(dtype).clone().requires_grad_()
    positive = HARD[case].flip(-1).to(dtype).clone().requires_grad_()
    regions = draw_regions(2, 6, 6, (0, 1, 2))
    options = {"samples": samples, "temperature": temperature, "formulation": formulation}
    loss = contrast(query, positive, regions, regions, **options)
    loss.backward()
    assert loss.isfinite()
    assert loss >= 0
    assert query.grad.isfinite().all()
    assert positive.grad.isfinite().all()


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
@pytest.mark.parametrize("samples", [None, 5])
def test_half_precision_is_computed_in_single(dtype, samples):
    query, positive, *regions = two_views()
    query, positive = query.to(dtype), positive.to(dtype)
    options = {"samples": samples, "temperature": 0.01}
    with torch.autocast("cpu", dtype=torch.bfloat16):
        half = contrast(query, positive, *regions, **options)
    single = contrast(query.float(), positive.float(), *regions, **options)
    assert half.dtype == torch.float32
    assert half == single


def test_it_learns_to_tell_regions_apart():
    regions = torch.arange(4).repeat_interleave(16).view(1, 8, 8)
    query = draw(1, 6, 8, 8, dtype=torch.float32).requires_grad_()
    optimiser = torch.optim.Adam([query], lr=0.05)
    stream = seeded()
    for _ in range(200):
        optimiser.zero_grad()
        views = (query, query, regions, regions)
        contrast(*views, samples=5, formulation="distinct", generator=stream).backward()
        optimiser.step()
    vectors = unit(query.detach().flatten(2).view(1, 6, 4, 16).mean(3)[0].T)
    similar = vectors @ vectors.T
    assert (similar - similar.diag().diag()).max() < 0.2


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"formulation": "released"}, "released"),
        ({"temperature": 0}, "temperature"),
        ({"samples": 0}, "samples is 0"),
        ({"generator": None}, "generator"),
        ({"smallest": 0}, "smallest"),
        ({"query": torch.zeros(2, 5, 6)}, "(2, 5, 6)"),
        ({"query": torch.zeros(0, 5, 6, 6)}, "(0, 5, 6, 6)"),
        ({"positive": torch.zeros(2, 4, 6, 6)}, "differ"),
        ({"query_regions": torch.zeros(2, 6, 5, dtype=torch.int64)}, "query_regions (2, 6, 5)"),
        ({"positive_regions": torch.zeros(2, 6, 6)}, "positive_regions is torch.float32"),
        ({"positive_regions": torch.zeros(2, 6, 6, dtype=torch.bool)}, "torch.bool"),
    ],
)
def test_bad_arguments_get_one_line(options, said):
    good = {
        "query": torch.zeros(2, 5, 6, 6),
        "positive": torch.zeros(2, 5, 6, 6),
        "query_regions": torch.zeros(2, 6, 6, dtype=torch.int64),
        "positive_regions": torch.zeros(2, 6, 6, dtype=torch.int64),
        "temperature": 0.1,
        "formulation": "paper",
        "generator": seeded(),
    }
    with pytest.raises(ConfigError) as caught:
        local_region_contrast(**(good | options))
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)
