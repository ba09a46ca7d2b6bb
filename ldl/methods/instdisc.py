"""InstDisc: every image is a class of its own (Wu et al., CVPR 2018)."""

from typing import Any, Literal

import torch
from pydantic import Field
from torch import nn

from ldl.config import Strict
from ldl.data.recipes import INSTANCE
from ldl.losses.instance import instance_nce, instance_softmax, partition
from ldl.methods.base import Comparison, Outcome, ProjectionNet, Step
from ldl.models.memory import MemoryBank
from ldl.rng import sent
from ldl.runs.pretrain import ComparisonConfig


class InstDisc(Comparison):
    """An image's vector is classified among the remembered vectors of all images.

    Noise-contrastive estimation (NCE) stands in for the softmax over a million images; its
    constant Z is estimated in the first step and then kept. Changed for our scale: the softmax
    itself, which the authors' later models use too. Adam, where the original has SGD.
    """

    title = "InstDisc"
    paper = "Wu et al., CVPR 2018"
    level = "image"
    idea = "An image finds what is remembered of it among what is remembered of all images."

    class Knobs(Strict):
        """Wu et al. 2018, section 3.2 and 4: 128 dimensions, tau = 0.07, m = 4,096 noise entries.

        The bank's momentum is that of the authors' code, which has no proximal term; in the paper
        (Eq. 9-10) an entry is replaced outright and lambda |v - entry|^2 keeps v from jumping, with
        no lambda named for ImageNet. ``momentum=0, proximal=30`` is the paper's form.
        """

        dim: int = Field(default=128, ge=2)
        temperature: float = Field(default=0.07, gt=0)
        objective: Literal["nce", "softmax"] = "nce"
        noise: int = Field(default=4096, ge=1)
        momentum: float = Field(default=0.5, ge=0, lt=1)
        proximal: float = Field(default=0.0, ge=0)

    def around(self, encoder: Any, knobs: Any, config: ComparisonConfig, images: int) -> nn.Module:
        net = ProjectionNet(encoder, nn.Linear(encoder.channels[-1], knobs.dim))
        net.bank = MemoryBank(images, knobs.dim)
        net.register_buffer("constant", torch.zeros(()))
        return net

    def step(self, model: Any, given: Step) -> Outcome:
        """NCE or softmax against the entries from before this step, which then follow."""
        knobs = given.knobs
        query = model(given.view(INSTANCE).image)
        rows = sent(given.batch.rows, query)
        # A copy: the bank changes before the backward pass reads it.
        bank = model.bank.vectors.clone()
        if knobs.objective == "softmax":
            loss = instance_softmax(query, bank, rows, temperature=knobs.temperature)
        else:
            shape = (len(rows), knobs.noise)
            noise = sent(torch.randint(len(bank), shape, generator=given.generator), query)
            # Z, estimated in the first step and then kept.
            estimate = partition(query, bank, noise, temperature=knobs.temperature)
            known = torch.where(model.constant > 0, model.constant, estimate.to(model.constant))
            model.constant.copy_(known)
            loss = instance_nce(
                query, bank, rows, noise, temperature=knobs.temperature, constant=known
            )
        losses = {"contrast": loss}
        if knobs.proximal:
            jump = (query - bank[rows]).square().sum(dim=1).mean()
            losses["proximal"] = knobs.proximal * jump
        model.bank.update(rows, query, knobs.momentum)
        return Outcome(losses, query.detach())
