"""The slice viewer in a running notebook, for any bank of CT slices."""

import io
from collections.abc import Mapping
from functools import partial
from typing import Any

import ipywidgets as widgets  # type: ignore[import-untyped]
import numpy as np
from PIL import Image

from ldl.data.ct import CtBank
from ldl.data.superpixel_bank import RegionBank
from ldl.widgets.painting import FILL, colours, paint
from ldl.widgets.slices import LABELS
from ldl.widgets.stacks import SliceStack, stack_of

Array = np.ndarray
SIDE = 512  # pixels of the picture
# Where the notebook is narrow the picture shrinks with its shape kept, the controls go below it.
PICTURE = {"width": f"{SIDE}px", "max_width": "100%", "height": "auto", "flex": "0 1 auto"}
BESIDE = {"flex_flow": "row wrap", "align_items": "flex-start"}
SIDEWAYS = {"flex": "1 1 20rem", "min_width": "0"}


def browse(
    bank: CtBank,
    *,
    predictions: Mapping[str, Array] | None = None,
    regions: RegionBank | None = None,
) -> widgets.VBox:
    """Scroll through the volumes of a bank, layers on and off.

    Args:
        bank: slices of any region, labelled or not; only the volume in sight is read.
        predictions: volume's id -> (Z, H, W) uint8 labels.
        regions: superpixels of the bank.

    Raises:
        DataError: superpixels of other slices, or a prediction that does not fit.
    """
    predictions = predictions or {}
    names = [one.id for one in bank.volumes]

    def stack(volume: str) -> SliceStack:
        return stack_of(bank, volume, prediction=predictions.get(volume), regions=regions)

    volume = widgets.Dropdown(options=names, value=names[0], description="volume")
    level = widgets.IntSlider(description="slice", min=1, continuous_update=True)
    fill = widgets.FloatSlider(description="opacity", min=0, max=1, step=0.05, value=FILL)
    boxes = {
        name: widgets.Checkbox(value=name == "reference", description=text, indent=False)
        for name, text in LABELS.items()
    }
    picture = widgets.Image(format="png", layout=PICTURE)
    words, key = widgets.HTML(), widgets.HTML()
    current = {"stack": stack(names[0])}

    def draw(_: Any = None) -> None:
        shown = [name for name, box in boxes.items() if box.value and not box.disabled]
        picture.value = png(current["stack"], level.value - 1, shown, fill.value)
        words.value = said(current["stack"], level.value - 1)

    def open_volume(_: Any = None) -> None:
        one = current["stack"] = stack(volume.value)
        for name, box in boxes.items():
            box.disabled = name not in one.layers()
        key.value = legend(one)
        with level.hold_trait_notifications():
            level.max = len(one.images)
            level.value = (len(one.images) + 1) // 2
        draw()

    volume.observe(open_volume, "value")
    for control in (level, fill, *boxes.values()):
        control.observe(partial(draw), "value")
    open_volume()
    side = widgets.VBox([volume, level, words, *boxes.values(), fill, key], layout=SIDEWAYS)
    return widgets.VBox([widgets.HBox([picture, side], layout=BESIDE)])


def png(stack: SliceStack, z: int, shown: list[str], fill: float) -> bytes:
    """The painted slice as a png."""
    scale = max(1, round(SIDE / stack.images.shape[2]))
    stream = io.BytesIO()
    Image.fromarray(paint(stack, z, shown, fill=fill, scale=scale)).save(stream, "PNG")
    return stream.getvalue()


def said(stack: SliceStack, z: int) -> str:
    """What a slice shows, in words."""
    layers = stack.layers()
    known = layers.get("reference", layers.get("prediction"))
    if known is None:
        return f"slice {z + 1} of {len(stack.images)}"
    organs = [stack.organs[k - 1] for k in np.unique(known[z]) if k]
    return f"slice {z + 1} of {len(stack.images)}: {', '.join(organs) or 'no organ'}"


def legend(stack: SliceStack) -> str:
    """Organs and their colours."""
    table = colours(len(stack.organs))[1:]
    box = "display:inline-block;width:.8em;height:.8em;background"
    marks = [f'<span style="{box}:rgb({r},{g},{b})"></span>' for r, g, b in table]
    pairs = zip(marks, stack.organs, strict=True)
    return " ".join(f'<span style="white-space:nowrap">{m} {organ}</span>' for m, organ in pairs)
