"""Fine-tuning on labelled volumes and scoring the test volumes (LRC sections 2.2 and 3)."""

import base64
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ldl.data.colour import NORMALISATION, normalise, to_float
from ldl.data.ct import CtBank, refuse_shared_volumes, slice_bank
from ldl.data.elastic import draw_elastic
from ldl.errors import ConfigError, DataError
from ldl.losses.dice import organ_losses
from ldl.metrics import OrganScore, score_volume
from ldl.models.organ_net import GlobalBranch, OrganNet, load_branch, parameters_by_part
from ldl.models.published import for_gray
from ldl.rng import generator, seed_everything
from ldl.runs.lrc import OrganConfig
from ldl.runs.pretrain import ComparisonConfig
from ldl.train import checkpoint
from ldl.train.ct_global import data_of
from ldl.train.device import Feed, placed
from ldl.train.loop import BestStage, EpochSampler, History, Plan
from ldl.train.made import How, Made, Weights, curves

Array = np.ndarray
BATCH = 8


@dataclass(frozen=True)
class VolumeScore:
    """What one volume scores: its id and, organ by organ, DSC and HD95 in mm."""

    id: str
    organs: tuple[OrganScore, ...]


@torch.no_grad()
def segment(model: Callable[[Tensor], Tensor], slices: Feed, rows: Array) -> Array:
    """Most probable label of every pixel: (len(rows), H, W) uint8.

    Args:
        model: a network in eval mode, (B, C, H, W) -> (B, 1 + K, H, W).
        slices: of the bank.
        rows: (n,) int64.
    """
    parts = torch.from_numpy(rows).split(BATCH)
    found = [model(normalise(to_float(slices[part]))).argmax(dim=1).byte() for part in parts]
    return torch.cat(found).cpu().numpy()


def score_volumes(bank: CtBank, rows: Array, predicted: Array) -> list[VolumeScore]:
    """DSC and HD95 of every volume that ``rows`` cover, in the bank's order.

    Args:
        rows: (n,) rows of whole volumes.
        predicted: (n, H, W) uint8 labels.
    """
    names = dict(enumerate(bank.organs, start=1))
    truths = labels_of(bank)
    return [
        VolumeScore(one.id, score_volume(found, np.asarray(truths[one.rows]), names, one.spacing))
        for one, found in bank.stacked(rows, predicted)
    ]


def mean_dsc(bank: CtBank, rows: Array, predicted: Array) -> float:
    """Mean DSC over volumes and organs; organs in neither truth nor prediction do not count.

    Arguments as `score_volumes`; without HD95 it takes no time. 0 where no organ occurs at all.
    """
    truths, count = labels_of(bank), len(bank.organs)
    scores = [
        organ_dsc(found, np.asarray(truths[one.rows]), count)
        for one, found in bank.stacked(rows, predicted)
    ]
    known = np.concatenate(scores)
    known = known[~np.isnan(known)]
    return float(known.mean()) if len(known) else 0.0


def organ_dsc(predicted: Array, truth: Array, count: int) -> Array:
    """(count,) float64: DSC of organs 1..count over all voxels; nan where an organ is in neither.

    Args:
        predicted: uint8 labels of any shape.
    """
    both = truth.astype(np.int64).ravel() * (count + 1) + predicted.ravel()
    table = np.bincount(both, minlength=(count + 1) ** 2).reshape(count + 1, count + 1)
    total = (table.sum(axis=0) + table.sum(axis=1))[1:]
    return np.where(total > 0, 2 * np.diagonal(table)[1:] / np.maximum(total, 1), np.nan)


def labels_of(bank: CtBank) -> Array:
    """The labels of a labelled bank, (N, H, W) uint8."""
    if bank.labels is None:
        raise DataError(f"{bank.name}: not labelled; fine-tuning needs a labelled set")
    return bank.labels


def shown_row(bank: CtBank, rows: Array) -> int:
    """The slice with most organs, among equals that with most labelled pixels, then the first.

    Args:
        rows: (n,) rows to choose from.
    """
    labels = labels_of(bank)
    organs = [len(np.unique(labels[row])) for row in rows]
    pixels = [int(np.count_nonzero(labels[row])) for row in rows]
    return int(rows[max(range(len(rows)), key=lambda k: (organs[k], pixels[k], -k))])


def picture(
    net: Callable[[Tensor], Tensor], bank: CtBank, rows: Array, device: torch.device
) -> dict[str, Any]:
    """Figure 2's slice with the labels that ``net`` gives it: its row, volume, place, labels."""
    row = shown_row(bank, rows)
    found = segment(net, Feed(bank.images, device), np.array([row]))[0]
    return {
        "row": row,
        "volume": bank.volumes[int(bank.volume_of[row])].id,
        "slice": int(bank.z_of[row]),
        "size": int(found.shape[0]),
        "labels": packed(found),
    }


def packed(labels: Array) -> str:
    """(S, S) uint8 as text."""
    return base64.b64encode(zlib.compress(labels.tobytes(), 9)).decode("ascii")


def unpacked(text: str, size: int) -> Array:
    """What `packed` packed, (size, size) uint8."""
    data = zlib.decompress(base64.b64decode(text))
    return np.frombuffer(data, dtype=np.uint8).reshape(size, size)


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


