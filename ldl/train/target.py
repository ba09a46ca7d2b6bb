"""Training a segmentation network on labels that nobody drew (LDL section 6.2.1)."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Generator, Tensor, nn

from ldl.data.colour import jitter_colour, normalise, to_float
from ldl.data.sampling import random_affine
from ldl.data.views import BASE_DEGREES
from ldl.losses.refinement import pixel_weights, weighted_cross_entropy
from ldl.methods.synthesis import as_photograph, as_signed
from ldl.models.segmentation import TargetNet
from ldl.rng import seed_everything
from ldl.runs.pretrain import BorderName
from ldl.train.device import Fabric
from ldl.train.loop import EpochSampler, EpochStage, History, Plan, fit
from ldl.train.pseudo import Labelled
from ldl.train.references import References

Batch = tuple[Tensor, Tensor, Tensor]


class Pairs(Protocol):
    """Where images, labels and weights come from."""

    generator: Generator

    def draw(self) -> Batch:
        """(B, 3, S, S) normalised, (B, 1, S, S) labels, (B, 1, S, S) weights."""
        ...

    def state(self) -> dict[str, Tensor]:
        """What it needs to go on, beside its generator."""
        ...

    def restore(self, state: dict[str, Tensor]) -> None: ...


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
        """The rest of the epoch."""
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
        """Nothing but the generator."""
        return {}

    def restore(self, state: dict[str, Tensor]) -> None:
        """Nothing to put back."""


class TargetStage(EpochStage):
    """Eq. 23 on batches of pairs."""

    def __init__(self, net: nn.Module, pairs: Pairs) -> None:
        self.net, self.pairs, self.generator = net, pairs, pairs.generator

    def trainable(self) -> Iterable[nn.Parameter]:
        """Everything."""
        return self.net.parameters()

    def losses(self, model: nn.Module) -> dict[str, Tensor]:
        """The weighted cross-entropy of the next batch."""
        image, label, weight = self.pairs.draw()
        return {"segment": weighted_cross_entropy(model(image), label, weight)}

    def state(self) -> dict[str, Tensor]:
        """The pairs'."""
        return self.pairs.state()

    def restore(self, state: dict[str, Tensor]) -> None:
        self.pairs.restore(state)


def train_target(
    pairs: Pairs,
    plan: Plan,
    *,
    base: int,
    seed: int,
    border: BorderName = "zeros",
    folder: Path,
    fabric: Fabric,
    identity: dict[str, Any],
    progress: bool = False,
) -> tuple[TargetNet, History]:
    """A new network from a random start; the last step's weights are the result."""
    seed_everything(seed, "initialise", "target")
    net = TargetNet(base, border=border)
    net.to(memory_format=torch.channels_last).to(fabric.device)  # type: ignore[call-overload]
    stage = TargetStage(net, pairs)
    history = fit(
        stage, plan, folder=folder, identity=identity, fabric=fabric, title="target",
        progress=progress,
    )  # fmt: skip
    return net, history
