"""Training the guided clustering: region discrimination against a judge of shapes (LDL 6.2.1)."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ldl.data.bank import Bank
from ldl.data.colour import normalise
from ldl.data.prepare import ShapePrior, pretraining_bank, shape_prior
from ldl.data.preprocess import field_masks, lit_in_views
from ldl.data.views import VIEW_DEGREES, ViewPair, draw_views
from ldl.errors import DataError
from ldl.losses.adversarial import judge_loss, reference_penalty
from ldl.methods.guided import GuidedNet, Surroundings, guided_losses, with_noise
from ldl.metrics import Shape, collapse, shape_of
from ldl.models.segmentation import OwnTargetNet
from ldl.rng import generator, seed_everything
from ldl.runs.shape import GuideConfig
from ldl.train.device import Feed, placed
from ldl.train.loop import EpochStage, History, Plan
from ldl.train.made import How, Made, Weights, curves, data_line
from ldl.train.opponent import Opponent
from ldl.train.pretrain import held_out_retrieval, held_out_rows
from ldl.train.references import REFERENCES, drawn_shape
from ldl.train.target import at_scale, target_maps

# Side of the closing's square in pixels; of the rim of the field of view that is left out; pixels
# of a batch; spread of the scores; ridge, in the mean variance of a feature.
SIDE, EDGE, PIXELS, SPREAD, RIDGE = 11, 6, 20_000, 2.0, 1e-2
GREEN = 1


def darkness(images: Tensor) -> Tensor:
    """Black top-hat of the green channel: its closing by a square minus itself, smoothed by 3x3.

    Args:
        images: (B, 3, H, W) float.

    Returns:
        (B, 1, H, W), at least 0, large on thin structures that are darker than both their sides.
    """
    green = images[:, GREEN : GREEN + 1]
    green = F.avg_pool2d(green, 3, stride=1, padding=1, count_include_pad=False)
    return -_largest(-_largest(green, SIDE), SIDE) - green


def _largest(values: Tensor, side: int) -> Tensor:
    """Over squares: along rows, then along columns, which looks at 2 sides and not at side²."""
    rows = F.max_pool2d(values, (1, side), stride=1, padding=(0, side // 2))
    return F.max_pool2d(rows, (side, 1), stride=1, padding=(side // 2, 0))


@torch.no_grad()
def start_dark(
    net: OwnTargetNet,
    batches: list[tuple[ViewPair, Tensor]],
    share: float,
    bright: bool = False,
) -> float:
    """Set the target's last convolution to the ridge regression of `darkness` on its features.

    Vessels of a fundus are dark, those of an OCTA bright; a mask says neither, and a net that
    begins at random follows bright rims beside vessels as readily as the vessels.

    Args:
        net: after step 1; changed in place. Its statistics are the batches' (training mode).
        batches: views, and where they are inside the field of view (2B, 1, S, S).
        share: of the image that is target at first.
        bright: predict what is brighter than on both its sides instead.

    Returns:
        The correlation of the scores with what they predict.
    """
    block, last = net.target_branch()
    found, wanted = [], []
    for views, inside in batches:
        images = torch.cat([views.first, views.second])
        shared = net.decoder(net.encoder(images))
        padded = F.pad(block(shared).float(), (1, 1, 1, 1), mode="replicate")
        pixels = F.unfold(padded, 3).transpose(1, 2).flatten(0, 1)
        away = -_largest(-inside, 2 * EDGE + 1).flatten() > 0
        rows = away.nonzero()[:, 0]
        rows = rows[:: max(1, len(rows) // PIXELS)]
        found.append(pixels[rows])
        shown = images.float()
        wanted.append(darkness(-shown if bright else shown).flatten()[rows])
    features, target = torch.cat(found).double(), torch.cat(wanted).double()
    features, target = features - features.mean(dim=0), target - target.mean()
    ridge = RIDGE * len(features) * features.var(dim=0).mean()
    moments = features.T @ features + ridge * torch.eye(features.shape[1]).to(features)
    weight = torch.linalg.solve(moments, features.T @ target)
    scores = torch.cat(found).double() @ weight
    scale = SPREAD / scores.std()
    cut = scores.sort().values[round((1 - share) * (len(scores) - 1))]
    last.weight[0] = (weight * scale).view_as(last.weight[0]).to(last.weight)
    assert last.bias is not None, "the last convolution of a branch has one"
    last.bias[0] = -cut * scale
    return float(torch.corrcoef(torch.stack([scores, target]))[0, 1])


# The field's edge is dark, long and of constant width; no judge is to see what is this close to it.
RIM = 16
POINTS, BATCH = 100, 8  # of a curve; of images
THRESHOLD = 0.5
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
    return -_largest(-inside, 2 * rim + 1)


class GuideStage(EpochStage):
    """f and g take the loop's step, then d takes its own on the same target regions."""

    net: GuidedNet

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
    config: GuideConfig, bank: Bank, prior: ShapePrior, how: How, start: Weights | None = None
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
    placed(net, how.fabric)
    feed = Feed(bank.images, how.fabric.device)
    train, held = held_out_rows(len(bank.images))
    before = held_out_retrieval(net, feed, held, region, how.fabric)
    stage = GuideStage(config, net, feed, train, prior)
    stage.begin()
    plan = Plan(region.steps, region.learning_rate, region.halve_every)
    history = how.fit(config, stage, plan, bank.fingerprint, prior=prior.fingerprint)
    after = held_out_retrieval(net, feed, held, region, how.fabric)
    return Guided(net, history, torch.stack(stage.watch).cpu(), before, after, held)


def fields(run: GuideConfig, done: Guided, bank: Bank) -> dict[str, Any]:
    """For a record: the curves of what was watched, and the target region of held-out images.

    ``collapse`` is what `ldl.metrics.collapse` finds there, "" where it is vessel-like.
    """
    parts = np.array_split(done.watch.numpy(), min(POINTS, len(done.watch)))
    means = np.stack([part.mean(axis=0) for part in parts])
    watch = {name: [round(float(v), 5) for v in means[:, k]] for k, name in enumerate(WATCHED)}
    found = _held_out(run, done, bank)
    prior = shape_prior(run.data, run.prior, run.masks)
    reference = drawn_shape(prior, run.references, run.region.crop)
    return {
        "watch": watch,
        "retrieval": round(done.retrieval, 5),
        "retrieval_before": round(done.retrieval_before, 5),
        "retrieval_among": 2 * run.region.groups * run.region.patch_grid**2,
        "shape": found.record(),
        "reference": reference.record(),
        "collapse": collapse(found, reference),
    }


def _held_out(run: GuideConfig, done: Guided, bank: Bank) -> Shape:
    net = done.net.eval()
    device = next(net.parameters()).device
    images = at_scale(torch.from_numpy(np.array(bank.images[done.rows])), run.region)
    window = None if run.references == "whole" else run.region.crop
    inside = field_masks((images * 255).round().to(torch.uint8).numpy())
    found = [
        target_maps(net, normalise(part.to(device)), run.region.region_temperature)[0].cpu()
        for part in images.split(BATCH)
    ]
    return shape_of(torch.cat(found).numpy() > THRESHOLD, inside, window)


def make_guide(run: GuideConfig, how: How) -> Made:
    """Guided clustering, after its step 1."""
    start = how.before(run.step1)
    bank = pretraining_bank(run.data, run.region.modality)
    done = guide(run, bank, shape_prior(run.data, run.prior, run.masks), how, start)
    found = {"losses": curves(done.history), **fields(run, done, bank)}
    return Made(done.net.state_dict(), data_line(bank), done.history.seconds, found)