class OrganStage(BestStage):
    """Draws slices of the labelled volumes, bends them, and minimises the loss over organs."""

    def __init__(self, config: OrganConfig, net: OrganNet, data: VolumeFeed) -> None:
        by_organ = config.batch // 2 if config.draw == "organs" else 0
        rows, batch = data.train.tolist(), config.batch - by_organ
        super().__init__(net, rows, batch, generator(config.seed, "organs"))
        self.config, self.data, self.weight_decay = config, data, config.weight_decay
        self.shown = slices_by_organ(data) if by_organ else []
        self.turns = EpochSampler(
            list(range(len(self.shown))), by_organ, self.generator, whole=False
        )
        self.validation: list[float] = []
        self.keep()

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
            self.keep()
        self.validation.append(score)

    def best_step(self) -> int:
        """The step of the best validation score."""
        place = max(range(len(self.validation)), key=self.validation.__getitem__)
        return min((place + 1) * self.config.validate_every, self.config.steps)

    def state(self) -> dict[str, Tensor]:
        scores = torch.tensor(self.validation, dtype=torch.float64)
        return {**super().state(), "turns": self.turns.order, "validation": scores}

    def restore(self, state: dict[str, Tensor]) -> None:
        super().restore(state)
        self.turns.order, self.validation = state["turns"], state["validation"].tolist()


@dataclass(frozen=True)
class Tuned:
    """A fine-tuned network and what it scores.

    Attributes:
        validation: mean DSC of the validation volumes at every ``validate_every``-th step.
        best_step: the step whose weights were kept.
        volumes: the test volumes' scores, in the bank's order.
    """

    net: OrganNet
    history: History
    validation: list[float]
    best_step: int
    volumes: list[VolumeScore]


def organ_network(
    config: OrganConfig, bank: CtBank, encoder: Weights | None, local: Weights | None
) -> OrganNet:
    """The network before fine-tuning; arguments as `finetune`."""
    for name, given, asked in (
        ("encoder", encoder, config.encoder),
        ("local", local, config.local or config.second),
    ):
        if (given is None) != (asked is None):
            raise ConfigError(
                f"{config.run_id()}: weights for {name} are "
                f"{'missing' if given is None else 'given but not asked for'}"
            )
    seed_everything(config.seed, "initialise", "organs")
    organs, channels = len(bank.organs), bank.images.shape[1]
    net = OrganNet(
        config.backbone,
        config.base,
        organs,
        config.local_base,
        channels,
        config.features,
        config.border,
    )
    if encoder is not None and isinstance(net.whole, GlobalBranch):
        load_branch(net.whole.encoder, encoder, "encoder")
    if local is not None and net.local is not None:
        load_branch(net.local, local, "local")
    return net


def finetune(
    config: OrganConfig,
    bank: CtBank,
    how: How,
    encoder: Weights | None = None,
    local: Weights | None = None,
) -> Tuned:
    """Train on the budget's volumes, choose by the validation volumes, score the test volumes.

    Args:
        bank: labelled slices; its volumes are split.
        encoder: weights of E_g where ``config.encoder`` is given.
        local: weights of the local branch, named as `ldl.models.organ_net.LocalUNet` names them,
            where ``config.local`` or ``config.second`` is given; the latter's lack a decoder.
    """
    data = VolumeFeed(bank, config, how.fabric.device)
    net = placed(organ_network(config, bank, encoder, local), how.fabric)
    stage = OrganStage(config, net, data)
    plan = Plan(config.steps, config.learning_rate, config.halve_every,
                schedule=config.schedule, warmup=config.warmup)  # fmt: skip
    history = how.fit(config, stage, plan, bank.fingerprint)
    net.load_state_dict(stage.best)
    net.eval()
    with how.fabric.autocast():
        predicted = segment(net, data.slices, data.test)
    volumes = score_volumes(bank, data.test, predicted)
    return Tuned(net, history, stage.validation, stage.best_step(), volumes)


def encoder_for(run: OrganConfig, weights: Weights | None) -> Weights | None:
    """The encoder's weights for CT's one channel."""
    if weights is None or run.encoder is None:
        return None
    found = checkpoint.under("encoder", weights)
    if isinstance(run.encoder, ComparisonConfig) and run.encoder.channels == 3:
        return for_gray(found, NORMALISATION[3], NORMALISATION[1])
    return found


def make_organs(run: OrganConfig, how: How) -> Made:
    """Fine-tuning, and the scores of every test volume and organ."""
    encoder = encoder_for(run, how.before(run.encoder))
    local = how.before(run.local or run.second)
    bank = slice_bank(run.data, progress=how.progress is True)
    done = finetune(run, bank, how, encoder, local)
    learned = [one.id for one in bank.part("train", run.budget)]
    fields = {
        "losses": curves(done.history),
        "organs": list(bank.organs),
        "volumes": [volume_fields(one) for one in done.volumes],
        "validation": [round(score, 6) for score in done.validation],
        "best_step": done.best_step,
        "parameters": parameters_by_part(done.net),
        "picture": picture(done.net, bank, bank.rows("test", run.test), how.fabric.device),
    }
    data = data_of(bank, learned=learned, spacing=list(bank.volumes[0].spacing))
    return Made(done.net.state_dict(), data, done.history.seconds, fields)


def volume_fields(one: VolumeScore) -> dict[str, Any]:
    """A volume's scores, organ by organ: DSC in 0..1, HD95 in mm; None without such an organ."""
    return {
        "id": one.id,
        "dsc": [None if o.dsc is None else round(o.dsc, 6) for o in one.organs],
        "hd95": [None if o.hd95 is None else round(o.hd95, 3) for o in one.organs],
    }
