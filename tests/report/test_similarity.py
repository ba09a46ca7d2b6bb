"""Figure 9's images are chosen by rule, and what is moved is found where it went."""

from collections.abc import Sequence

import numpy as np
import pytest
import torch

from ldl.engine.execute import ensure
from ldl.engine.profiles import PROFILES, Profile
from ldl.engine.store import RunStore
from ldl.localize import EmbeddingMatcher, PlaceMatcher, TemplateMatcher
from ldl.localize.toy import draw_scene, toy_embedder
from ldl.report import asked_oddly, moved
from ldl.report import figure9 as similarity
from ldl.report import figure9 as similarity_figure
from ldl.tables.localization import ROWS, TABLE7, columns

SIDE = 64


def record(accuracies: Sequence[float], distances: Sequence[float]) -> dict:
    """Supports of the first images, each with these distances to all others."""
    ids = [f"eye{number}" for number in range(len(distances) + 1)]
    supports = [
        {"support": ids[k], "mean_accuracy": value, "distance_of": list(distances)}
        for k, value in enumerate(accuracies)
    ]
    return {"ids": ids, "supports": supports}


def test_the_middle_support_and_queries_at_the_quantiles_are_shown() -> None:
    distances = np.arange(21.0)[::-1]
    chosen = similarity.choose(ROWS[0], record([0.9, 0.1, 0.5, 0.4], distances))
    assert chosen.support == 3, "the lower of the two in the middle"
    # Image 4 on are numbered as they are; of those before the support the number stays too.
    ranks = [round(share * 20) for share in similarity.QUANTILES]
    asked = [number for number in range(22) if number != 3]
    assert chosen.queries == tuple(asked[20 - rank] for rank in ranks)
    assert chosen.support not in chosen.queries


def test_a_scene_has_every_variant_that_was_run(store: RunStore, smoke: Profile) -> None:
    (column,) = (one for one in columns(smoke) if one.key == "phantom_heart")
    with pytest.raises(Exception, match="no record with its network"):
        similarity.scene(column, smoke, store)
    for cell in TABLE7.cells(smoke):
        if cell.column.key == column.key and cell.row.key in ("pd", "ncc"):
            ensure(cell.runs[0], store, device="cpu")
    scene = similarity.scene(column, smoke, store)
    assert list(scene.found) == ["Pd", "Normalised cross-correlation"]
    assert scene.chosen.row.key == "pd", "the last of the paper's rows decides"
    assert len(scene.images) == len(scene.points) == 1 + len(similarity.QUANTILES)
    own = scene.found["Normalised cross-correlation"][0]
    assert np.hypot(*(np.array(own.peak) - scene.points[0])) < 1
    figure = similarity_figure.figure(scene)
    assert len(figure.axes) == 3 * len(scene.images)
    assert "Normalised cross-correlation: " in similarity_figure.told(scene)
    assert "Pd " in similarity_figure.own_places([scene])
    shown, reasons = similarity.scenes(smoke, store)
    assert [one.column.key for one in shown] == [column.key]
    assert len(reasons) == 2


def test_images_that_may_not_be_shown_are_not(store: RunStore) -> None:
    shown, reasons = similarity.scenes(PROFILES["open"], store)
    assert shown == []
    words = "; ".join(reasons)
    assert "Heart (SCR): the licence does not allow" in words
    assert "Disc (DRISHTI-GS1): the licence does not allow" in words


@pytest.mark.parametrize("matcher", [EmbeddingMatcher(toy_embedder), TemplateMatcher()])
def test_content_is_found_wherever_it_went(matcher) -> None:
    image = draw_scene(0, side=SIDE + 2 * moved.MARGIN)
    (point,) = moved.points_in(1, SIDE)
    found = moved.shifted(matcher, image, point, 10, [(0, 0), (16, -16), (-5, 9)])
    assert [one.peak for one in found] == [0, 0, 0]
    assert [round(one.stayed, 2) for one in found] == [0, round(np.hypot(16, 16), 2), 10.30]


def test_a_place_is_left_behind() -> None:
    image = draw_scene(1, side=SIDE + 2 * moved.MARGIN)
    (point,) = moved.points_in(1, SIDE)
    (found,) = moved.shifted(PlaceMatcher(), image, point, 10, [(6, 8)])
    assert (found.peak, found.stayed) == (10, 0)
    line = moved.summary("place", PlaceMatcher(), [image] * 4, 10)
    assert "4 of 4 within 1 px" in line["its own image"]
    assert "4 nearer to the old place" in line["shifted by up to 16 px"]


def test_turning_turns_the_truth() -> None:
    image = draw_scene(2, side=SIDE)
    (point,) = moved.points_in(1, SIDE)
    assert [one.peak for one in moved.turned(EmbeddingMatcher(toy_embedder), image, point, 10)] == [
        0, 0, 0, 0
    ]  # fmt: skip
    middle = moved.turned(PlaceMatcher(), image, (31.0, 31.0), 10)
    assert [one.peak for one in middle] == [0, 1, pytest.approx(np.sqrt(2)), 1]


def test_a_curve_of_shifts_has_a_line_a_matcher() -> None:
    images = [draw_scene(seed, side=SIDE + 2 * moved.MARGIN) for seed in range(2)]
    curve = moved.over_shifts({"place": PlaceMatcher(), "ncc": TemplateMatcher()}, images, 10)
    by_method = curve.set_index(["method", "shift"])["ours"]
    assert by_method["place"].tolist() == list(moved.STEPS)
    assert (by_method["ncc"] == 0).all()


def test_cutting_moves_points_the_other_way() -> None:
    image = torch.zeros(1, SIDE + 2 * moved.MARGIN, SIDE + 2 * moved.MARGIN)
    image[0, moved.MARGIN + 20, moved.MARGIN + 30] = 1
    for down, along in ((0, 0), (16, -16), (-3, 7)):
        part = moved.cut(image, down, along)
        assert part.shape == (1, SIDE, SIDE)
        assert part[0, 20 - down, 30 - along] == 1


def test_odd_questions_all_have_an_answer() -> None:
    text = asked_oddly.odd_questions().data
    for word, count in (("found", 3), ("refused", 4), ("flat", 2), ("ambiguous", 1)):
        assert text.count(f"<b>{word}</b>") == count
    assert "row 10.0, column 15.0" in text, "half the size, half the coordinates"
