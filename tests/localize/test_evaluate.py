"""Scores of Table 7 and the pass over supports and queries."""

import json

import numpy as np
import pytest
import torch

from ldl.errors import ConfigError, DataError
from ldl.localize import (
    EmbeddingMatcher,
    TemplateMatcher,
    accuracy,
    draw_supports,
    evaluate,
    localize,
)
from ldl.localize.oneshot import support_result

SIDE, WINDOW = 64, 12


@pytest.fixture
def shifted(scene):
    """One landmark in six crops of a scene: images (6, 3, 64, 64) uint8, points (6, 2)."""
    wide = (scene(1, side=96) * 255).round().to(torch.uint8).numpy()
    starts = np.array([(16, 16), (8, 20), (22, 12), (16, 26), (10, 10), (20, 20)])
    images = np.stack([wide[:, r : r + SIDE, c : c + SIDE] for r, c in starts])
    return images, np.array([47.0, 45.0]) - starts


def test_accuracy_counts_distances_below_the_threshold():
    distances = [0.0, 3.1, 3.2, 6.4, 9.5, 16.0, np.nan, np.inf]
    shares = [2 / 8, 3 / 8, 5 / 8, 5 / 8, 5 / 8]
    assert accuracy(distances, 64) == tuple(shares)  # 3.2, 6.4, 9.6, 12.8, 16
    assert accuracy(distances, 64, (0.5,)) == (6 / 8,)
    with pytest.raises(DataError, match="no distances"):
        accuracy([], 64)
    with pytest.raises(ConfigError, match="window is 0"):
        accuracy([1.0], 0)


def test_support_result_is_what_the_answers_say():
    answers = [("a", 0.0, 1.0, "found"), ("b", 4.0, 0.0, "ambiguous"),
               ("c", 20.0, 0.5, "found"), ("d", 8.0, 0.0, "flat")]  # fmt: skip
    result = support_result("s", answers, 20.0, (0.1, 0.25))
    assert result["accuracy"] == [0.25, 0.5]
    assert result["accuracy_found"] == [0.25, 0.25]
    assert (result["mean_accuracy"], result["mean_error"]) == (0.375, 8.0)
    assert (result["mean_error_windows"], result["found"]) == (0.4, 0.5)
    record = json.loads(json.dumps(result, allow_nan=False))
    assert record["distance_of"] == [0.0, 4.0, 20.0, 8.0]
    assert record["status_of"] == ["found", "ambiguous", "found", "flat"]
    assert record["accuracy"] == [0.25, 0.5]


def test_supports_are_different_and_repeatable():
    first = draw_supports(103, seed=3)
    assert len(set(first)) == 10
    assert first == sorted(first) == draw_supports(103, seed=3) != draw_supports(103, seed=4)
    assert set(draw_supports(5, count=5)) == set(range(5))
    with pytest.raises(ConfigError, match="10 supports of 9 images"):
        draw_supports(9)


@pytest.mark.parametrize("kind", ["embedding", "template"])
def test_a_landmark_is_found_from_every_support(shifted, embedder, kind):
    images, points = shifted
    matcher = EmbeddingMatcher(embedder) if kind == "embedding" else TemplateMatcher()
    ids = list("abcdef")
    results = evaluate(matcher, images, points, window=WINDOW, supports=[4, 1], ids=ids)
    assert [one["support"] for one in results] == ["e", "b"]
    assert results[0]["query_of"] == list("abcdf")
    for one in results:
        assert max(one["distance_of"]) <= 1
        assert one["accuracy"][-1] == one["found"] == 1


def test_evaluate_is_localize_for_every_pair(shifted, embedder):
    images, points = shifted
    points[5] += (5, -7)  # another place, so that the two supports ask for different things
    results = evaluate(
        EmbeddingMatcher(embedder, sigma=None), images, points, window=WINDOW, supports=[2, 5]
    )
    for support, result in zip((2, 5), results, strict=True):
        point = tuple(points[support])
        columns = (result[f"{name}_of"] for name in ("query", "distance", "sharpness"))
        for query, distance, sharpness in zip(*columns, strict=True):
            found = localize(
                embedder, images[support], point, images[int(query)], window=WINDOW, sigma=None
            )
            away = float(np.hypot(*(np.array(found.guess) - points[int(query)])))
            assert sharpness == pytest.approx(found.sharpness, abs=1e-4)
            assert distance == pytest.approx(away, abs=1e-3)


def test_a_blank_query_counts_as_not_found(shifted, embedder):
    images, points = shifted
    images[3] = 7
    (result,) = evaluate(EmbeddingMatcher(embedder), images, points, window=WINDOW, supports=[0])
    assert result["status_of"].count("flat") == 1
    assert result["found"] == 0.8


def test_what_does_not_fit_is_named(shifted, embedder):
    images, points = shifted
    matcher = EmbeddingMatcher(embedder)
    with pytest.raises(ConfigError, match=r"supports \[6\] must be rows of the 6 images"):
        evaluate(matcher, images, points, window=WINDOW, supports=[6])
    with pytest.raises(DataError, match=r"6 images, points \(5, 2\)"):
        evaluate(matcher, images, points[:5], window=WINDOW, supports=[0])
    with pytest.raises(ConfigError, match="outside the support"):
        evaluate(matcher, images, points + 40, window=WINDOW, supports=[0])
    with pytest.raises(ConfigError, match="window is 65"):
        evaluate(matcher, images, points, window=65, supports=[0])
