"""Reference masks drawn anew for every step (LDL section 6.2.1), and maps cut at their share."""

import copy
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from scipy import ndimage
from skimage.morphology import disk
from torch import Generator, Tensor

from ldl.data.colour import to_uint8
from ldl.data.prepare import ShapePrior
from ldl.data.preprocess import field_masks
from ldl.data.sampling import random_affine
from ldl.data.views import BASE_DEGREES, CROP_AREA
from ldl.errors import DataError
from ldl.metrics import Shape, shape_of
from ldl.runs.shape import ReferenceName, ShapeConfig

# Windows that are measured, and how often twice as many as are wanted are drawn.
MEASURED, TRIES = 200, 500


class References:
    """The masks of a prior on the device.

    Args:
        crop: side of what is drawn, in pixels.
        generator: on the CPU; its state is the caller's to keep.
    """

    def __init__(
        self, prior: ShapePrior, crop: int, generator: Generator, device: torch.device
    ) -> None:
        self.masks = torch.from_numpy(prior.masks).float().div(255).to(device)
        self.crop, self.generator = crop, generator

    @cached_property
    def share(self) -> float:
        """Of the masks' pixels that are drawn."""
        return float(self.masks.mean())

    def draw(self, count: int) -> Tensor:
        """(count, 1, crop, crop) float in 0..1, with replacement: flips, turns and crops.

        The same as an image's: any turn, 0.9 to 1 of the area; outside the mask is 0.
        """
        rows = torch.randint(len(self.masks), (count,), generator=self.generator)
        affine = random_affine(
            count, degrees=BASE_DEGREES, area=CROP_AREA, generator=self.generator
        )
        return affine.sample(self.masks[rows.to(self.masks.device)], self.crop)


class NativeReferences(References):
    """Windows of the masks, seen as near as a window of an image is, and with 0 and 1 alone.

    A window is `ZOOM` times as wide as what is drawn, so that vessels of a DSA mask of 512 pixels,
    6.4 wide, become 2.9 to 8. Windows with less than `LEAST` of vessel are drawn again: a judge who
    is shown empty references has nothing against an empty target.
    """

    ZOOM, LEAST = (0.8, 2.2), 0.05

    @cached_property
    def share(self) -> float:
        """Of what is drawn, in the mean over :data:`MEASURED` windows."""
        others = copy.copy(self)
        others.generator = Generator().manual_seed(0)
        return float(others.draw(MEASURED).mean())

    def draw(self, count: int) -> Tensor:
        """(count, 1, crop, crop) float, 0 or 1, with replacement: flips, any turn, windows."""
        whole = (self.crop / self.masks.shape[-1]) ** 2
        area = (whole * self.ZOOM[0] ** 2, min(1.0, whole * self.ZOOM[1] ** 2))
        found = torch.empty(0, 1, self.crop, self.crop, device=self.masks.device)
        for _ in range(TRIES):
            rows = torch.randint(len(self.masks), (2 * count,), generator=self.generator)
            affine = random_affine(
                2 * count, degrees=BASE_DEGREES, area=area, generator=self.generator
            )
            drawn = affine.sample(self.masks[rows.to(self.masks.device)], self.crop).gt(0.5).float()
            found = torch.cat([found, drawn[drawn.mean(dim=(1, 2, 3)) >= self.LEAST]])
            if len(found) >= count:
                return found[:count]
        raise DataError(
            f"reference masks: hardly a window of {self.crop} pixels is {self.LEAST:.0%} vessel; "
            "give masks with more of them, or larger ones"
        )


class ActualReferences(NativeReferences):
    """Windows as near as the images': for masks of the same scale."""

    ZOOM = (1.0, 1.0)


REFERENCES: dict[str, type[References]] = {
    "whole": References,
    "native": NativeReferences,
    "actual": ActualReferences,
}


