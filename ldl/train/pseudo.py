"""Pseudo labels and their uncertainty, from a guide and many augmentations (LDL Eq. 20-22)."""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Generator, Tensor, nn

from ldl.data.colour import jitter_colour, normalise, to_float
from ldl.data.preprocess import field_masks
from ldl.data.sampling import DIHEDRAL, apply_symmetry, undo_symmetry
from ldl.losses.refinement import clustered, pseudo_labels, uncertainty
from ldl.losses.vectors import region_vectors
from ldl.methods.guided import TARGET
from ldl.runs.pretrain import PretrainConfig
from ldl.runs.shape import GuideConfig
from ldl.train.device import Feed
from ldl.train.shape.cut import Cut

BATCH = 8


@dataclass(frozen=True)
class Labelled:
    """Images as a guide labels them.

    Attributes:
        images: (N, 3, S, S) uint8.
        labels: (N, S, S) float32, r** of Eq. 21, 0 outside the field of view.
        doubt: (N, S, S) float32, u of Eq. 22 in nats, 0 outside the field of view.
    """

    images: Tensor
    labels: Tensor
    doubt: Tensor


def at_scale(images: Tensor, region: PretrainConfig) -> Tensor:
    """(B, 3, H, H) uint8 -> (B, 3, S, S) float in 0..1, the scale that a guide knows.

    S is the crop's side, or H where the guide was trained on windows of images as they are.
    """
    if region.scale == "native":
        return to_float(images)
    crop = region.crop
    return F.interpolate(to_float(images), size=(crop, crop), mode="bilinear", antialias=True)


@torch.no_grad()
def target_maps(
    net: nn.Module, images: Tensor, temperature: float, inside: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """The target region of normalised images by both outputs: r of Eq. 2 and r* of Eq. 20.

    Args:
        net: gives embeddings (B, K, S, S) and assignments (B, C, S, S); in eval mode.
        images: (B, 3, S, S) float, normalised.
        temperature: of Eq. 20.
        inside: (B, S, S) 0 or 1, the only pixels that a region's vector is made of; None takes all.

    Returns:
        two (B, S, S) float32 in 0..1.
    """
    embedding, assignment = net(images)
    counted = assignment if inside is None else assignment * inside[:, None]
    again = clustered(embedding, region_vectors(embedding, counted), temperature=temperature)
    return assignment[:, TARGET].float(), again[:, TARGET].float()


@torch.no_grad()
def label_images(
    net: nn.Module,
    feed: Feed,
    rows: list[int],
    *,
    config: GuideConfig,
    augmentations: int,
    generator: Generator,
    cut: Cut | None = None,
) -> Labelled:
    """Pseudo labels of the images ``rows``.

    An augmentation is one of the eight symmetries of the square, undone exactly afterwards, and the
    colour jitter of pretraining. The paper only says "varied augmentations".

    Args:
        net: the trained guide; put into eval mode.
        config: the guide's: the scale it knows, the temperature of Eq. 20, its field of view.
        cut: of the mean over augmentations; None cuts it at one half, as Eq. 21 does.
    """
    net.eval()
    parts = [
        _label(net, feed, rows[start : start + BATCH], config, augmentations, generator, cut)
        for start in range(0, len(rows), BATCH)
    ]
    images, labels, doubt = (torch.cat(each) for each in zip(*parts, strict=True))
    return Labelled(images, labels, doubt)


def _label(
    net: nn.Module,
    feed: Feed,
    rows: list[int],
    config: GuideConfig,
    augmentations: int,
    generator: Generator,
    cut: Cut | None,
) -> tuple[Tensor, Tensor, Tensor]:
    region = config.region
    images = at_scale(feed[torch.tensor(rows)], region)
    whole = (images * 255).round().clamp(0, 255).to(torch.uint8)
    fields = field_masks(whole.cpu().numpy())
    inside = torch.from_numpy(fields).to(images)
    maps = []
    for _ in range(augmentations):
        code = torch.randint(len(DIHEDRAL), (len(images),), generator=generator).to(images.device)
        seen = apply_symmetry(normalise(jitter_colour(images, generator)), code)
        within = apply_symmetry(inside, code) if config.field == "zeroed" else None
        again = target_maps(net, seen, region.region_temperature, within)[1]
        maps.append(undo_symmetry(again, code))
    found = torch.stack(maps)
    labels = pseudo_labels(found) if cut is None else cut(found.mean(dim=0), fields)
    return whole, labels * inside, uncertainty(found) * inside
