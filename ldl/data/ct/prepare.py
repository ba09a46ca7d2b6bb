"""From a region and a source to its slice bank: read, resampled and windowed once, then opened.

The rule. A slice is a square of ``size`` pixels at the target spacing, its centre the mean position
of the patient's tissue in the volume (one point for all slices, found without labels); what lies
beyond the scan is air. Slices divide the scan's height, centred on it. The image is interpolated
linearly, by a triangle as wide as an output voxel where that is larger than an input voxel, so that
coarse slices do not alias; labels are taken from the nearest voxel.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image

from ldl.config import build
from ldl.data.bank import BankWriter, Entry, bank_of
from ldl.data.ct.bank import (
    CtBank,
    assign_parts,
    open_ct_bank,
    slice_fingerprint,
    slice_rows,
    volume_entry,
)
from ldl.data.ct.source import ct_source
from ldl.data.ct.volume import CtVolume
from ldl.errors import DataError
from ldl.runs.lrc import CtConfig
from ldl.tasks import AIR, Spacing, facts, spacing_for

Array = np.ndarray
VERSION = 1  # raise when preparation changes: banks of another version are prepared again
Triple = tuple[float, float, float]
Box = tuple[float, float, float, float]


def ct_bank(region: str, source: str, *, progress: bool = False, **knobs: Any) -> CtBank:
    """`slice_bank` of the config with these fields."""
    config = build(CtConfig, {"region": region, "source": source, **knobs})
    return slice_bank(config, progress=progress)


def slice_bank(config: CtConfig, *, progress: bool = False) -> CtBank:
    """Axial slices of a region, (N, 1, size, size); prepared once, then opened.

    Volumes are read one after the other, never two at a time. Each is in train, validation or test
    as `split_volumes` draws it; where fewer than three are at hand all are for test.
    """
    region, size, spacing = config.region, config.size, config.spacing
    found = ct_source(config)
    if spacing is None and not found.as_is:
        spacing = spacing_for(region, size)
    label, window = f"{found.name}-{region}-{size}", facts(region).window
    told = {"name": label, "region": region, "size": size, "labelled": bool(found.organs),
            "organs": found.organs, "window": window, "note": found.note}  # fmt: skip

    def entries(_: BankWriter, id: str, volume_id: str) -> Iterator[Entry]:
        volume = found.read(volume_id)
        grid = fit(volume, size, spacing) if spacing else keep(volume, size)
        yield volume_entry(told, id, sections(volume, grid, window), spacing=grid.spacing,
                           affine=grid.affine(volume.affine),
                           outside=share_outside(volume, grid))  # fmt: skip

    leave_out = config.leave_out
    stamp = [VERSION, region, size, spacing, window, found.organs, found.stamp, leave_out]
    folder = bank_of(
        f"ct-{label}", stamp, label, slice_rows(told), lambda: {one: one for one in found.ids},
        entries, facts=told | {"left_out": found.left_out}, fingerprint=slice_fingerprint(told),
        counted=False, unit="volume", leave_out=leave_out, progress=progress,
    )  # fmt: skip
    return assign_parts(open_ct_bank(folder), config.seed, config.budgets)


@dataclass(frozen=True)
class Grid:
    """Where the output voxels lie in a volume; triples are (z, y, x).

    ``spacing`` in mm; ``first`` is the input index of output voxel (0, 0, 0), ``step`` the input
    voxels per output voxel.
    """

    shape: tuple[int, int, int]
    spacing: Spacing
    first: Triple
    step: Triple

    def affine(self, of: Array) -> Array:
        """Affine of the output voxels (x, y, z), given the input's."""
        move = np.diag([*self.step[::-1], 1.0])
        move[:3, 3] = self.first[::-1]
        return of @ move

    def box(self) -> Box:
        """Left, top, right and bottom of a slice in input pixels; pixel i reaches from i to i+1."""
        left, top = (self.first[k] + 0.5 - 0.5 * self.step[k] for k in (2, 1))
        return left, top, left + self.shape[2] * self.step[2], top + self.shape[1] * self.step[1]


