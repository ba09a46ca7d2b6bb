"""The live widget as a notebook's front end shows it: render({model, el}), traits both ways."""

import base64
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ldl.localize import localize
from ldl.widgets import scene
from ldl.widgets.live import LocalizationWidget, SliceWidget
from ldl.widgets.own import painting_widget

SHELL = (
    '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>live</title></head>'
    '<body><main><div id="here"></div></main></body></html>'
)
# The front end's model; keys that come through to the page are what a notebook would act on.
HARNESS = """
async ([text, state, width]) => {
  const { default: widget } = await import(
    URL.createObjectURL(new Blob([text], { type: "text/javascript" })));
  const listeners = {};
  const el = document.getElementById("here");
  if (width) el.style.width = `${width}px`;
  window.through = [];
  document.addEventListener("keydown", (event) => window.through.push(event.key));
  window.model = {
    get: (name) => state[name],
    set: (name, value) => { state[name] = value; },
    on: (event, call) => { listeners[event] = call; },
    save_changes: () => { window.saved = { ...state, given: null }; },
    send: async (content) => {
      const [told, buffers] = await window.askPython(content);
      window.answered = told;
      const bytes = (one) => Uint8Array.from(atob(one), (c) => c.charCodeAt(0)).buffer;
      listeners["msg:custom"](told, buffers.map((one) => new DataView(bytes(one))));
    },
    change: (name, value) => { state[name] = value; listeners[`change:${name}`](); },
  };
  await widget.render({ model: window.model, el });
}"""


@pytest.fixture
def show(visit, images, matchers, tmp_path: Path):
    """A widget of an image and the same moved by 6 pixels in a page, and that page."""

    def one(landmarks: dict | None = None, width: int = 0, **traits: object):
        made = scene("toy", images[:2], matchers, window=9, landmarks=landmarks)
        widget = LocalizationWidget(made, **traits)
        (tmp_path / "live.html").write_text(SHELL, encoding="utf-8")
        state = {name: getattr(widget, name) for name in ("given", "point", "window", "variant")}
        page = visit((tmp_path / "live.html").as_uri(), wait=False)
        page.evaluate(HARNESS, [str(widget._esm), state | {"found": []}, width])
        page.add_style_tag(content=str(widget._css))
        page.wait_for_function("window.saved?.found.length === 1")
        return widget, page

    return one


def test_the_live_widget_shares_its_state(show, images, embedder) -> None:
    widget, page = show()
    for name, value in (("point", [20, 21]), ("variant", "even"), ("window", 7)):
        page.evaluate("([name, value]) => window.model.change(name, value)", [name, value])
        page.wait_for_timeout(150)
    saved = page.evaluate("window.saved")
    assert (saved["point"], saved["variant"], saved["window"]) == ([20, 21], "even", 7)
    assert page.get_by_label("even", exact=True).is_checked()
    whole = localize(embedder, images[0], (20, 21), images[1], window=7, sigma=None)
    (found,) = saved["found"]
    assert found["status"] == whole.status
    assert found["guess"] == pytest.approx(list(whole.guess), abs=0.5)
    # What the page tells is what the traits take.
    for name in ("point", "variant", "window", "found"):
        setattr(widget, name, saved[name])


def test_shown_again_it_is_where_it_was(show) -> None:
    """A second view begins at the traits, not at the scene's start; its controls say so."""
    disc = {"disc": np.array([[12.0, 13.0], [12.0, 19.0]])}
    _, page = show(disc, point=[30.0, 22.0], variant="even", window=7.0)
    assert page.get_by_label("even", exact=True).is_checked()
    button = page.get_by_role("button", name="Point on the disc")
    assert button.get_attribute("aria-pressed") == "false"
    assert "from the disc" not in page.locator(".ldl-queries").inner_text()
    page.evaluate("window.model.change('point', [12, 13])")
    page.wait_for_timeout(150)
    assert button.get_attribute("aria-pressed") == "true"
    assert "px (" in page.locator(".ldl-queries").inner_text()


def test_only_a_known_truth_has_a_key(show) -> None:
    assert "true place" not in show()[1].locator(".ldl-legend").inner_text()
    disc = {"disc": np.array([[12.0, 13.0], [12.0, 19.0]])}
    assert "true place" in show(disc)[1].locator(".ldl-legend").inner_text()


def test_keys_of_the_controls_stay_there(show) -> None:
    """In command mode a notebook would go to the next cell at an arrow key."""
    _, page = show()
    slider = page.locator("input[type=range]")
    slider.focus()
    for key in ("ArrowRight", "ArrowUp"):
        page.keyboard.press(key)
    assert slider.input_value() == "11"
    page.get_by_label("cs", exact=True).focus()
    page.keyboard.press("ArrowLeft")
    assert page.get_by_label("even", exact=True).is_checked()
    page.locator(".ldl-pick").focus()
    page.keyboard.press("ArrowDown")
    assert page.evaluate("window.through") == []
    page.keyboard.press("Control+ArrowDown")
    page.keyboard.press("Escape")
    assert page.evaluate("window.through") == ["Control", "ArrowDown", "Escape"]
    # Jupyter listens before the page does, and passes over what has the focus only for this.
    assert page.locator(".ldl-pick[data-lm-suppress-shortcuts]").count() == 1


