"""The pixels of labelled regions in two views, and means over them, without a loop over regions."""

from dataclasses import dataclass

import torch
from torch import Generator, Tensor

from ldl.rng import sent
from ldl.sphere import full_precision

# Draws are taken modulo a region's size; no region is so large that this favours a pixel.
_WIDE = 2**62


@dataclass(frozen=True)
class RegionSlots:
    """Regions of a batch, numbered anew within each image as they first appear in the first view.

    Attributes:
        first: (B, P) int64, number of each pixel's region in the first view, K for no region.
        second: (B, P) int64, the same in the second view.
        present: (B, K) bool; images with fewer than K regions leave the last numbers unused.
    """

    first: Tensor
    second: Tensor
    present: Tensor


def shared_regions(first: Tensor, second: Tensor, smallest: int) -> RegionSlots:
    """Regions with at least ``smallest`` pixels in both views, of images with two or more of them.

    The new numbers depend on where regions lie and not on their ids, so relabelling a map changes
    nothing, not even which pixels equal seeds draw.

    Args:
        first: (B, H, W) integer ids; negative ones belong to no region.
        second: (B, H', W') integer ids of the same regions.
        smallest: pixels, at least 1.
    """
    ids, extent = _compact(first.flatten(1).long(), second.flatten(1).long())
    one, two = ids.split([first[0].numel(), second[0].numel()], dim=1)
    kept = torch.minimum(_sizes(one, extent), _sizes(two, extent)) >= smallest
    kept[:, extent] = False
    kept &= kept.sum(dim=1, keepdim=True) >= 2
    count = max(1, int(kept.sum(dim=1).max()))
    pixel = torch.arange(one.shape[1], device=ids.device).expand_as(one)
    seen = torch.full_like(kept, one.shape[1], dtype=torch.long)
    seen.scatter_reduce_(1, one, pixel, "amin").masked_fill_(~kept, one.shape[1])
    number = seen.argsort(dim=1).argsort(dim=1).masked_fill_(~kept, count)
    present = torch.arange(count, device=ids.device) < kept.sum(dim=1, keepdim=True)
    return RegionSlots(number.gather(1, one), number.gather(1, two), present)


def sampled_means(
    features: Tensor, slots: Tensor, count: int, samples: int, generator: Generator
) -> Tensor:
    """Mean of ``samples`` vectors drawn with replacement, uniformly, from each region.

    Args:
        features: (B, D, H, W) float.
        slots: (B, H * W) int64 numbers of regions, ``count`` for none.
        count: K.
        samples: N.
        generator: draws B * K * N numbers, on its own device.

    Returns:
        (B, K, D) float32 (float64 for float64); a number without pixels has an arbitrary vector.
    """
    batch, dim = features.shape[:2]
    order = slots.argsort(dim=1, stable=True)
    sizes = _sizes(slots, count)[:, :count]
    starts = sizes.cumsum(dim=1) - sizes
    draw = torch.randint(
        _WIDE, (batch, count, samples), generator=generator, device=generator.device
    )
    place = starts[..., None] + sent(draw, slots) % sizes.clamp_min(1)[..., None]
    pixel = order.gather(1, place.flatten(1).clamp_max(slots.shape[1] - 1))
    drawn = features.flatten(2).gather(2, pixel[:, None].expand(-1, dim, -1))
    return full_precision(drawn).unflatten(2, (count, samples)).mean(dim=3).mT


def whole_means(features: Tensor, slots: Tensor, count: int) -> Tensor:
    """Mean over all pixels of each region; arguments and result as `sampled_means`.

    A number without pixels has the zero vector.
    """
    values = full_precision(features).flatten(2)
    total = values.new_zeros(*values.shape[:2], count + 1)
    total = total.scatter_add(2, slots[:, None].expand_as(values), values)
    sizes = _sizes(slots, count).clamp_min(1)
    return (total / sizes[:, None])[..., :count].mT


def _compact(first: Tensor, second: Tensor) -> tuple[Tensor, int]:
    """Both views' ids side by side in 0..extent, with ``extent`` for no region."""
    ids = torch.cat([first, second], dim=1)
    extent = int(ids.max()) + 1 if ids.numel() else 0
    if extent > ids.shape[1]:  # sparse ids would make tables longer than the image
        known, ids = ids.unique(return_inverse=True)
        ids = ids - (known < 0).sum()
        extent = int(ids.max()) + 1
    return torch.where(ids < 0, extent, ids), extent


def _sizes(slots: Tensor, count: int) -> Tensor:
    """(B, count + 1) int64 pixels of each number, the last column those of none."""
    sizes = slots.new_zeros(len(slots), count + 1)
    return sizes.scatter_add_(1, slots, torch.ones_like(slots))
