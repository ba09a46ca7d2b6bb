"""The support's own place, whatever the query shows."""

import pytest
import torch

from ldl.localize import evaluate, find
from ldl.localize.matchers import PlaceMatcher


@pytest.mark.parametrize("point", [(40.0, 33.0), (20.3, 60.8), (52.5, 12.5)])
def test_the_answer_is_the_supports_place(scene, point):
    found = find(PlaceMatcher(), scene(0), point, scene(1), window=14)
    assert found.status == "found"
    assert found.point == pytest.approx(point, abs=0.3)


def test_a_query_of_another_size_has_it_at_the_same_share_of_its_sides(scene):
    found = find(PlaceMatcher(), scene(0), (47.5, 23.5), scene(1, 192)[:, :, :96], window=16)
    assert found.point == pytest.approx((95.5, 23.5), abs=0.3)


def test_it_looks_at_no_image(scene):
    one, other = (
        find(PlaceMatcher(), scene(0), (30, 50), scene(seed), window=14) for seed in (1, 2)
    )
    assert torch.equal(*(torch.from_numpy(each.similarity) for each in (one, other)))


def test_its_error_is_the_distance_of_the_truths(scene):
    images = torch.stack([scene(seed) for seed in range(3)]).numpy()
    points = torch.tensor([[40.0, 40.0], [43.0, 44.0], [40.0, 52.0]]).numpy()
    (result,) = evaluate(PlaceMatcher(), images, points, window=16, supports=[0])
    assert result["distance_of"] == pytest.approx([5, 12], abs=0.2)
