"""The slice viewer in a browser: slider, keys, drag, layers; nothing is fetched, axe is content."""

from pathlib import Path

import numpy as np
import pytest

from ldl.widgets.slices import SliceStack, slice_viewer

HEAD = (
    '<!doctype html><html lang="en"><meta charset="utf-8"><title>t</title>'
    '<meta name="viewport" content="width=device-width"><main><h1>t</h1>'
)


@pytest.fixture
def page(visit, tmp_path: Path):
    """A page with a volume of seven slices whose grey and label tell the slice."""
    images = np.full((7, 16, 16), 40, np.uint8)
    labels = np.zeros((7, 16, 16), np.uint8)
    images[:, 4:12, 4:12] = 100 + 20 * np.arange(7, dtype=np.uint8)[:, None, None]
    labels[3:, 4:12, 4:12] = 1
    regions = np.zeros((7, 16, 16), np.int16)
    regions[:, :, 8:] = 1
    stack = SliceStack("test", images, ("liver",), (5.0, 2.0, 2.0), (-100, 155), labels, labels,
                       regions)  # fmt: skip
    file = tmp_path / "page.html"
    file.write_text(f"{HEAD}{slice_viewer(stack, caption='A caption.').data}</main></html>")
    return visit(file.as_uri(), width=900)


def colour(page, x: float, y: float) -> list[int]:
    """The canvas's pixel at these shares of its sides, after the next drawing."""
    script = """([x, y]) => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(
        () => { const c = document.querySelector('canvas');
        done([...c.getContext('2d').getImageData(x * c.width, y * c.height, 1, 1).data]); })))"""
    return page.evaluate(script, [x, y])[:3]


def said(page) -> str:
    return page.inner_text(".ldl-slices p[role=status]")


def test_slices_by_slider_keys_wheel_and_drag(page) -> None:
    assert said(page) == "Slice 4 of 7, 15 mm above the lowest: liver."
    page.evaluate("document.addEventListener('keydown', (e) => (window.through = e.key))")
    page.focus("input[type=range] >> nth=0")
    page.keyboard.press("Home")
    assert said(page) == "Slice 1 of 7, 0 mm above the lowest: no organ."
    assert page.evaluate("window.through") is None, "a notebook would act on the slider's keys"
    page.focus("canvas")
    page.keyboard.press("ArrowUp")
    assert said(page).startswith("Slice 2 of 7")
    assert page.input_value("input[type=range] >> nth=0") == "1"
    box = page.locator("canvas").bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.wheel(0, -100)
    page.wait_for_function("document.querySelector('.ldl-slices p').textContent.includes('3 of')")
    page.mouse.down()
    page.mouse.move(x + 24, y)
    page.mouse.up()
    assert said(page).startswith("Slice 5 of 7")
    page.focus("canvas")
    page.keyboard.press("End")
    page.keyboard.press("ArrowUp")
    assert said(page).startswith("Slice 7 of 7")


def test_layers_and_organs_on_and_off(page) -> None:
    page.focus("canvas")
    page.keyboard.press("End")
    page.uncheck("text=reference labels")
    grey = colour(page, 0.4, 0.4)
    assert len(set(grey)) == 1
    assert abs(grey[0] - 220) < 6
    page.check("text=reference labels")
    filled = colour(page, 0.4, 0.4)
    assert filled[2] > filled[0]
    button = page.locator(".ldl-organs button")
    button.click()
    assert button.get_attribute("aria-pressed") == "false"
    assert colour(page, 0.4, 0.4) == grey
    button.click()
    dark = colour(page, 0.5, 0.1)
    page.check("text=superpixels")
    assert colour(page, 0.5, 0.1)[0] > dark[0] + 50


def test_the_pointer_says_what_lies_under_it(page) -> None:
    box = page.locator("canvas").bounding_box()
    page.mouse.move(box["x"] + 0.7 * box["width"], box["y"] + 0.5 * box["height"])
    colour(page, 0, 0)
    text = page.inner_text(".ldl-under")
    assert text.startswith("column 11, row 8")
    assert text.endswith("reference liver · prediction liver · superpixel 1")


def test_axe_finds_nothing(page) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright")
    assert [one["id"] for one in axe.Axe().run(page).response["violations"]] == []
