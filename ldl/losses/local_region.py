"""The local contrastive loss of Localized Region Contrast, LRC section 2.1."""

import torch
from torch import Generator, Tensor

from ldl.errors import ConfigError
from ldl.losses.checks import check_temperature
from ldl.losses.region_pixels import sampled_means, shared_regions, whole_means
from ldl.sphere import unit

# A region's mean over fewer pixels is one pixel's noise; superpixels have at least as many.
SMALLEST = 4


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

    Args:
        query: (B, D, H, W) float features f_q of the images.
        positive: (B, D, H', W') float features f_p of the transformed images.
        query_regions: (B, H, W) integer region ids, in any order and with gaps.
        positive_regions: (B, H', W') the ids after the same transform.
        samples: N, vectors drawn with replacement from each region; None takes all its pixels.
        temperature: tau_l, above 0.
        formulation: ``"paper"`` or ``"distinct"``.
        generator: of the draws (on the CPU a seed means the same on every device); may be None
            where ``samples`` is.
        smallest: pixels that a region needs in both views, at least 1.
        normalise: project the means onto the unit sphere, after averaging. The paper has a dot
            product and does not say; without it no temperature suits every stage of training.

    Returns:
        Scalar, float32 (float64 for float64 input), at least 0.

    Raises:
        ConfigError: other formulation, temperature, counts, shapes or types; no generator.
    """
    _check(samples, temperature, formulation, generator, smallest)
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


def _check(
    samples: int | None,
    temperature: float,
    formulation: str,
    generator: Generator | None,
    smallest: int,
) -> None:
    check_temperature(temperature)
    if formulation not in ("paper", "distinct"):
        raise ConfigError(f"formulation is {formulation!r}; use 'paper' or 'distinct'")
    if samples is not None and samples < 1:
        raise ConfigError(f"samples is {samples}; it must be at least 1, or None for all pixels")
    if samples is not None and generator is None:
        raise ConfigError("samples are drawn but generator is None; give one of ldl.rng")
    if smallest < 1:
        raise ConfigError(f"smallest is {smallest}; it must be at least 1 pixel")


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
