"""The built demo page in a browser: clicks, keys, fingers, numbers, speed and accessibility."""

import statistics
from types import SimpleNamespace

import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe

from ldl.widgets import emulated, to_pixels

LIMIT_MS = 200
LARGEST_PAGE = 4_000_000


@pytest.fixture(scope="module", autouse=True)
def site(demo_page: SimpleNamespace) -> SimpleNamespace:
    """Made before a browser starts."""
    return demo_page


@pytest.fixture
def page(visit, site):
    return visit(site.url)


def support(page):
    canvas = page.locator(".ldl-pick")
    canvas.scroll_into_view_if_needed()
    return canvas


@pytest.fixture
def click_at(answer_after):
    """Click the dot of the canvas that shows (row, column)."""

    def click(page, point: tuple[float, float], size: int) -> dict:
        canvas = support(page)
        wide = canvas.bounding_box()["width"]
        x, y = ((place + 0.5) / size * wide for place in point[::-1])
        return answer_after(page, lambda: canvas.click(position={"x": x, "y": y}))

    return click


def test_the_page_is_whole_and_small(site) -> None:
    text = site.path.read_text()
    assert len(text.encode()) < LARGEST_PAGE
    assert "unpkg" not in text.split("<article")[0], "an address of a CDN in the page's head"


def test_a_click_moves_the_point_and_every_query_answers(page, site, click_at) -> None:
    size = site.scenes[0].images[0].shape[1]
    told = click_at(page, (10.0, 21.0), size)
    # A dot of the canvas is a fraction of a pixel.
    assert told["point"] == pytest.approx([10.0, 21.0], abs=0.1)
    assert len(told["answers"]) == 4
    assert "point at row 10" in support(page).get_attribute("aria-label")
    page.wait_for_timeout(500)
    spoken = page.locator(".ldl-result").inner_text()
    assert "point at row 10" in spoken
    assert f"found in {sum(a['status'] == 'found' for a in told['answers'])} of 4" in spoken


def test_dragging_and_arrow_keys_move_the_point(page, site, click_at, answer_after) -> None:
    size = site.scenes[0].images[0].shape[1]
    before = click_at(page, (12.0, 12.0), size)["point"]
    told = answer_after(page, lambda: page.keyboard.press("ArrowRight"))
    assert told["point"] == pytest.approx([before[0], before[1] + 1])
    told = answer_after(page, lambda: page.keyboard.press("Shift+ArrowDown"))
    assert told["point"] == pytest.approx([before[0] + 5, before[1] + 1])
    for _ in range(8):
        told = answer_after(page, lambda: page.keyboard.press("Shift+ArrowUp"))
    assert told["point"][0] == 0
    box = support(page).bounding_box()
    page.mouse.move(box["x"] + box["width"] / 4, box["y"] + box["height"] / 4)
    page.mouse.down()
    told = answer_after(
        page, lambda: page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    )
    page.mouse.up()
    assert told["point"] == pytest.approx([(size - 1) / 2] * 2, abs=0.2)


def test_the_page_computes_what_python_computes(page, site, click_at) -> None:
    """Every variant, two windows, points off the grid and at the border; within 0.05 of a cell."""
    for number, scene in enumerate(site.scenes):
        page.get_by_label(scene.name, exact=True).check()
        page.wait_for_timeout(150)
        size = scene.images[0].shape[1]
        for variant, one in enumerate(scene.variants):
            page.get_by_label(one.label, exact=True).check()
            for point, window in (((9.0, 17.0), 4.0), ((size - 1.0, 3.0), size / 4)):
                page.locator("input[type=range]").fill(str(int(window)))
                told = click_at(page, point, size)
                assert (told["scene"], told["variant"]) == (number, variant)
                wanted = emulated(scene, variant, tuple(told["point"]), told["window"])
                for ours, theirs in zip(wanted, told["answers"], strict=True):
                    guess = to_pixels(scene, ours.guess)
                    off = np.hypot(guess[0] - theirs["point"][0], guess[1] - theirs["point"][1])
                    assert off <= 0.05 * scene.stride
                    assert theirs["status"] == ours.status
                    assert theirs["top"] == pytest.approx(ours.similarity.max(), abs=1e-4)
                    assert theirs["sharpness"] == pytest.approx(ours.sharpness, abs=1e-2)


def test_answers_within_200_ms(page, site, record_property, click_at, answer_after) -> None:
    """From the event to the painted answer, the frame's wait included: the median of fifteen.

    Other tests share the machine; of three rounds the fastest counts.
    """
    size = site.scenes[0].images[0].shape[1]
    slider = page.locator("input[type=range]")
    medians: list[float] = []
    while len(medians) < 3 and min(medians, default=LIMIT_MS) >= LIMIT_MS:
        taken = [click_at(page, (4.0 + step, 20.0), size)["ms"] for step in range(10)]
        for window in range(5 + len(medians), 10 + len(medians)):
            taken.append(answer_after(page, lambda window=window: slider.fill(str(window)))["ms"])
        medians.append(statistics.median(taken))
        print(f"median {medians[-1]:.0f} ms, slowest {max(taken):.0f} ms")
    record_property("median_ms", min(medians))
    assert min(medians) < LIMIT_MS


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_no_serious_fault(visit, site, theme: str) -> None:
    page = visit(site.url, theme=theme)
    assert page.evaluate("document.documentElement.dataset.theme") == theme
    found = Axe().run(page, options={"preload": False}).response["violations"]
    serious = [one for one in found if one["impact"] in ("serious", "critical")]
    assert [f"{one['id']}: {one['nodes'][0]['html'][:200]}" for one in serious] == []


def test_a_phone_shows_all_of_it_and_fingers_work(visit, site, answer_after) -> None:
    page = visit(site.url, width=390, has_touch=True, is_mobile=True, device_scale_factor=2)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    box = support(page).bounding_box()
    assert 250 < box["width"] <= 390
    told = answer_after(
        page,
        lambda: page.touchscreen.tap(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2),
    )
    size = site.scenes[0].images[0].shape[1]
    assert told["point"] == pytest.approx([(size - 1) / 2] * 2, abs=0.3)


def test_the_widget_follows_the_page_s_theme(visit, site) -> None:
    inks = {
        theme: visit(site.url, theme=theme).evaluate(
            "getComputedStyle(document.querySelector('.ldl-widget')).color"
        )
        for theme in ("light", "dark")
    }
    assert inks["light"] != inks["dark"]


def test_landmarks_show_the_distance_to_the_truth(page, site, click_at, answer_after) -> None:
    told = click_at(page, (3.0, 3.0), site.scenes[0].images[0].shape[1])
    assert told["landmark"] is None
    button = page.get_by_role("button", name="Point on the fovea")
    told = answer_after(page, button.click)
    truth = site.scenes[0].landmarks["fovea"]
    assert told["point"] == pytest.approx(list(truth[0]), abs=1e-3)
    assert button.get_attribute("aria-pressed") == "true"
    off = np.hypot(*(np.array(told["answers"][0]["point"]) - truth[1]))
    assert f"{off:.1f} px" in page.locator(".ldl-queries figcaption").first.inner_text()
