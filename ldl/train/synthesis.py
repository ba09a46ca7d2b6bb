"""Training the translation between masks and images, in SynSeg with its segmentation network."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from ldl.data.bank import Bank
from ldl.data.colour import jitter_colour, normalise, to_float
from ldl.data.prepare import ShapePrior
from ldl.data.preprocess import lit
from ldl.data.sampling import random_affine
from ldl.data.views import BASE_DEGREES, window_of
from ldl.losses.adversarial import squares_judge
from ldl.methods.synthesis import SynthesisNet, as_signed, synthesis_losses
from ldl.rng import generator, seed_everything
from ldl.runs.shape import ShapeConfig, SynthesisConfig
from ldl.train import checkpoint
from ldl.train.device import Feed
from ldl.train.loop import EpochStage, History, Plan
from ldl.train.made import How
from ldl.train.opponent import ImagePool, Opponent
from ldl.train.pretrain import held_out_rows
from ldl.train.references import REFERENCES

BETAS = (0.5, 0.999)  # Zhu et al. 2017
SIDES = ("image", "mask")
COLOURS = 4  # of each synthetic image that SynSeg's network is shown, where they vary
TRIES = 20  # how often a dark window is drawn again


@dataclass(frozen=True)
class Synthesised:
    """A trained translation; ``watch`` (steps, 1) is the discriminators' loss."""

    net: SynthesisNet
    history: History
    watch: Tensor


class SynthesisStage(EpochStage):
    """The generators take the loop's step, then both discriminators take theirs together."""

    net: SynthesisNet

    def __init__(
        self,
        config: SynthesisConfig,
        seed: int,
        net: SynthesisNet,
        feed: Feed,
        rows: list[int],
        prior: ShapePrior,
    ) -> None:
        draw = generator(seed, "synthesis", "joint" if net.segment else "apart")
        super().__init__(net, rows, config.batch, draw)
        self.config, self.net, self.feed = config, net, feed
        self.references = REFERENCES[config.scale](prior, config.crop, self.generator, feed.device)
        plan = Plan(config.steps, config.learning_rate, config.halve_every)
        self.opponent = Opponent(net.judges, plan, BETAS)
        self.pools = {side: ImagePool(config.pool, self.generator) for side in SIDES}
        self.real: dict[str, Tensor] = {}
        self.made: dict[str, Tensor] = {}
        self.watch: list[Tensor] = []

    def trainable(self) -> Iterable[Any]:
        """Both generators and SynSeg's network, with the original's Adam."""
        return [{"params": self.net.translators(), "betas": BETAS}]

    def losses(self, model: nn.Module) -> dict[str, Tensor]:
        """The translators' losses on the next images and as many masks."""
        mask = as_signed(self.references.draw(self.config.batch))
        image = as_signed(self._images())
        out = model(mask, image, self._varied if self.config.jitter else None)
        self.real = {"image": image, "mask": mask}
        self.made = {side: out[side].detach().float() for side in SIDES}
        return synthesis_losses(out, self.net.judges, mask, image, self.config)

    def after_step(self, model: nn.Module, step: int) -> None:
        """The discriminators' losses, translations partly from the pools."""
        shown = {side: self.pools[side].swap(self.made[side]) for side in SIDES}
        with self.opponent.thawed():
            judges = self.net.judges
            parts = [
                squares_judge(judges[side](self.real[side]), judges[side](shown[side]))
                for side in SIDES
            ]
            loss = torch.stack(parts).sum()
            self.opponent.update(loss, step - 1)
        self.watch.append(loss.detach().float()[None])

    def state(self) -> dict[str, Tensor]:
        watch = [each.cpu() for each in self.watch]
        state = {
            **super().state(),
            "watch": torch.stack(watch) if watch else torch.empty(0, 1),
            **checkpoint.prefixed("judges", self.opponent.state()),
        }
        for side, pool in self.pools.items():
            state |= checkpoint.prefixed(f"pool_{side}", pool.state())
        return state

    def restore(self, state: dict[str, Tensor]) -> None:
        super().restore(state)
        self.watch = list(state["watch"])
        self.opponent.restore(checkpoint.under("judges", state))
        for side, pool in self.pools.items():
            pool.restore(checkpoint.under(f"pool_{side}", state), self.feed.device)

    def _varied(self, signed: Tensor) -> Tensor:
        images = ((signed + 1) / 2).repeat(COLOURS, 1, 1, 1)
        return as_signed(jitter_colour(images, self.generator))

    def _images(self) -> Tensor:
        images = self.feed[self.sampler.draw()]
        found = self._windows(images)
        for _ in range(TRIES):
            dark = (lit(normalise(found)).mean(dim=(1, 2)) < self.config.lit).nonzero()[:, 0]
            if not len(dark):
                break
            found[dark] = self._windows(images[dark])
        return found

    def _windows(self, images: Tensor) -> Tensor:
        crop = self.config.crop
        area, widest = window_of(self.config.scale, crop, images.shape[-1])
        affine = random_affine(
            len(images), degrees=BASE_DEGREES, area=area, generator=self.generator, widest=widest
        )
        return affine.sample(to_float(images), crop)


def synthesise(run: ShapeConfig, bank: Bank, prior: ShapePrior, how: How) -> Synthesised:
    """Train the translation of a baseline; no ``segment_steps`` means SynSeg's joint training.

    Args:
        bank: real images, (N, 3, size, size) uint8.
        prior: reference masks of the same size.
    """
    assert run.synthesis is not None
    config, train = run.synthesis, held_out_rows(len(bank.images))[0]
    seed_everything(run.seed, "initialise", "synthesis")
    net = SynthesisNet(config, joint=not config.segment_steps).to(how.fabric.device)
    stage = SynthesisStage(
        config, run.seed, net, Feed(bank.images, how.fabric.device), train, prior
    )
    plan = Plan(config.steps, config.learning_rate, config.halve_every)
    history = how.fit(run, stage, plan, bank.fingerprint, "synthesis", prior=prior.fingerprint)
    return Synthesised(net, history, torch.stack(stage.watch).cpu())
