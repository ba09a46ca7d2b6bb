"""How much of the window vectors is their place, against a plain sum of squares, and without it."""

import numpy as np
import pytest
import torch

from ldl.errors import DataError
from ldl.localize import CentredMatcher, EmbeddingMatcher, evaluate, find, frame_of
from ldl.rng import generator
from ldl.sphere import unit

COUNT, DIMS, SIDE = 6, 5, 12


def vectors(seed: int, *shape: int) -> torch.Tensor:
    """Unit vectors (..., K, H, W)."""
    return unit(torch.randn(*shape, generator=generator(seed, "vectors")), dim=-3)


def test_shares_are_those_of_a_table_of_variances() -> None:
    maps = vectors(0, COUNT, DIMS, SIDE, SIDE) + vectors(1, DIMS, SIDE, SIDE) + 0.5
    found = frame_of(iter(maps))
    values = maps.double().numpy()
    whole = (values**2).sum(1).mean()
    grand = values.mean((0, 2, 3))
    places = values.mean(0)
    common = (grand**2).sum() / whole
    place = ((places - grand[:, None, None]) ** 2).sum(0).mean() / whole
    content = ((values - places) ** 2).sum(1).mean() / whole
    assert found.shares == pytest.approx({"common": common, "place": place, "content": content})
    assert sum(found.shares.values()) == pytest.approx(1)
    assert np.allclose(found.mean.numpy(), places, atol=1e-6)


def test_the_three_pure_cases() -> None:
    same = vectors(0, DIMS, 1, 1).expand(DIMS, SIDE, SIDE)
    place = vectors(1, DIMS, SIDE, SIDE)
    assert frame_of([same, same]).shares["common"] == pytest.approx(1)
    by_place = frame_of([place, place, place])
    assert by_place.shares["common"] + by_place.shares["place"] == pytest.approx(1)
    assert by_place.shares["content"] == pytest.approx(0, abs=1e-9)
    opposite = frame_of([place, -place])
    assert opposite.shares["content"] == pytest.approx(1)


@pytest.mark.parametrize(
    "maps",
    [
        [],
        [torch.ones(2, 3, 3)],
        [torch.zeros(2, 3, 3)] * 2,
        [torch.ones(2, 3, 3), torch.ones(2, 3, 4)],
    ],
)
def test_what_has_no_frame_is_refused(maps: list[torch.Tensor]) -> None:
    with pytest.raises(DataError, match="frame"):
        frame_of(maps)


def test_no_mean_changes_nothing_and_the_own_place_stays(embedder, scene) -> None:
    image = scene(0, side=48)
    plain = EmbeddingMatcher(embedder)
    mean = torch.zeros_like(plain.vectors(image, (8, 8)))
    found = find(CentredMatcher(embedder, mean), image, (20, 30), image, window=8)
    same = find(plain, image, (20, 30), image, window=8)
    assert np.allclose(found.similarity, same.similarity, atol=1e-6)
    some = frame_of(plain.vectors(scene(k, side=48), (8, 8)) for k in range(4))
    assert find(CentredMatcher(embedder, some.mean), image, (20, 30), image, window=8).peak == (
        20,
        30,
    )


def spots(scene, side: int, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Scenes with one and the same spot in different places: images and points."""
    spot, images, points = scene(99, side=25), [], []
    for seed in range(count):
        row, column = torch.randint(12, side - 12, (2,), generator=generator(seed, "spot")).tolist()
        image = scene(seed, side=side)
        image[:, row - 12 : row + 13, column - 12 : column + 13] = spot
        images.append((image * 255).round().byte().numpy())
        points.append((row, column))
    return np.stack(images), np.array(points, dtype=np.float64)


def test_centring_finds_what_a_strong_place_hides(embedder, scene) -> None:
    """The toy with the place written over it finds nothing; centred, what it found without it."""
    side, window = 56, 8.0
    place = vectors(3, 32, side, side)
    images, points = spots(scene, side, 24)

    def hidden(given: torch.Tensor) -> torch.Tensor:
        return unit(embedder(given) + 4 * place, dim=1)

    def score(matcher: EmbeddingMatcher) -> float:
        results = evaluate(matcher, images, points, window=window, supports=[0, 1, 2])
        return float(np.mean([one["accuracy"][-1] for one in results]))

    plain = EmbeddingMatcher(hidden)
    given = torch.from_numpy(images).float() / 255
    frame = frame_of(plain.vectors(one, (window, window)) for one in given)
    assert frame.shares["common"] + frame.shares["place"] > 0.9
    free = score(EmbeddingMatcher(embedder))
    assert score(plain) < 0.2 < 0.8 < free
    assert score(CentredMatcher(hidden, frame.mean)) > free - 0.1


def test_a_query_of_another_size_gets_the_mean_in_its_own_pixels(embedder, scene) -> None:
    image = scene(0, side=48)
    mean = EmbeddingMatcher(embedder).vectors(image, (8, 8))
    matcher = CentredMatcher(embedder, 0 * mean)
    small = image[:, ::2, ::2]
    assert find(matcher, image, (20, 30), small, window=8).similarity.shape == (24, 24)
    with pytest.raises(DataError, match="dimensions"):
        find(CentredMatcher(embedder, mean[:4]), image, (20, 30), image, window=8)