@pytest.mark.parametrize(("width", "stacked"), [(460, True), (900, False)])
def test_the_cell_s_width_counts_not_the_window_s(show, width: int, stacked: bool) -> None:
    _, page = show(width=width)
    own, query = (
        page.locator(f"[data-part={part}]").first.bounding_box() for part in ("support", "query")
    )
    assert (query["y"] > own["y"] + own["height"]) is stacked
    assert min(own["width"], query["width"]) > 160


def test_live_slices_come_one_by_one_from_python(
    visit, ct_bank, tmp_path: Path, monkeypatch
) -> None:
    """Slices of one grey each; the last has a liver."""
    grey = (20 * np.arange(1, 9, dtype=np.uint8))[:, None, None].repeat(16, 1).repeat(16, 2)
    labels = np.zeros((8, 16, 16), np.uint8)
    labels[7, 4:12, 4:12] = 1
    widget = SliceWidget(ct_bank(grey, labels, ("liver",)))
    asked: list[dict] = []
    replies: list[tuple] = []
    monkeypatch.setattr(widget, "send", lambda told, buffers: replies.append((told, buffers)))

    def ask(content: dict) -> list:
        asked.append(content)
        widget._asked(widget, content, [])
        told, buffers = replies[-1]
        return [told, [base64.b64encode(one).decode() for one in buffers]]

    (tmp_path / "live.html").write_text(SHELL, encoding="utf-8")
    page = visit((tmp_path / "live.html").as_uri(), wait=False)
    page.expose_function("askPython", ask)
    state = {name: getattr(widget, name) for name in ("given", "volumes", "volume")}
    page.evaluate(HARNESS, [str(widget._esm), state, 0])
    page.add_style_tag(content=str(widget._css))
    said = page.locator("p[role=status]")
    assert said.inner_text() == "Slice 2 of 3, 5 mm above the lowest: no organ."
    page.focus("canvas")
    page.keyboard.press("ArrowUp")
    page.keyboard.press("ArrowDown")
    page.get_by_text("Slice 2 of 3").wait_for()
    assert asked == [{"volume": "a", "z": 1}, {"volume": "a", "z": 2}], "each is sent once"
    page.get_by_label("Volume").select_option("b")
    widget.volume = "b"
    page.evaluate("given => window.model.change('given', given)", widget.given)
    page.get_by_text("Slice 3 of 5").wait_for()
    page.focus("canvas")
    page.keyboard.press("End")
    page.get_by_text("Slice 5 of 5, 20 mm above the lowest: liver.").wait_for()
    assert page.get_by_role("button", name="liver").is_visible()


def test_strokes_become_masks_and_can_be_taken_back(visit, tmp_path: Path, monkeypatch) -> None:
    (tmp_path / "images").mkdir()
    for name in ("a", "b"):
        Image.new("L", (80, 40), 90).save(tmp_path / "images" / f"{name}.png")
    widget = painting_widget(tmp_path / "images", tmp_path / "masks")
    replies: list[dict] = []
    monkeypatch.setattr(widget, "send", replies.append)

    def ask(content: dict) -> list:
        widget._asked(widget, content, [])
        return [replies[-1], []]

    (tmp_path / "live.html").write_text(SHELL, encoding="utf-8")
    page = visit((tmp_path / "live.html").as_uri(), wait=False)
    page.expose_function("askPython", ask)
    page.evaluate(HARNESS, [str(widget._esm), {"given": widget.given, "editable": True}, 600])
    page.add_style_tag(content=str(widget._css))
    said = page.locator("p[role=status]")
    page.get_by_text("1 of 2: a.png").wait_for()
    canvas = page.locator("canvas")

    def stroke() -> None:
        box = canvas.bounding_box()
        page.mouse.move(box["x"] + 0.25 * box["width"], box["y"] + 0.5 * box["height"])
        page.mouse.down()
        page.mouse.move(box["x"] + 0.75 * box["width"], box["y"] + 0.5 * box["height"])
        page.mouse.up()

    stroke()
    page.get_by_text("painted, in a.png").wait_for()
    mask = np.asarray(Image.open(tmp_path / "masks" / "a.png"))
    assert mask.shape == (40, 80)
    assert mask[20, 22:58].all()
    assert not mask[:12].any()
    assert mask[20, :10].sum() == mask[20, 70:].sum() == 0
    page.get_by_role("button", name="Undo").click()
    page.get_by_text("nothing is painted").wait_for()
    assert not (tmp_path / "masks" / "a.png").exists()
    stroke()
    page.get_by_text("painted, in a.png").wait_for()
    page.get_by_label("eraser").check()
    stroke()
    page.get_by_text("nothing is painted").wait_for()
    canvas.focus()
    page.keyboard.press("End")
    page.get_by_text("2 of 2: b.png").wait_for()
    assert said.inner_text() == canvas.get_attribute("aria-label") == "2 of 2: b.png"
    assert page.evaluate("window.through") == []
