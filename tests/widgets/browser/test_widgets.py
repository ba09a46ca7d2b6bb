"""Widgets in plain pages: against whole maps, blank images, regions, and as a live widget."""

from pathlib import Path

import numpy as np
import pytest
import torch

from ldl.localize import EmbeddingMatcher, localize
from ldl.sphere import unit
from ldl.widgets import html_of, payload, region_scene, restored, scene

SHELL = (
    '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>widget</title>'
    '<meta name="viewport" content="width=device-width"></head><body><main>{}</main></body></html>'
)
SIZE = 48


@pytest.fixture
def images(images: list[np.ndarray]) -> list[np.ndarray]:
    """An image, the same moved by 6 pixels, and a blank one."""
    return [*images[:2], np.full((1, SIZE, SIZE), 0.5, np.float32)]


@pytest.fixture
def open_widget(visit, tmp_path: Path):
    """A page with one widget and nothing else."""

    def one(widget: str, given: dict, **more: object):
        path = tmp_path / f"{widget}.html"
        path.write_text(SHELL.format(html_of(widget, given, label="a widget")), encoding="utf-8")
        return visit(path.as_uri(), **more)

    return one


def click(page, canvas, point, answer_after) -> dict:
    box = canvas.bounding_box()
    x, y = ((place + 0.5) / SIZE * box["width"] for place in point[::-1])
    return answer_after(page, lambda: canvas.click(position={"x": x, "y": y}))


def test_points_lie_within_one_cell_of_those_on_whole_maps(
    open_widget, embedder, matchers, images, answer_after
) -> None:
    page = open_widget("localization", payload([scene("toy", images, matchers, window=9)]))
    seen = 0
    for label, matcher in matchers.items():
        page.get_by_label(label, exact=True).check()
        for point in ((20.0, 21.0), (9.0, 12.0), (33.0, 17.0)):
            told = click(page, page.locator(".ldl-pick"), point, answer_after)
            for query, answer in zip(images[1:], told["answers"], strict=True):
                whole = localize(
                    embedder, images[0], told["point"], query, window=9, sigma=matcher.sigma
                )
                assert answer["status"] == whole.status
                if whole.status == "found":
                    seen += 1
                    assert np.hypot(*np.subtract(answer["point"], whole.guess)) <= 1
                    # The query is the support, moved by six pixels.
                    assert answer["point"] == pytest.approx(
                        [told["point"][0], told["point"][1] + 6], abs=1
                    )
    assert seen >= 4


def test_a_blank_image_gets_a_verdict_and_no_point(open_widget, embedder, images) -> None:
    matchers = {"cs": EmbeddingMatcher(embedder)}
    page = open_widget("localization", payload([scene("toy", images, matchers, window=9)]))
    words = page.locator(".ldl-queries figcaption").last.inner_text()
    assert words.startswith("Flat map: the image is blank. Guess: row")
    assert page.evaluate("window.heard.at(-1).answers[1].status") == "flat"


def test_regions_tell_cluster_and_most_similar_pixels(
    open_widget, embedder, images, answer_after
) -> None:
    def outputs(batch):
        vectors = embedder(batch)
        return vectors, torch.softmax(8 * vectors[:, :5], dim=1)

    made = region_scene("toy", images[:2], outputs, names=["A", "B"])
    page = open_widget("regions", payload([made]))
    first, second = (page.locator("[data-part=region]").nth(k) for k in (0, 1))
    vectors = [unit(restored(one), dim=0).flatten(1).numpy() for one in made.maps]
    told = click(page, first, (20.2, 21.2), answer_after)
    for source, other, canvas in ((0, 1, None), (1, 0, second)):
        if canvas is not None:
            told = click(page, canvas, (30.0, 11.0), answer_after)
        cell = told["cell"]
        assert told["image"] == source
        assert cell == round(told["point"][0]) * SIZE + round(told["point"][1])
        assert told["cluster"] == made.labels[source].ravel()[cell]
        assert told["certainty"] == pytest.approx(made.certainty[source].ravel()[cell] / 255)
        similar = vectors[source][:, cell] @ vectors[other]
        best = told["images"][other]
        assert best["top"] == pytest.approx(similar.max(), abs=1e-4)
        assert similar[best["best"]] == pytest.approx(similar.max(), abs=1e-4)
        assert len(best["most"]) == 20
        assert similar[best["most"]].min() >= np.sort(similar)[-20] - 1e-4
    told = answer_after(page, lambda: page.keyboard.press("ArrowLeft"))
    assert told["cell"] == cell - 1
    told = answer_after(page, lambda: first.hover(position={"x": 40, "y": 40}))
    assert told["image"] == 0
    assert "Most similar: row" in second.get_attribute("aria-label")


@pytest.mark.parametrize(("width", "least"), [(1280, 300), (390, 150)])
def test_pictures_of_regions_fill_the_page(open_widget, embedder, images, width, least) -> None:
    def outputs(batch):
        vectors = embedder(batch)
        return vectors, torch.softmax(vectors[:, :5], dim=1)

    made = region_scene("toy", images, outputs)
    page = open_widget("regions", payload([made]), width=width)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    wide = [one.bounding_box()["width"] for one in page.locator("[data-part=region]").all()]
    assert len(wide) == 3
    assert min(wide) > least
    legend = page.get_by_text("least to most similar")
    assert not legend.is_visible()
    page.get_by_label("similarity", exact=True).check()
    legend.wait_for(state="visible")


def swipe(page, start: tuple[float, float], by: tuple[float, float]) -> None:
    """A finger goes down at ``start`` and is drawn ``by`` so many dots in ten steps."""
    touch = page.context.new_cdp_session(page)
    for step in range(12):
        x, y = (a + min(step, 10) * b / 10 for a, b in zip(start, by, strict=True))
        kind = "touchStart" if step == 0 else "touchMove" if step <= 10 else "touchEnd"
        points = [] if kind == "touchEnd" else [{"x": x, "y": y}]
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
        page.wait_for_timeout(25)
    page.wait_for_timeout(300)


def test_a_finger_scrolls_up_and_down_and_drags_sideways(open_widget, embedder, images) -> None:
    made = scene("toy", images, {"cs": EmbeddingMatcher(embedder)}, window=9)
    phone = {"width": 390, "has_touch": True, "is_mobile": True}
    page = open_widget("localization", payload([made]), **phone)
    page.add_style_tag(content="main { padding-bottom: 2000px }")
    box = page.locator(".ldl-pick").bounding_box()
    middle = (box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    before = page.evaluate("window.heard.at(-1).point")
    swipe(page, middle, (0, -200))
    assert page.evaluate("window.scrollY") > 100
    assert page.evaluate("window.heard.at(-1).point") == before, "the page scrolled, nothing else"
    page.evaluate("window.scrollTo(0, 0)")
    page.wait_for_timeout(200)
    swipe(page, middle, (80, 0))
    row, column = page.evaluate("window.heard.at(-1).point")
    assert page.evaluate("window.scrollY") == 0
    assert column == pytest.approx(before[1] + 80 * SIZE / box["width"], abs=1)
    assert row == pytest.approx(before[0], abs=1)
