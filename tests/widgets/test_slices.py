"""The slice viewer: what the page carries is the volume, and what is painted is what is there."""

import base64
import json
import re
import zlib
from dataclasses import replace

import numpy as np
import pytest

from ldl.data.ct.bank import CtBank
from ldl.data.superpixels import RegionBank
from ldl.errors import DataError
from ldl.widgets.live import SliceWidget
from ldl.widgets.slices import PALETTE, SliceStack, slice_viewer, stack_of, still_slice

ORGANS = ("liver", "heart's </script> left")


def drawn(depth: int = 3, side: int = 16) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Noise; a square of each organ; four regions and none: (Z, H, W) each."""
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (depth, side, side), dtype=np.uint8)
    labels = np.zeros((depth, side, side), np.uint8)
    labels[:, 2:6, 2:6], labels[1, 8:12, 8:12] = 1, 2
    regions = np.full((depth, side, side), -1, np.int16)
    regions[:, :8, :8], regions[:, :8, 8:], regions[:, 8:, :8] = 0, 1, 300
    return images, labels, regions


@pytest.fixture
def stack() -> SliceStack:
    images, labels, regions = drawn()
    return SliceStack("A <test>", images, ORGANS, (5.0, 2.0, 2.0), (-100, 155), labels,
                      np.roll(labels, 1, axis=2), regions)  # fmt: skip


@pytest.fixture
def bank(ct_bank) -> CtBank:
    images, labels, _ = drawn(8)
    return ct_bank(images, labels, ORGANS)


def data_of(page: str) -> dict:
    return json.loads(re.search(r'<script type="application/json"[^>]*>(.*?)</script>', page)[1])


def carried(page: str, name: str, kind: str) -> np.ndarray:
    text = data_of(page)["carried"][name]
    return np.frombuffer(zlib.decompress(base64.b64decode(text)), kind).reshape(3, 16, 16)


def test_the_page_carries_the_volume_exactly(stack: SliceStack) -> None:
    page = slice_viewer(stack, caption="A caption.").data
    np.testing.assert_array_equal(carried(page, "images", "u1"), stack.images // 4)
    np.testing.assert_array_equal(carried(page, "reference", "u1"), stack.labels)
    np.testing.assert_array_equal(carried(page, "prediction", "u1"), stack.prediction)
    np.testing.assert_array_equal(carried(page, "superpixels", "<u2") - 1.0, stack.regions)
    given = data_of(page)
    assert given["shape"] == [3, 16, 16]
    assert tuple(given["organs"]) == ORGANS
    assert given["layers"] == ["reference", "prediction", "superpixels"]
    assert (given["shown"], given["held"], given["start"]) == (["reference"], [1, 2], 1)


def test_nothing_is_fetched_and_a_picture_stands_in(stack: SliceStack) -> None:
    page = slice_viewer(stack, caption="A caption.").data
    assert not re.search(r"https?://|@import|<link", page)
    assert 'alt="Slice 2 of 3 of A &lt;test&gt;"' in page
    assert slice_viewer(stack, caption="A caption.").data == page


def test_layers_that_are_not_there_are_not_offered(stack: SliceStack) -> None:
    bare = replace(stack, labels=None, prediction=None, regions=None)
    page = slice_viewer(bare, caption="c").data
    assert (data_of(page)["layers"], data_of(page)["shown"]) == ([], [])
    assert len(page) < len(slice_viewer(stack, caption="c").data)


def test_a_real_size_stays_small() -> None:
    rng = np.random.default_rng(0)
    images = rng.normal(128, 12, (32, 128, 128)).clip(0, 255).astype(np.uint8)
    one = SliceStack("t", images, (), (5, 3, 3), (-100, 155))
    assert len(slice_viewer(one, caption="c").data) < 500_000


def test_the_picture_fills_the_reference_and_outlines_the_prediction(stack: SliceStack) -> None:
    plain = still_slice(stack, 1, ())
    assert plain.shape == (32, 32, 3)
    np.testing.assert_array_equal(plain[::2, ::2, 0], stack.images[1])
    filled = still_slice(stack, 1, ("reference",))[::2, ::2]
    outside = stack.labels[1] == 0
    np.testing.assert_array_equal(filled[outside], plain[::2, ::2][outside])
    assert (filled[stack.labels[1] == 2] != plain[::2, ::2][stack.labels[1] == 2]).any(axis=1).all()
    colour = [int(PALETTE[0][k : k + 2], 16) for k in (1, 3, 5)]
    inside = stack.prediction[1].repeat(2, axis=0).repeat(2, axis=1) == 1
    lined = (still_slice(stack, 1, ("prediction",))[inside] == colour).all(axis=1)
    assert 0 < lined.mean() < 0.5


def test_layers_must_fit(stack: SliceStack, bank: CtBank) -> None:
    with pytest.raises(DataError, match=r"prediction \(2, 16, 16\) beside images"):
        replace(stack, prediction=stack.prediction[:2])
    with pytest.raises(DataError, match="reference has label 2, 1 organs"):
        replace(stack, organs=("liver",))
    with pytest.raises(DataError, match="test-16: no volume 'c'; there are a, b"):
        stack_of(bank, "c")
    regions = RegionBank("r", np.zeros((8, 16, 16), np.int16), "other", "", 0.0)
    with pytest.raises(DataError, match="r: superpixels of other slices than test-16's"):
        stack_of(bank, "a", regions=regions)


def test_the_live_viewer_sends_what_is_asked_for(bank: CtBank, monkeypatch) -> None:
    maps = RegionBank("r", drawn(8)[2], bank.fingerprint, "", 0.0)
    widget = SliceWidget(bank, predictions={"b": np.array(bank.labels[3:])}, regions=maps)
    sent: list[tuple[dict, list[bytes]]] = []
    monkeypatch.setattr(widget, "send", lambda told, buffers: sent.append((told, buffers)))
    facts = json.loads(widget.given)
    assert (facts["shape"], facts["layers"]) == ([3, 16, 16], ["reference", "superpixels"])
    widget._asked(widget, {"volume": "a", "z": 2}, [])
    widget._asked(widget, {"volume": "b", "z": 2}, [])
    widget.volume = "b"
    assert json.loads(widget.given)["layers"] == ["reference", "prediction", "superpixels"]
    widget._asked(widget, {"volume": "b", "z": 4}, [])
    assert [(told["volume"], told["z"]) for told, _ in sent] == [("a", 2), ("b", 4)]
    told, buffers = sent[1]
    layers = dict(zip(told["layers"], buffers, strict=True))
    assert list(layers) == ["images", "reference", "prediction", "superpixels"]
    grey = np.frombuffer(layers["images"], np.uint8).reshape(16, 16)
    np.testing.assert_array_equal(grey, bank.images[7, 0] // 4)
    ids = np.frombuffer(layers["superpixels"], "<u2").reshape(16, 16) - 1.0
    np.testing.assert_array_equal(ids, maps.regions[7])
    assert "anywidget and ipywidgets" in repr(widget)
