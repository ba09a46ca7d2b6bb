"""A volume to scroll through: its slices, and what may be laid over them."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ldl.data.ct import CtBank, CtEntry
from ldl.data.superpixel_bank import RegionBank
from ldl.errors import DataError

Array = np.ndarray


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
        title: None: the bank's and the volume's name.

    Raises:
        DataError: no such volume, superpixels of other slices, or a layer that does not fit.
    """
    if regions is not None and regions.source != bank.fingerprint:
        raise DataError(f"{regions.name}: superpixels of other slices than {bank.name}'s")
    entry = entry_of(bank, volume)
    rows = entry.rows
    return SliceStack(
        title=title or f"{bank.name}, {volume}",
        images=np.array(bank.images[rows, 0]),
        organs=bank.organs,
        spacing=entry.spacing,
        window=bank.window,
        labels=None if bank.labels is None else np.array(bank.labels[rows]),
        prediction=prediction,
        regions=None if regions is None else np.array(regions.regions[rows]),
    )


def entry_of(bank: CtBank, volume: str) -> CtEntry:
    """The volume of that id.

    Raises:
        DataError: there is none; the line names some that there are.
    """
    known: Mapping[str, CtEntry] = {one.id: one for one in bank.volumes}
    if volume not in known:
        raise DataError(f"{bank.name}: no volume {volume!r}; there are {', '.join([*known][:8])}")
    return known[volume]
