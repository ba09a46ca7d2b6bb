"""The slice viewer: what the page carries is the volume, and what is painted is what is there."""

import base64
import json
import re
import zlib
from dataclasses import replace

import numpy as np
import pytest

from ldl.data.ct.bank import CtBank, CtEntry
from ldl.data.superpixel_bank import RegionBank
from ldl.errors import DataError
from ldl.widgets.painting import PALETTE, colours, paint
from ldl.widgets.slices import slice_viewer
from ldl.widgets.slices_live import browse
from ldl.widgets.stacks import SliceStack, stack_of

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
def bank() -> CtBank:
    """Two volumes of three and five slices."""
    images, labels, _ = drawn(8)
    entry = ((1, 0, 0, 0), (0, 1, 0, 0), (0, 0, 1, 0), (0, 0, 0, 1))
    volumes = (
        CtEntry("a", 0, 3, (5, 2, 2), entry, 0.0, "a"),
        CtEntry("b", 3, 5, (5, 2, 2), entry, 0.0, "b"),
    )
    return CtBank("test-16", "abdomen", images[:, None], labels, ORGANS, volumes, (-100, 155),
                  "f", "", {})  # fmt: skip


def carried(page: str, name: str, kind: str) -> np.ndarray:
    text = re.search(rf'data-layer="{name}">([^<]*)<', page)
    assert text is not None
    return np.frombuffer(zlib.decompress(base64.b64decode(text[1])), kind).reshape(3, 16, 16)


def test_the_page_carries_the_volume_exactly(stack: SliceStack) -> None:
    page = slice_viewer(stack, caption="A caption.").data
    np.testing.assert_array_equal(carried(page, "images", "u1"), stack.images // 4)
    np.testing.assert_array_equal(carried(page, "reference", "u1"), stack.labels)
    np.testing.assert_array_equal(carried(page, "prediction", "u1"), stack.prediction)
    np.testing.assert_array_equal(carried(page, "superpixels", "<u2") - 1.0, stack.regions)
    meta = json.loads(re.search(r'<script type="application/json">(.*?)</script>', page)[1])
    assert meta["shape"] == [3, 16, 16]
    assert tuple(meta["organs"]) == ORGANS
    assert meta["layers"] == ["reference", "prediction", "superpixels"]


def test_nothing_is_fetched_and_everything_has_a_name(stack: SliceStack) -> None:
    page = slice_viewer(stack, caption="A caption.").data
    assert not re.search(r"https?://|@import|<link", page)
    assert 'alt="Slice 2 of 3 of A &lt;test&gt;"' in page
    body = re.sub(r"<(style|script)[^>]*>.*?</\1>", "", page, flags=re.DOTALL)
    assert "<input" in body
    assert "<input" not in re.sub(r"<label[^>]*>.*?</label>", "", body)
    assert page.count("<label") == page.count("</label>") == 5
    assert slice_viewer(stack, caption="A caption.").data == page


def test_layers_that_are_not_there_have_no_control(stack: SliceStack) -> None:
    bare = replace(stack, labels=None, prediction=None, regions=None)
    page = slice_viewer(bare, caption="c", shown=()).data
    assert 'type="checkbox"' not in page.split("<fieldset>")[1].split("</fieldset>")[0]
    assert len(page) < len(slice_viewer(stack, caption="c").data)


def test_a_real_size_stays_small() -> None:
    rng = np.random.default_rng(0)
    images = rng.normal(128, 12, (32, 128, 128)).clip(0, 255).astype(np.uint8)
    one = SliceStack("t", images, (), (5, 3, 3), (-100, 155))
    assert len(slice_viewer(one, caption="c").data) < 500_000


def test_painting(stack: SliceStack) -> None:
    table = colours(2)
    assert table[1].tolist() == [int(PALETTE[0][k : k + 2], 16) for k in (1, 3, 5)]
    plain = paint(stack, 1, ())
    assert plain.shape == (64, 64, 3)
    np.testing.assert_array_equal(plain[::4, ::4, 0], stack.images[1])
    full = paint(stack, 1, ("reference",), fill=1.0, scale=1)
    assert (full[stack.labels[1] == 2] == table[2]).all()
    np.testing.assert_array_equal(full[stack.labels[1] == 0], plain[::4, ::4][stack.labels[1] == 0])
    outlined = paint(stack, 1, ("prediction",))
    inside = stack.prediction[1].repeat(4, axis=0).repeat(4, axis=1) == 1
    assert 0 < (outlined[inside] == table[1]).all(axis=1).mean() < 0.5
    lined = paint(stack, 1, ("superpixels",))
    assert (lined != plain).any()
    assert lined[lined != plain].max() <= 244
    assert np.abs(lined.astype(int) - plain)[plain < 10].max() < 160, "the image shows through"


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


def test_the_live_viewer_follows_its_controls(bank: CtBank) -> None:
    maps = RegionBank("r", drawn(8)[2], bank.fingerprint, "", 0.0)
    found = browse(bank, predictions={"b": np.array(bank.labels[3:])}, regions=maps)
    picture, side = found.children[0].children
    # Narrow notebooks shrink the picture and keep its shape.
    assert (picture.layout.max_width, picture.layout.height) == ("100%", "auto")
    assert found.children[0].layout.flex_flow == "row wrap"
    volume, level, words, reference, prediction, superpixels, fill, key = side.children
    assert (level.max, level.value) == (3, 2)
    assert prediction.disabled
    assert not superpixels.disabled
    assert words.value == f"slice 2 of 3: {', '.join(ORGANS)}"
    assert "liver" in key.value
    seen = [picture.value]
    for control, value in (
        (level, 3), (reference, False), (superpixels, True), (reference, True), (fill, 0.9),
        (volume, "b"), (prediction, True),
    ):  # fmt: skip
        control.value = value
        seen.append(picture.value)
    assert len(set(seen)) == len(seen)
    assert (level.max, level.value) == (5, 3)
    assert not prediction.disabled
