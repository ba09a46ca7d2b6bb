"""A volume to scroll through: its slices, what may be laid over them, and its viewer in a page."""

import html
from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
from IPython.display import HTML

from ldl.data.ct import CtBank, CtEntry
from ldl.data.superpixels import RegionBank
from ldl.errors import DataError
from ldl.plots.images import borders, enlarged, painted, to_display
from ldl.widgets.packing import Payload, deflated, html_of, picture

Array = np.ndarray
GREYS = 64  # grey levels in the page; the eye tells fewer apart, and the page is a third smaller
# Paul Tol's "muted" scheme and two lighter ones beside it, in an order that keeps neighbours in the
# organ lists apart; names in the legend and under the pointer never leave a colour alone.
PALETTE = (
    "#88CCEE", "#CC6677", "#DDCC77", "#117733", "#AA4499", "#44AA99", "#EE8866",
    "#999933", "#6F7FE0", "#FFAABB", "#BBCC33", "#882255",
)  # fmt: skip
FILL = 0.35  # opacity of the reference
STILL = 2  # pixels of the picture without scripts, a pixel


@dataclass(frozen=True)
class SliceStack:
    """One volume, slices upwards; rows from front to back, the patient's right at the left.

    Attributes:
        title: what the volume is, for people.
        images: (Z, H, W) uint8 grey.
        organs: names of the labels 1, 2, ...
        spacing: (z, y, x) in mm.
        window: Hounsfield units shown as black and as white.
        labels: (Z, H, W) uint8, the reference; None: there is none.
        prediction: (Z, H, W) uint8, a network's labels.
        regions: (Z, H, W) int16 superpixels, -1 for none.
    """

    title: str
    images: Array
    organs: tuple[str, ...]
    spacing: tuple[float, float, float]
    window: tuple[int, int]
    labels: Array | None = None
    prediction: Array | None = None
    regions: Array | None = None

    def __post_init__(self) -> None:
        if self.images.ndim != 3 or self.images.dtype != np.uint8 or not self.images.size:
            raise DataError(f"{self.title}: images are {self.images.shape}, not uint8 (Z, H, W)")
        for name, layer in self.layers().items():
            if layer.shape != self.images.shape:
                raise DataError(
                    f"{self.title}: {name} {layer.shape} beside images {self.images.shape}"
                )
            if name != "superpixels" and layer.max(initial=0) > len(self.organs):
                raise DataError(
                    f"{self.title}: {name} has label {layer.max()}, {len(self.organs)} organs"
                )

    def layers(self) -> dict[str, Array]:
        """What can be laid over the slices: reference, prediction, superpixels, as far as known."""
        known = (
            ("reference", self.labels),
            ("prediction", self.prediction),
            ("superpixels", self.regions),
        )
        return {name: layer for name, layer in known if layer is not None}

    def arrays(self, which: int | slice = slice(None)) -> dict[str, Array]:
        """What is drawn of a slice (or all): 64 greys, labels as they are, superpixels + 1."""
        layers = {name: layer[which] for name, layer in self.layers().items()}
        if "superpixels" in layers:
            layers["superpixels"] = (layers["superpixels"] + 1).astype("<u2")
        return {"images": self.images[which] // (256 // GREYS), **layers}


def stack_of(
    bank: CtBank,
    volume: str,
    *,
    prediction: Array | None = None,
    regions: RegionBank | None = None,
    title: str = "",
) -> SliceStack:
    """One volume of a bank.

    Args:
        bank: slices, labelled or not.
        volume: its id.
        prediction: (Z, H, W) uint8 of this volume.
        regions: superpixels of the whole bank.
        title: "": the bank's and the volume's name.

    Raises:
        DataError: no such volume, superpixels of other slices, or a layer that does not fit.
    """
    if regions is not None and regions.source != bank.fingerprint:
        raise DataError(f"{regions.name}: superpixels of other slices than {bank.name}'s")
    known: dict[str, CtEntry] = {one.id: one for one in bank.volumes}
    if volume not in known:
        raise DataError(f"{bank.name}: no volume {volume!r}; there are {', '.join([*known][:8])}")
    rows = known[volume].rows
    return SliceStack(
        title=title or f"{bank.name}, {volume}",
        images=np.array(bank.images[rows, 0]),
        organs=bank.organs,
        spacing=known[volume].spacing,
        window=bank.window,
        labels=None if bank.labels is None else np.array(bank.labels[rows]),
        prediction=prediction,
        regions=None if regions is None else np.array(regions.regions[rows]),
    )


def slice_facts(
    stack: SliceStack, shown: Collection[str] = ("reference",), start: int = -1
) -> Payload:
    """What the viewer must know besides the slices.

    Args:
        stack: the volume.
        shown: layers that are on at the start.
        start: slice at the start; -1 for the middle one.
    """
    depth = len(stack.images)
    layers = stack.layers()
    held = {int(k) for name in ("reference", "prediction") for k in np.unique(layers.get(name, 0))}
    return {
        "title": stack.title,
        "shape": list(stack.images.shape),
        "spacing": [round(one, 4) for one in stack.spacing],
        "window": list(stack.window),
        "greys": GREYS,
        "organs": list(stack.organs),
        "held": sorted(held - {0}),
        "colours": [PALETTE[k % len(PALETTE)] for k in range(len(stack.organs))],
        "fill": FILL,
        "layers": list(layers),
        "shown": [name for name in layers if name in shown],
        "start": depth // 2 if start < 0 else min(start, depth - 1),
    }


def slice_viewer(
    stack: SliceStack, *, caption: str, shown: tuple[str, ...] = ("reference",), start: int = -1
) -> HTML:
    """One volume to scroll through in a page, with its layers on and off.

    Slider, arrow keys, wheel (after a click) and a sideways drag change the slice; the pointer says
    what lies under it. Without scripts the slice of the start stays, as a picture.

    Args:
        stack: the volume; about 30 KB of page for each million voxels and layer of labels, ten
            times that for the slices themselves.
        caption: under the viewer; HTML is allowed.
        shown: layers that are on at the start.
        start: slice at the start; -1 for the middle one.
    """
    given = slice_facts(stack, shown, start)
    z = given["start"]
    alt = html.escape(f"Slice {z + 1} of {len(stack.images)} of {stack.title}")
    still = f'<img src="{picture(still_slice(stack, z, shown))}" alt="{alt}">'
    given["carried"] = {name: deflated(layer) for name, layer in stack.arrays().items()}
    label = f"Slices of {stack.title}"
    return HTML(html_of("slices", given, label=label, caption=caption, still=still))


def still_slice(stack: SliceStack, z: int, shown: Collection[str]) -> Array:
    """Slice ``z`` as a picture, (2H, 2W, 3) uint8: the reference filled, the prediction outlined.

    Args:
        stack: the volume.
        z: number of the slice, 0 the lowest.
        shown: some of ``stack.layers()``.
    """
    found = enlarged(to_display(stack.images[z]), STILL)
    layers = {
        name: enlarged(one[z], STILL) for name, one in stack.layers().items() if name in shown
    }
    for k in range(1, len(stack.organs) + 1):
        colour = PALETTE[(k - 1) % len(PALETTE)]
        if "reference" in layers:
            found = painted(found, layers["reference"] == k, colour, FILL)
        if "prediction" in layers:
            found = painted(found, borders(layers["prediction"] == k), colour, 1.0)
    return found