def drawn_shape(prior: ShapePrior, kind: str, crop: int) -> Shape:
    """What target regions are held against, see `_held_against`."""
    return shape_of(_held_against(prior, kind, crop))


def drawn_share(prior: ShapePrior, kind: str, crop: int) -> float:
    """`drawn_shape`'s share alone, without its skeletons."""
    return float(_held_against(prior, kind, crop).mean(axis=(1, 2)).mean())


def _held_against(prior: ShapePrior, kind: str, crop: int) -> np.ndarray:
    """The masks, or windows of them as a judge sees them: (N, H, W) bool."""
    if kind == "whole":
        return prior.masks[:, 0] > 0
    seeded = Generator().manual_seed(0)
    windows = REFERENCES[kind](prior, crop, seeded, torch.device("cpu")).draw(MEASURED)
    return windows[:, 0].numpy() > 0


def drawing_of(run: ShapeConfig) -> tuple[ReferenceName, int]:
    """How a run's reference masks are drawn, and the side of what is drawn."""
    if run.guide:
        return run.guide.references, run.guide.region.crop
    if run.synthesis:
        return run.synthesis.scale, run.synthesis.crop
    assert run.floor is not None
    return run.floor.references, run.floor.crop


def masks_of(run: ShapeConfig) -> int:
    """How many reference masks a run has."""
    source = run.guide or run.synthesis or run.floor
    assert source is not None
    return source.masks


# Pixels; a guide's judge sees nothing this close to the edge of a field of view.
RIM = 12


@dataclass(frozen=True)
class Cut:
    """How maps become masks.

    Attributes:
        share: of a field of view, where the map is strongest.
        window: images are windows of an eye, whose own border is no rim.
    """

    share: float
    window: bool = False

    def __call__(self, maps: Tensor, fields: np.ndarray) -> Tensor:
        """(B, S, S) float, at least 0, in fields (B, S, S) bool -> (B, S, S) of 0 and 1."""
        found = [
            strongest(*one, self.share, RIM, self.window)
            for one in zip(maps.float().cpu().numpy(), fields, strict=True)
        ]
        return torch.from_numpy(np.stack(found)).to(maps)


def strongest(
    values: np.ndarray, inside: np.ndarray, share: float, rim: int, window: bool = False
) -> np.ndarray:
    """The ``share`` of a field of view with the largest values, none of them at its rim.

    Args:
        values: (H, W) float, at least 0.
        inside: (H, W) bool, the field of view.
        share: of its pixels, 0..1.
        rim: what lies within so many pixels of the edge, along either axis, counts as 0.
        window: whether the picture's own border is no edge.

    Returns:
        (H, W) bool.
    """
    inner = ndimage.binary_erosion(inside, iterations=rim, border_value=window)
    counted = np.where(inner, values, 0)
    return (counted > np.quantile(counted[inside], 1 - share)) & inside


# Pixels: of smoothing, of the structuring disc, of the field's rim that is left out. They fit
# vessels of 2 to 8 pixels, as images of 512 have.
SMOOTH, RADIUS, EDGE = 1.0, 5, 6
GREEN = 1


def top_hat(images: Tensor, share: float) -> Tensor:
    """The ``share`` of the field of view with the largest top-hat of the green channel.

    Args:
        images: (B, 3, S, S) float, normalised.
        share: of the field of view, 0..1.

    Returns:
        (B, S, S) float, 0 or 1.
    """
    shown = to_uint8(images)
    found = [
        _dark_lines(image[GREEN], inside, share)
        for image, inside in zip(shown, field_masks(shown), strict=True)
    ]
    return torch.from_numpy(np.stack(found)).to(images)


def _dark_lines(green: np.ndarray, inside: np.ndarray, share: float) -> np.ndarray:
    smooth = ndimage.gaussian_filter(green.astype(np.float32), SMOOTH)
    darker = ndimage.black_tophat(smooth, footprint=disk(RADIUS))
    return strongest(darker, inside, share, EDGE)
