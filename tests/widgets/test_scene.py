"""The page's arithmetic in Python against `ldl.localize` on whole maps."""

import numpy as np
import pytest

from ldl.errors import ConfigError, DataError
from ldl.localize import localize
from ldl.localize.peak import LARGEST_REGION, LEAST_RISE, LEAST_SHARPNESS, SHARE
from ldl.widgets import best_asked, emulated, map_bytes, payload, scene, to_cells, to_pixels

POINTS = [(20.0, 21.0), (30.5, 14.25), (0.0, 47.0)]


@pytest.mark.parametrize("budget", [10**9, 120_000])
@pytest.mark.parametrize("window", [6.0, 11.0, 16.0])
def test_cells_answer_as_pixels_do(images, matchers, embedder, budget: int, window: float) -> None:
    """Found where the whole maps find it, within one cell, of one pixel and of two."""
    made = scene("toy", images, matchers, window=window, budget=budget)
    assert made.stride == (1 if budget > 10**6 else 2)
    for variant, one in enumerate(made.variants):
        for point in POINTS:
            answers = emulated(made, variant, point, window)
            for query, answer in zip(images[1:], answers, strict=True):
                whole = localize(embedder, images[0], point, query, window=window, sigma=one.sigma)
                if whole.status != "found":
                    continue
                guess = to_pixels(made, answer.guess)
                assert np.abs(np.subtract(guess, whole.guess)).max() <= made.stride
                if made.stride == 1:
                    assert np.abs(answer.similarity - whole.similarity).max() < 0.01
                    assert answer.status == whole.status


def test_places_go_to_cells_and_back(images, matchers) -> None:
    made = scene("toy", images, matchers, window=8, budget=40_000)
    assert to_cells(made, (1.5, 5.5)) == (0.0, 1.0)
    assert to_pixels(made, to_cells(made, (17.3, 2.0))) == pytest.approx((17.3, 2.0))


def test_the_budget_holds(images, matchers) -> None:
    for budget in (5_000, 50_000, 10**9):
        made = scene("toy", images, matchers, window=24, budget=budget)
        assert map_bytes([made]) <= budget


def test_the_rule_is_handed_over_and_blank_images_are_named(images, matchers) -> None:
    blank = np.full_like(images[0], 0.5)
    given = payload([scene("toy", [*images, blank], matchers, window=8)])
    assert given["rule"] == {
        "share": SHARE,
        "leastRise": LEAST_RISE,
        "leastSharpness": LEAST_SHARPNESS,
        "largestRegion": LARGEST_REGION,
    }
    assert [one["blank"] for one in given["scenes"][0]["images"]] == [False, False, False, True]
    last = emulated(scene("toy", [*images, blank], matchers, window=8), 0, (20, 20), 8)[-1]
    assert (last.status, last.reason) == ("flat", "the query is blank")


def test_a_query_of_another_size_scales_the_window(images, matchers, embedder) -> None:
    """As `localize` does: the same field of view at another sampling."""
    wide = images[1].repeat(2, axis=2)
    made = scene("toy", [images[0], wide], matchers, window=8, budget=10**9)
    (answer,) = emulated(made, 1, (20.0, 20.0), 8.0)
    whole = localize(embedder, images[0], (20.0, 20.0), wide, window=8)
    assert answer.similarity.shape == (48, 96)
    assert np.abs(answer.similarity - whole.similarity).max() < 0.01


def test_what_does_not_fit_is_refused(images, matchers) -> None:
    with pytest.raises(DataError, match="give a support and queries"):
        scene("toy", images[:1], matchers, window=8)
    with pytest.raises(DataError, match="2 names for 3 images"):
        scene("toy", images, matchers, window=8, names=["a", "b"])
    with pytest.raises(DataError, match=r"landmark 'disc' has shape \(2, 2\)"):
        scene("toy", images, matchers, window=8, landmarks={"disc": np.zeros((2, 2))})
    with pytest.raises(ConfigError, match="no matchers"):
        scene("toy", images, {}, window=8)
    with pytest.raises(ConfigError, match="takes 2 to 24"):
        scene("toy", images, matchers, window=30)
    with pytest.raises(ConfigError, match="outside the support"):
        scene("toy", images, matchers, window=8, start=(50, 3))


def test_the_point_begins_on_the_first_landmark_or_in_the_middle(images, matchers) -> None:
    assert scene("toy", images, matchers, window=8).start == (23.5, 23.5)
    marks = {"disc": np.array([[3.0, 4.0]] * 3)}
    assert scene("toy", images, matchers, window=8, landmarks=marks).start == (3.0, 4.0)


def test_it_opens_on_the_support_that_finds_most(images, matchers) -> None:
    """The blank image finds nothing, and a landmark that is given wrong is never found."""
    moved = np.array([(0, 0), (0, 6), (4, -5)])  # as in the fixture
    places = {
        "wrong": np.array([[9.0, 9.0], [40.0, 30.0], [9.0, 9.0], [30.0, 40.0]]),
        "true": np.vstack([[9.0, 9.0], 22.0 + moved]),
    }
    blank = np.full_like(images[0], 0.5)
    made = scene("toy", [blank, *images], matchers, window=12, landmarks=places, names=list("-abc"))
    assert made.start == (9.0, 9.0)
    opened, right = best_asked(made, 0.25)
    assert (right, opened.names[0], opened.opens) == (2, "a", 1)
    assert opened.start == tuple(opened.landmarks["true"][0]) == (22.0, 22.0)
    assert opened.names == ("a", "-", "b", "c")
    again = [one.data for one in opened.variants[1].maps]
    assert all(
        np.array_equal(one, made.variants[1].maps[k].data)
        for one, k in zip(again, (1, 0, 2, 3), strict=True)
    )
    given = payload([opened])["scenes"][0]
    assert (given["opens"], given["start"]) == (1, [22.0, 22.0])
    assert best_asked(scene("toy", images, matchers, window=8), 0.25)[1] == 0
