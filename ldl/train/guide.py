"""Training the guided clustering: region discrimination against a judge of shapes (LDL 6.2.1)."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ldl.data.bank import Bank
from ldl.data.prepare import ShapePrior
from ldl.data.preprocess import lit_in_views
from ldl.data.views import VIEW_DEGREES, ViewPair, draw_views
from ldl.errors import DataError
from ldl.losses.adversarial import judge_loss, reference_penalty
from ldl.methods.guided import GuidedNet, Surroundings, guided_losses, with_noise
from ldl.models.segmentation import OwnTargetNet
from ldl.rng import generator, seed_everything
from ldl.runs.shape import GuideConfig
from ldl.train.dark_start import start_dark
from ldl.train.device import Fabric, Feed
from ldl.train.loop import EpochStage, History, Plan, fit
from ldl.train.opponent import Opponent
from ldl.train.pretrain import held_out_retrieval, held_out_rows
from ldl.train.references import REFERENCES

# The field's edge is dark, long and of constant width; no judge is to see what is this close to it.
RIM = 16
START_BATCHES = 12  # that the target's start is estimated on
# What is watched at each step: L_d, d's mean belief in references and in target regions, and the
# target's mean share of the picture.
WATCHED = ("judge", "believed_reference", "believed_target", "share")


@dataclass(frozen=True)
class Guided:
    """A trained clustering and what was seen on the way.

    Attributes:
        net: f, g and d.
        history: losses of f and g.
        watch: (steps, 4) float32, columns as `WATCHED`.
        retrieval_before, retrieval: of held-out patches, see `ldl.train.pretrain`.
        rows: numbers of the held-out images.
    """

    net: GuidedNet
    history: History
    watch: Tensor
    retrieval_before: float
    retrieval: float
    rows: list[int]


def narrowed(inside: Tensor, rim: int) -> Tensor:
    """(B, 1, S, S) 0 or 1 -> 1 where no 0 is within ``rim`` pixels, along either axis."""
    return -F.max_pool2d(-inside, 2 * rim + 1, stride=1, padding=rim)


class GuideStage(EpochStage):
    """f and g take the loop's step, then d takes its own on the same target regions."""

    def __init__(
        self, config: GuideConfig, net: GuidedNet, feed: Feed, rows: list[int], prior: ShapePrior
    ) -> None:
        region = config.region
        draw = generator(config.seed, "guide", config.prior)
        super().__init__(net, rows, 2 * region.groups, draw)
        self.config, self.net, self.feed = config, net, feed
        self.references = REFERENCES[config.references](
            prior, region.crop, self.generator, feed.device
        )
        self.opponent = Opponent(
            net.judge,
            Plan(region.steps, config.judge_rate, region.halve_every),
            betas=(config.judge_momentum, 0.999),
        )
        self.target = torch.empty(0)
        self.watch: list[Tensor] = []

    def trainable(self) -> Iterable[nn.Parameter]:
        """f and g; the judge has an optimiser of its own."""
        return self.net.local.parameters()

    def losses(self, model: nn.Module) -> dict[str, Tensor]:
        """Stage two of the paper's alternation: Eq. 33 on the next batch."""
        views, inside = self.views()
        zeroed = narrowed(inside, RIM) if self.config.field == "zeroed" else None
        around = Surroundings(zeroed, self.references.share)
        losses, self.target = guided_losses(
            model, self.net.judge, views, self.config, self.generator, around
        )
        return losses

    def views(self) -> tuple[ViewPair, Tensor]:
        """Two views of each of the next images, and where they are lit (2B, 1, S, S)."""
        images, region = self.feed[self.sampler.draw()], self.config.region
        degrees = 0.0 if self.config.agreement else VIEW_DEGREES
        views = draw_views(
            images, region.crop, region.symmetries, self.generator, region.scale, degrees
        )
        return views, lit_in_views(images, views)

    def begin(self) -> None:
        """Give the target its start, see `GuideConfig.start`."""
        if self.config.start != "random":
            assert isinstance(self.net.local, OwnTargetNet)
            batches = [self.views() for _ in range(START_BATCHES)]
            start_dark(
                self.net.local, batches, self.references.share, self.config.start == "bright"
            )

    def after_step(self, model: nn.Module, step: int) -> None:
        """Stage one: Eq. 31 on as many reference masks as there are target regions."""
        reference = self.references.draw(len(self.target))
        reference = with_noise(reference, self.config.judge_noise, self.generator)
        reference.requires_grad_(self.config.judge_penalty > 0)
        with self.opponent.thawed():
            yes, no = self.net.judge(reference), self.net.judge(self.target)
            loss = judge_loss(yes, no)
            if self.config.judge_penalty:
                steep = reference_penalty(yes, reference)
                loss = loss + self.config.judge_penalty / 2 * steep
            self.opponent.update(loss, step - 1)
        seen = [loss, yes.sigmoid().mean(), no.sigmoid().mean(), self.target.mean()]
        self.watch.append(torch.stack([each.detach().float() for each in seen]))

    def state(self) -> dict[str, Tensor]:
        """The rest of the epoch, what was watched, and the judge's moments."""
        # A resumed run holds values on the CPU beside new ones on the device.
        watch = [each.cpu() for each in self.watch]
        seen = torch.stack(watch) if watch else torch.empty(0, len(WATCHED))
        judge = {f"judge.{name}": value for name, value in self.opponent.state().items()}
        return {**super().state(), "watch": seen, **judge}

    def restore(self, state: dict[str, Tensor]) -> None:
        super().restore(state)
        self.watch = list(state["watch"])
        self.opponent.restore(
            {name[6:]: value for name, value in state.items() if name.startswith("judge.")}
        )


def guide(
    config: GuideConfig,
    bank: Bank,
    prior: ShapePrior,
    *,
    folder: Path,
    fabric: Fabric,
    start: dict[str, Tensor] | None = None,
    identity: dict[str, Any] | None = None,
    progress: bool = False,
) -> Guided:
    """Train as ``config`` says.

    Args:
        bank: unlabelled images, (N, 3, size, size) uint8.
        prior: reference masks of the same size.
        start: weights of the Pd+mix that f and g start from; the clustering branch is new.
    """
    region = config.region
    if len(bank.images) < 4 * region.groups:
        raise DataError(
            f"{bank.name}: {len(bank.images)} images are too few for {region.groups} groups; "
            f"at least {4 * region.groups} are needed"
        )
    seed_everything(config.seed, "initialise", "guide")
    net = GuidedNet(config)
    if start:
        net.local.load_state_dict({**net.local.state_dict(), **start})
    net.to(memory_format=torch.channels_last).to(fabric.device)  # type: ignore[call-overload]
    feed = Feed(bank.images, fabric.device)
    train, held = held_out_rows(len(bank.images))
    before = held_out_retrieval(net, feed, held, region, fabric)
    stage = GuideStage(config, net, feed, train, prior)
    stage.begin()
    history = fit(
        stage,
        Plan(region.steps, region.learning_rate, region.halve_every),
        folder=folder,
        identity={
            "config": config.model_dump(mode="json"),
            "prior": prior.fingerprint,
            **(identity or {}),
        },
        fabric=fabric,
        title=config.run_id(),
        progress=progress,
    )
    after = held_out_retrieval(net, feed, held, region, fabric)
    return Guided(net, history, torch.stack(stage.watch).cpu(), before, after, held)