def fit(volume: CtVolume, size: int, spacing: Spacing) -> Grid:
    """The grid of ``size`` x ``size`` slices at ``spacing`` (mm) over a volume."""
    z, y, x = (wanted / own for wanted, own in zip(spacing, volume.spacing, strict=True))
    depth = volume.image.shape[0]
    count = max(1, round(depth / z))
    _, row, column = volume.centre()
    half = (size - 1) / 2
    first = ((depth - 1) / 2 - (count - 1) / 2 * z, row - half * y, column - half * x)
    return Grid((count, size, size), spacing, first, (z, y, x))


def keep(volume: CtVolume, size: int) -> Grid:
    """The volume's own voxels."""
    shape = volume.image.shape
    if shape[1:] != (size, size):
        raise DataError(f"{volume.id}: slices of {shape[1:]} where {(size, size)} is asked for")
    return Grid((shape[0], size, size), volume.spacing, (0.0, 0.0, 0.0), (1.0, 1.0, 1.0))


def sections(
    volume: CtVolume, grid: Grid, window: tuple[int, int]
) -> Iterator[tuple[Array, Array | None]]:
    """The slices from the lowest to the highest, one at a time: image and label, or None.

    Images (rows, columns) uint8 have ``window`` (HU) mapped to 0..255.
    """
    for k in range(grid.shape[0]):
        at = grid.first[0] + k * grid.step[0]
        hounsfield = _in_plane(_blend(volume.image, at, grid.step[0]), grid, AIR)
        label = None
        if volume.label is not None:
            nearest = min(max(int(np.floor(at + 0.5)), 0), len(volume.label) - 1)
            label = _in_plane(volume.label[nearest], grid, 0)
        yield to_grey(hounsfield, window), label


def to_grey(hounsfield: Array, window: tuple[int, int]) -> Array:
    """HU as uint8: the window's ends become 0 and 255, what lies outside is clipped."""
    low, high = window
    scaled = (np.asarray(hounsfield, np.float32) - low) * np.float32(255 / (high - low))
    return np.rint(scaled.clip(0, 255)).astype(np.uint8)


def share_outside(volume: CtVolume, grid: Grid) -> float:
    """Share of the file's labelled voxels that are not in the slices, 0..1; 0 without labels."""
    if volume.label is None:
        return 0.0
    left, top, right, bottom = grid.box()
    ys, xs = (np.arange(n) + 0.5 for n in volume.label.shape[1:])
    inside = np.ix_((top <= ys) & (ys < bottom), (left <= xs) & (xs < right))
    per_pixel = (volume.label > 0).sum(axis=0)
    total = int(per_pixel.sum())
    return 1.0 - (1.0 - volume.cut) * float(per_pixel[inside].sum()) / max(total, 1)


def _blend(image: Array, at: float, step: float) -> Array:
    """The slice at height ``at`` (in input slices), float32."""
    reach = max(1.0, step)
    at = min(max(at, 0.0), len(image) - 1.0)
    low, high = max(0, int(np.ceil(at - reach))), min(len(image) - 1, int(np.floor(at + reach)))
    weights = 1.0 - np.abs(np.arange(low, high + 1) - at) / reach
    total = np.zeros(image.shape[1:], np.float32)
    for weight, one in zip(weights / weights.sum(), image[low : high + 1], strict=True):
        if weight:
            total += np.float32(weight) * one
    return total


def _in_plane(pixels: Array, grid: Grid, fill: int) -> Array:
    """Crop, pad and scale one slice; float32 is interpolated, uint8 (labels) is not."""
    rows, columns = grid.shape[1:]
    left, top, right, bottom = grid.box()
    height, width = pixels.shape
    before = max(0, int(np.ceil(-top))), max(0, int(np.ceil(-left)))
    after = max(0, int(np.ceil(bottom - height))), max(0, int(np.ceil(right - width)))
    padded = np.pad(pixels, list(zip(before, after, strict=True)), constant_values=fill)
    box = (left + before[1], top + before[0], right + before[1], bottom + before[0])
    method = Image.Resampling.BILINEAR if pixels.dtype == np.float32 else Image.Resampling.NEAREST
    return np.asarray(Image.fromarray(padded).resize((columns, rows), method, box=box))
