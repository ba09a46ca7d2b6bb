"""MoCo: momentum contrast against a queue (He et al., CVPR 2020), and v2 (Chen et al. 2020)."""

from collections.abc import Callable
from typing import Any, Literal

import torch
from pydantic import Field
from torch import nn

from ldl.compat import import_lightly
from ldl.config import Strict
from ldl.data.recipes import INSTANCE, MOCO_V2, Recipe
from ldl.losses.instance import info_nce
from ldl.methods.base import Comparison, MomentumNet, Outcome, Step, shuffled_keys
from ldl.models.memory import Queue
from ldl.ranks import mine
from ldl.runs.pretrain import ComparisonConfig


class MoCo(Comparison):
    """An image's view is told from the keys of other images by the key of its other view.

    Changed for our scale: a dictionary longer than a fraction of the data would hold most images
    as their own negatives, and at a few hundred steps a teacher with momentum 0.999 would still be
    its random start. Batches are small, so the shuffled keys are normalised in two parts on one
    device. Adam as all methods here, where the original has SGD.
    """

    title = "MoCo"
    paper = "He et al., CVPR 2020"
    level = "image"
    idea = "An image finds its other view among a queue of other images."

    class Knobs(Strict):
        """He et al. 2020, section 3.3: dictionary of 65,536 keys of 128 dimensions, tau = 0.07.

        ``fill`` is what the dictionary holds at the first step: random unit vectors, which any
        image is easily told from, or keys of the data, so that the first loss means what the later
        ones do. ``norm`` "batch" ends the projection with batch normalisation, as MoCo v3 does
        (Chen, Xie, He 2021): new features of images are nearly alike, and it takes away what they
        have in common.
        """

        queue: int = Field(default=65536, ge=1)
        dim: int = Field(default=128, ge=2)
        momentum: float = Field(default=0.999, ge=0, le=1)
        temperature: float = Field(default=0.07, gt=0)
        fill: Literal["random", "keys"] = "random"
        norm: Literal["none", "batch"] = "none"

    on_ranks = True
    recipe: Recipe = INSTANCE

    def head(self, features: int, dim: int) -> nn.Module:
        """The projection: v1 has one linear layer."""
        return nn.Linear(features, dim)

    def around(self, encoder: Any, knobs: Any, config: ComparisonConfig, images: int) -> nn.Module:
        head = self.head(encoder.channels[-1], knobs.dim)
        net = MomentumNet(encoder, ended(head, knobs.norm, nn.BatchNorm1d, knobs.dim))
        net.queue = Queue(knobs.queue, knobs.dim)
        return net

    def step(self, model: Any, given: Step) -> Outcome:
        """InfoNCE (Eq. 1) of first views' queries against second views' keys and the queue."""
        first, second = given.two_views(self.recipe, self.recipe)
        order = torch.randperm(len(first), generator=given.generator)
        query, key = model(mine(first), second, order)
        temperature = given.knobs.temperature
        # A copy: the queue changes before the backward pass reads it.
        negatives = model.queue.keys.clone()
        self.remember(model, key)
        loss = info_nce(query, mine(key), negatives, temperature=temperature)
        return Outcome({"contrast": loss}, query.detach())

    def remember(self, net: Any, keys: Any) -> None:
        """Put a batch's keys, as ``net.key`` makes them, in place of the oldest."""
        net.queue.push(keys)

    @torch.no_grad()
    def begin(self, net: Any, draw: Callable[[], Step], knobs: Any) -> None:
        """Fill the dictionary with keys of second views, where the knobs say so."""
        filled = 0
        while knobs.fill == "keys" and filled < knobs.queue:
            given = draw()
            _, second = given.two_views(self.recipe, self.recipe)
            order = torch.randperm(len(second), generator=given.generator)
            self.remember(net, shuffled_keys(net.key, second, order))
            filled += len(second)

    def after_step(self, net: Any, config: ComparisonConfig, step: int) -> None:
        net.follow(self.knobs(config).momentum)


def ended(head: nn.Module, norm: str, batch_norm: Callable[..., nn.Module], dim: int) -> nn.Module:
    """``head`` with what ``norm`` puts behind it."""
    return head if norm == "none" else nn.Sequential(head, batch_norm(dim, affine=False))


class MoCoV2(MoCo):
    """MoCo with the head and the augmentation of SimCLR, and a softer softmax.

    The hidden layer is as wide as the features, as it is in the original (2,048 for ResNet-50).
    Changed for our scale: as in MoCo.
    """

    title = "MoCoV2"
    paper = "Chen et al., arXiv:2003.04297"
    idea = "MoCo with stronger views and a projection that is thrown away."

    class Knobs(MoCo.Knobs):
        """Chen et al. 2020 (arXiv:2003.04297), section 3: tau = 0.2."""

        temperature: float = Field(default=0.2, gt=0)

    recipe = MOCO_V2

    def head(self, features: int, dim: int) -> nn.Module:
        """The projection: two layers."""
        heads = import_lightly("models.modules.heads")
        head: nn.Module = heads.MoCoProjectionHead(features, features, dim)
        return head
