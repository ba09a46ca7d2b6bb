"""A segmenter on labels that nobody drew: pseudo labels (LDL Eq. 20-23), or synthetic pairs."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Generator, Tensor, nn

from ldl.data.colour import jitter_colour, normalise, to_float
from ldl.data.preprocess import field_masks
from ldl.data.sampling import DIHEDRAL, apply_symmetry, random_affine, undo_symmetry
from ldl.data.views import BASE_DEGREES
from ldl.losses.refinement import (
    clustered,
    pixel_weights,
    pseudo_labels,
    uncertainty,
    weighted_cross_entropy,
)
from ldl.losses.vectors import region_vectors
from ldl.methods.guided import TARGET
from ldl.methods.synthesis import as_photograph, as_signed
from ldl.models.segmentation import TargetNet
from ldl.rng import seed_everything
from ldl.runs.pretrain import BorderName, PretrainConfig
from ldl.runs.shape import GuideConfig, ShapeConfig
from ldl.train.device import Feed, placed
from ldl.train.loop import EpochSampler, EpochStage, History, Plan
from ldl.train.made import How
from ldl.train.references import Cut, References

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


@torch.no_grad()
def filter_images(predict: Callable[[Tensor], Tensor], feed: Feed, rows: list[int]) -> Labelled:
    """Images ``rows`` as they are, labelled by something that knows no doubt.

    Args:
        predict: (B, 3, S, S) normalised -> (B, S, S) of 0 and 1.
    """
    whole = [feed[torch.tensor(rows[k : k + BATCH])] for k in range(0, len(rows), BATCH)]
    inside = [torch.from_numpy(field_masks(each.cpu().numpy())).to(each.device) for each in whole]
    found = [predict(normalise(to_float(each))) for each in whole]
    labels = torch.cat(found).float() * torch.cat(inside)
    return Labelled(torch.cat(whole), labels, torch.zeros_like(labels))


Batch = tuple[Tensor, Tensor, Tensor]


class PseudoPairs:
    """Images with pseudo labels; flips and turns as in a transfer's training.

    Args:
        weight: "even", "uncertain" or "confident", see `ldl.losses.refinement.pixel_weights`.
        batch: images a draw.
        crop: side of a window of the images as they are; None draws whole images.
    """

    def __init__(
        self,
        labelled: Labelled,
        weight: str,
        batch: int,
        generator: Generator,
        crop: int | None = None,
    ) -> None:
        self.labelled, self.generator = labelled, generator
        self.size = crop or labelled.images.shape[-1]
        self.share = (self.size / labelled.images.shape[-1]) ** 2
        self.weights = pixel_weights(labelled.doubt, weight)
        rows = list(range(len(labelled.images)))
        self.sampler = EpochSampler(rows, batch, generator, whole=False)

    def draw(self) -> Batch:
        """The next batch; outside of a turned image the weight is 0."""
        rows = self.sampler.draw().to(self.labelled.images.device)
        images, size, area = to_float(self.labelled.images[rows]), self.size, (self.share,) * 2
        affine = random_affine(
            len(rows), degrees=BASE_DEGREES, area=area, generator=self.generator, widest=1.0
        )
        label = affine.sample(self.labelled.labels[rows][:, None], size, mode="nearest")
        weight = affine.sample(self.weights[rows][:, None], size)
        return normalise(affine.sample(images, size)), label, weight

    def state(self) -> dict[str, Tensor]:
        return {"order": self.sampler.order}

    def restore(self, state: dict[str, Tensor]) -> None:
        self.sampler.order = state["order"]


class SyntheticPairs:
    """Reference masks and the images that a trained generator makes of them.

    Args:
        translate: (B, 1, S, S) in -1..1 -> (B, 3, S, S) in -1..1.
        references: where masks come from; their generator is used.
        batch: pairs a draw.
        jitter: whether an image's colour varies as in pretraining: a generator knows but one.
    """

    def __init__(
        self, translate: nn.Module, references: References, batch: int, jitter: bool = False
    ) -> None:
        self.translate, self.references, self.batch = translate.eval(), references, batch
        self.generator, self.jitter = references.generator, jitter

    @torch.no_grad()
    def draw(self) -> Batch:
        """The next pairs; every pixel weighs 1."""
        mask = self.references.draw(self.batch)
        image = self.translate(as_signed(mask)).float()
        if self.jitter:
            image = as_signed(jitter_colour((image + 1) / 2, self.generator))
        return as_photograph(image), (mask > 0.5).float(), torch.ones_like(mask)

    def state(self) -> dict[str, Tensor]:
        return {}

    def restore(self, state: dict[str, Tensor]) -> None:
        """Nothing to put back."""


class TargetStage(EpochStage):
    """Eq. 23 on batches of pairs."""

    def __init__(self, net: nn.Module, pairs: "PseudoPairs | SyntheticPairs") -> None:
        self.net, self.pairs, self.generator = net, pairs, pairs.generator

    def losses(self, model: nn.Module) -> dict[str, Tensor]:
        """The weighted cross-entropy of the next batch."""
        image, label, weight = self.pairs.draw()
        return {"segment": weighted_cross_entropy(model(image), label, weight)}

    def state(self) -> dict[str, Tensor]:
        return self.pairs.state()

    def restore(self, state: dict[str, Tensor]) -> None:
        self.pairs.restore(state)


def train_target(
    pairs: PseudoPairs | SyntheticPairs,
    plan: Plan,
    run: ShapeConfig,
    how: How,
    data: str,
    phase: str = "",
    *,
    base: int,
    border: BorderName = "zeros",
) -> tuple[TargetNet, History]:
    """A new network from a random start; the last step's weights are the result.

    Args:
        data, phase: as :meth:`ldl.train.made.How.fit` has them.
        base, border: the network's width, and what lies beyond its maps.
    """
    seed_everything(run.seed, "initialise", "target")
    net = placed(TargetNet(base, border=border), how.fabric)
    return net, how.fit(run, TargetStage(net, pairs), plan, data, phase)
