"""One's own images in a running notebook: work in the background, and masks that are painted."""

import base64
import io
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ldl import phantoms
from ldl.errors import LdlError
from ldl.widgets.own import (
    MaskWidget,
    Work,
    curves,
    finetuning_widget,
    painting_widget,
    pretraining_widget,
    results_page,
    results_widget,
)

SMALL = {"profile": "smoke", "device": "cpu", "size": 32}


@pytest.fixture
def eyes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Sixteen photographs of 60 x 50."""
    monkeypatch.setenv("LDL_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("LDL_RESULTS", str(tmp_path / "results"))
    (tmp_path / "images").mkdir()
    drawn = phantoms.pretraining_images("fundus", count=16, size=48, seed=0)
    for number, image in enumerate(drawn):
        picture = Image.fromarray(image.transpose(1, 2, 0)).resize((60, 50))
        picture.save(tmp_path / "images" / f"p{number:02d}.png")
    return tmp_path


def address(mask: np.ndarray) -> str:
    """(H, W) bool as the page tells it: a png whose opaque pixels are painted."""
    pixels = np.zeros((*mask.shape, 4), np.uint8)
    pixels[mask] = 255
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, format="PNG")
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()


def disc(column: int) -> np.ndarray:
    rows, columns = np.mgrid[:50, :60]
    return (rows - 25) ** 2 + (columns - column) ** 2 < 80


def told(widget: MaskWidget, monkeypatch: pytest.MonkeyPatch, **content: object) -> dict:
    """What the page is answered."""
    answers: list[dict] = []
    monkeypatch.setattr(widget, "send", answers.append)
    widget._asked(widget, content, [])
    return answers[-1]


def test_a_stroke_is_a_mask_of_the_image_s_size(eyes: Path, monkeypatch) -> None:
    widget = painting_widget(eyes / "images", eyes / "masks")
    assert json.loads(widget.given)["count"] == 16
    assert widget.editable
    before = told(widget, monkeypatch, number=1)
    assert (before["words"], before["locked"]) == ("p01.png", False)
    small = np.asarray(Image.fromarray(disc(30)).resize((30, 25)))
    said = told(widget, monkeypatch, number=1, mask=address(small))["saved"]
    mask = np.asarray(Image.open(eyes / "masks" / "p01.png"))
    assert set(np.unique(mask)) == {0, 255}
    assert ((mask > 0) == disc(30)).mean() > 0.98
    assert said == f"2 of 16: p01.png: {(mask > 0).mean():.1%} painted, in p01.png"
    assert f"{(mask > 0).mean():.1%} is mask" in told(widget, monkeypatch, number=1)["words"]
    told(widget, monkeypatch, number=1, mask=address(disc(30) & False))
    assert not (eyes / "masks" / "p01.png").exists()


def test_masks_of_others_stay(eyes: Path, monkeypatch) -> None:
    (eyes / "masks").mkdir()
    mine = eyes / "masks" / "p00.png"
    Image.fromarray(disc(20).astype(np.uint8)).save(mine)
    kept = mine.read_bytes()
    widget = painting_widget(eyes / "images", eyes / "masks")
    shown = told(widget, monkeypatch, number=0)
    assert shown["locked"]
    drawn = np.asarray(Image.open(io.BytesIO(base64.b64decode(shown["mask"].partition(",")[2]))))
    np.testing.assert_array_equal(drawn[..., 3] > 0, disc(20))
    assert "stays as it is" in told(widget, monkeypatch, number=0, mask=address(disc(40)))["saved"]
    assert mine.read_bytes() == kept
    (eyes / "images" / "p01.png").write_bytes(b"no image")
    broken = told(widget, monkeypatch, number=1)
    assert "p01.png" in broken["words"]
    assert broken["image"] == ""


def test_from_the_button_to_masks(eyes: Path, monkeypatch) -> None:
    work = pretraining_widget(
        eyes / "images", eyes / "e.safetensors", modality="fundus", steps=6, **SMALL
    )
    work.go.click()
    done = work.wait()
    assert done.images == 16, work.lines
    assert not work.running
    assert (work.bar.value, work.bar.max) == (6, 6)
    ((title, rows),) = work.losses.items()
    assert "pd-mix" in title
    assert [step for step, _ in rows] == [1, 2, 3, 4, 5, 6]
    assert "<polyline" in work.curves.value
    assert "step 6 of 6" in work.curves.value
    assert "e.safetensors: encoder of 16 images" in work.told.value
    both = finetuning_widget(
        *(eyes / one for one in ("images", "masks", "m.safetensors", "found")),
        encoder=eyes / "e.safetensors",
        steps=4,
        **SMALL,
    )
    paint, train = both.children
    train.start()
    assert train.wait() is None
    assert "no such folder" in train.lines[-1]
    for number in range(4):
        told(paint, monkeypatch, number=number, mask=address(disc(20 + 4 * number)))
    train.start()
    assert train.wait() is not None, train.lines
    assert [title.split()[-1] for title in train.losses] == ["full"]
    found = both.children[2]
    assert len(found.items) == 16
    assert not found.editable
    assert Image.open(found.items[3][1]).size == (60, 50)
    assert "stays as it is" in told(found, monkeypatch, number=3, mask=address(disc(9)))["saved"]
    assert "mountMasks" in results_page(eyes / "found", caption="All.").data
    with pytest.raises(LdlError, match="no masks of `ldl segment`"):
        results_widget(eyes / "masks")


def test_stopped_it_goes_on(eyes: Path) -> None:
    work = pretraining_widget(eyes / "images", eyes / "e.safetensors", steps=500, **SMALL)
    seen = work._seen

    def impatient(title: str, step: int, *more: object) -> None:
        if step == 3:
            work.stop()
        seen(title, step, *more)

    work._seen = impatient
    work.start()
    assert work.wait() is None
    assert work.lines[-1] == "stopped; Pretrain goes on"
    assert not (eyes / "e.safetensors").exists()
    assert work.go.disabled is False


def test_a_fault_is_told_in_words() -> None:
    def broken(**how: object) -> None:
        raise LdlError("images: <no> such folder")

    work = Work("Go", broken)
    work.start()
    work.wait()
    assert "&lt;no&gt; such folder" in work.told.value
    assert not work.running


def test_curves_end_at_the_last_value() -> None:
    rows = [(step, {"a": 10 / step, "b": 1.0}) for step in range(1, 1001)]
    drawn = curves(rows, 2000)
    first, second = (one.split('"')[0].split() for one in drawn.split('points="')[1:])
    assert len(first) == len(second) <= 201
    assert float(first[0].split(",")[1]) == 0.0
    assert float(first[-1].split(",")[1]) == pytest.approx(150, abs=2)
    assert "step 1000 of 2000" in drawn
