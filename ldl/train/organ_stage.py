"""The stage of fine-tuning on labelled volumes (LRC section 2.2)."""

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn

from ldl.data.colour import normalise, to_float
from ldl.data.ct import CtBank
from ldl.data.ct_sources import refuse_shared_volumes
from ldl.data.elastic import draw_elastic
from ldl.losses.organ_dice import organ_losses
from ldl.models.organ_net import OrganNet
from ldl.rng import generator
from ldl.runs.lrc import OrganConfig
from ldl.train.feed import Feed
from ldl.train.organ_scores import labels_of, mean_dsc, segment
from ldl.train.sampler import EpochSampler


class VolumeFeed:
    """Slices and labels of a bank on the device, and the rows of each part."""

    def __init__(self, bank: CtBank, config: OrganConfig, device: torch.device) -> None:
        refuse_shared_volumes(bank)
        self.bank = bank
        self.slices, self.labels = Feed(bank.images, device), Feed(labels_of(bank), device)
        self.train = bank.rows("train", config.budget)
        self.validation = bank.rows("validation", config.validation)
        self.test = bank.rows("test", config.test)


def slices_by_organ(data: VolumeFeed) -> list[Tensor]:
    """For each organ that the training volumes show, the rows (n,) int64 of slices that show it."""
    labels = labels_of(data.bank)[data.train]
    rows = torch.from_numpy(data.train)
    shown = [
        torch.from_numpy((labels == organ).any(axis=(1, 2)))
        for organ in range(1, len(data.bank.organs) + 1)
    ]
    return [rows[one] for one in shown if one.any()]


class OrganStage:
    """Draws slices of the labelled volumes, bends them, and minimises the loss over organs."""

    def __init__(self, config: OrganConfig, net: OrganNet, data: VolumeFeed) -> None:
        self.config, self.net, self.data = config, net, data
        self.generator = generator(config.seed, "organs")
        rows = data.train.tolist()
        by_organ = config.batch // 2 if config.draw == "organs" else 0
        self.sampler = EpochSampler(rows, config.batch - by_organ, self.generator, whole=False)
        self.shown = slices_by_organ(data) if by_organ else []
        self.turns = EpochSampler(
            list(range(len(self.shown))), by_organ, self.generator, whole=False
        )
        self.validation: list[float] = []
        self.best = self._weights()

    def trainable(self) -> Iterable[Any]:
        """Everything, end to end, as one group for the optimizer."""
        group = {"params": list(self.net.parameters()), "weight_decay": self.config.weight_decay}
        return [group]

    def losses(self, model: nn.Module) -> dict[str, Tensor]:
        """Dice loss of the next batch."""
        rows = self._rows()
        images, labels = to_float(self.data.slices[rows]), self.data.labels[rows].long()
        if self.config.elastic:
            view = draw_elastic(images, labels, self.config.elastic, self.generator)
            # What comes from outside the slice is background.
            images, labels = view.images, view.regions.clamp_min(0)
        return organ_losses(self.config.loss, model(normalise(images)), labels)

    def _rows(self) -> Tensor:
        """Slices of the next batch, (batch,) int64."""
        rows = self.sampler.draw()
        if not self.shown:
            return rows
        for organ in self.turns.draw().tolist():
            slices = self.shown[organ]
            place = torch.randint(len(slices), (1,), generator=self.generator)
            rows = torch.cat([rows, slices[place]])
        return rows

    def after_step(self, model: nn.Module, step: int) -> None:
        """Every so often: keep the weights if the validation volumes score higher than before."""
        if step % self.config.validate_every and step != self.config.steps:
            return
        model.eval()
        rows = self.data.validation
        score = mean_dsc(self.data.bank, rows, segment(model, self.data.slices, rows))
        model.train()
        if not self.validation or score > max(self.validation):
            self.best = self._weights()
        self.validation.append(score)

    def best_step(self) -> int:
        """The step of the best validation score."""
        place = max(range(len(self.validation)), key=self.validation.__getitem__)
        return min((place + 1) * self.config.validate_every, self.config.steps)

    def state(self) -> dict[str, Tensor]:
        """The rest of the epoch, the scores and the best weights so far."""
        scores = torch.tensor(self.validation, dtype=torch.float64)
        best = {f"best.{name}": value for name, value in self.best.items()}
        orders = {"order": self.sampler.order, "turns": self.turns.order}
        return {**orders, "validation": scores, **best}

    def restore(self, state: dict[str, Tensor]) -> None:
        """Put :meth:`state` back."""
        self.sampler.order, self.turns.order = state["order"], state["turns"]
        self.validation = state["validation"].tolist()
        self.best = {name[5:]: v for name, v in state.items() if name.startswith("best.")}

    def _weights(self) -> dict[str, Tensor]:
        return {name: value.clone() for name, value in self.net.state_dict().items()}
