"""The local contrastive loss of Localized Region Contrast, LRC section 2.1.

Beside it the pixels of labelled regions in two views, and means over them, without a loop.
"""

from dataclasses import dataclass

import torch
from torch import Generator, Tensor

from ldl.errors import ConfigError
from ldl.losses.joint import check_temperature
from ldl.rng import sent
from ldl.sphere import full_precision, unit

# A region's mean over fewer pixels is one pixel's noise; superpixels have at least as many.
SMALLEST = 4
# Draws are taken modulo a region's size; no region is so large that this favours a pixel.
_WIDE = 2**62


def local_region_contrast(
    query: Tensor,
    positive: Tensor,
    query_regions: Tensor,
    positive_regions: Tensor,
    *,
    samples: int | None = 50,
    temperature: float,
    formulation: str,
    generator: Generator | None,
    smallest: int = SMALLEST,
    normalise: bool = True,
) -> Tensor:
    """L_l: each region of an image is recognised in the transformed image, among its other regions.

    For the region vectors q_k and p_k of the two views (means of N pixels, drawn anew for each)

        -log  exp(q_k1 . p_k1 / tau) / sum_k2 [ exp(q_k1 . q_k2 / tau) + exp(q_k1 . p_k2 / tau) ]

    ``paper``: as printed, so that the sum holds the self product q_k1 . q_k1 too. ``distinct``:
    without it, since the text draws negatives "from the rest of the local regions".

    The paper sums over the regions of an image; this is that sum over the batch divided by the
    number of its regions, so every region weighs the same. Left out are pixels with a negative id,
    regions with fewer than ``smallest`` pixels in either view (those that vanish under the
    transform among them) and images with fewer than two regions left, which have nothing to
    contrast. Where nothing is left the loss is 0 with a zero gradient.

    Float features f_q (B, D, H, W) and f_p (B, D, H', W'); integer ids (B, H, W) and, after the
    same transform, (B, H', W'), in any order and with gaps -> scalar, float32 (float64 for
    float64 input), at least 0.

    Args:
        samples: N, vectors drawn with replacement from each region; None takes all its pixels.
        generator: of the draws (on the CPU a seed means the same on every device).
        normalise: project the means onto the unit sphere, after averaging. The paper has a dot
            product and does not say; without it no temperature suits every stage of training.
    """
    check_temperature(temperature)
    if formulation not in ("paper", "distinct"):
        raise ConfigError(f"formulation is {formulation!r}; use 'paper' or 'distinct'")
    if samples is not None and samples < 1:
        raise ConfigError(f"samples is {samples}; it must be at least 1, or None for all pixels")
    if samples is not None and generator is None:
        raise ConfigError("samples are drawn but generator is None; give one of ldl.rng")
    if smallest < 1:
        raise ConfigError(f"smallest is {smallest}; it must be at least 1 pixel")
    _check_view("query", query, query_regions)
    _check_view("positive", positive, positive_regions)
    if query.shape[:2] != positive.shape[:2]:
        raise ConfigError(
            f"query {tuple(query.shape)} and positive {tuple(positive.shape)} differ in B or D"
        )
    slots = shared_regions(query_regions, positive_regions, smallest)
    count = slots.present.shape[1]
    # Half-precision products would lose what float32 means are made for.
    with torch.autocast(query.device.type, enabled=False):
        means = [
            whole_means(features, numbers, count)
            if samples is None or generator is None
            else sampled_means(features, numbers, count, samples, generator)
            for features, numbers in ((query, slots.first), (positive, slots.second))
        ]
        first, second = (unit(one) for one in means) if normalise else means
        costs = _costs(first, second, slots.present, temperature, formulation)
        return costs.where(slots.present, 0).sum() / slots.present.sum().clamp_min(1)


def _costs(
    query: Tensor, positive: Tensor, present: Tensor, temperature: float, formulation: str
) -> Tensor:
    """(B, K) cost of each region; (B, K, D) region vectors, (B, K) which of them exist."""
    to_query = query @ query.mT / temperature
    to_positive = query @ positive.mT / temperature
    absent = ~present[:, None].expand_as(to_query)
    floor = torch.finfo(query.dtype).min / 4
    own = torch.eye(query.shape[1], dtype=torch.bool, device=query.device)
    hidden = absent | own if formulation == "distinct" else absent
    among = torch.cat(
        [to_query.masked_fill(hidden, floor), to_positive.masked_fill(absent, floor)], dim=2
    )
    return among.logsumexp(dim=2) - to_positive.diagonal(dim1=1, dim2=2)


def _check_view(name: str, features: Tensor, regions: Tensor) -> None:
    if features.ndim != 4 or features.shape[0] == 0 or features[0, 0].numel() == 0:
        raise ConfigError(f"{name} {tuple(features.shape)} must be (B, D, H, W) with B, H, W > 0")
    if regions.shape != features[:, 0].shape:
        raise ConfigError(
            f"{name}_regions {tuple(regions.shape)} must be {tuple(features[:, 0].shape)}, "
            f"one id for each pixel of {name}"
        )
    if regions.dtype not in (torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64):
        raise ConfigError(f"{name}_regions is {regions.dtype}; ids are whole numbers")


@dataclass(frozen=True)
class RegionSlots:
    """Regions of a batch, numbered anew within each image as they first appear in the first view.

    ``first`` and ``second`` (B, P) int64 are the number of each pixel's region in the two views, K
    for none; ``present`` (B, K) bool: images with fewer than K leave the last numbers unused.
    """

    first: Tensor
    second: Tensor
    present: Tensor


def shared_regions(first: Tensor, second: Tensor, smallest: int) -> RegionSlots:
    """Regions with at least ``smallest`` pixels in both views, of images with two or more of them.

    The new numbers depend on where regions lie and not on their ids, so relabelling a map changes
    nothing, not even which pixels equal seeds draw. Integer ids (B, H, W) and (B, H', W');
    negative ones belong to no region.
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
    """(B, K, D) means of ``samples`` vectors drawn with replacement, uniformly, from each region.

    Features (B, D, H, W) float; slots (B, H * W) int64 numbers of regions, ``count`` = K for none.
    The generator draws B * K * N numbers on its own device. Float32 (float64 for float64); a number
    without pixels has an arbitrary vector.
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
