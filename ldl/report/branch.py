"""A local branch of LRC to look at, after its training and before."""

from dataclasses import dataclass

import numpy as np
import torch

from ldl.data.colour import normalise
from ldl.engine.execute import ensure
from ldl.engine.profiles import profile_named
from ldl.engine.store import Record, RunStore
from ldl.models.local_unet import LocalUNet
from ldl.rng import seed_everything
from ldl.runs.lrc import CtConfig, LocalRegionConfig
from ldl.tables.lrc_runs import SAMPLES, local_config
from ldl.train import checkpoint

Array = np.ndarray


@dataclass(frozen=True)
class Branch:
    """A local branch, both networks in eval mode on the CPU.

    Attributes:
        config: what was trained.
        net, start: the network, and the same before its first step.
        record: of its run.
    """

    config: LocalRegionConfig
    net: LocalUNet
    start: LocalUNet
    record: Record

    @property
    def words(self) -> str:
        """What it is, for captions."""
        one = self.config
        return (
            f"Local branch: width {one.base}, D = {one.features}, {one.steps} steps of "
            f"{one.batch} abdomen phantoms of {one.data.size} pixels, N = {one.samples}, "
            f"seed {one.seed}."
        )


def short_config(profile: str, seed: int = 0) -> LocalRegionConfig:
    """A pretraining that a page can wait for: abdomens, as in the paper, of phantoms."""
    small = profile == "smoke"
    data = CtConfig(
        region="abdomen",
        source="phantom",
        size=32 if small else 64,
        volumes=4 if small else 8,
        slices=8 if small else 24,
        seed=seed,
        budgets=(1,),
    )
    return LocalRegionConfig(
        data=data,
        base=2 if small else 6,
        steps=4 if small else 60,
        batch=3 if small else 6,
        halve_every=0,
        features=8 if small else 32,
        learning_rate=2e-3,
        seed=seed,
    )


def branch(config: LocalRegionConfig, store: RunStore) -> Branch:
    """The branch of ``config``, pretrained now where its weights are not on this machine."""
    record = ensure(config, store, device="cpu", weights=True)
    net, start = _network(config), _network(config)
    net.load_state_dict(checkpoint.load(store.weights(config))[0])
    return Branch(config, net, start, record)


def tables_branch(profile: str, store: RunStore, seed: int = 0) -> Branch:
    """The tables' own branch where it saw phantoms and its weights are here, else a short one.

    One that saw real volumes is not looked at: they could be mistaken for new ones.
    """
    planned = local_config(SAMPLES, profile_named(profile), seed)
    there = planned.data.source == "phantom" and store.weights(planned).exists()
    return branch(planned if there else short_config(profile, seed), store)


@torch.no_grad()
def embeddings(net: LocalUNet, images: Array) -> Array:
    """f of (N, 1, S, S) uint8 slices: (N, D, S, S) float32, not normalised."""
    found: torch.Tensor = net(normalise(torch.from_numpy(images).float() / 255))
    return found.numpy()


def _network(config: LocalRegionConfig) -> LocalUNet:
    """As it is before its first step, by `ldl.train.local_region.pretrain_local`'s draws."""
    seed_everything(config.seed, "initialise", "local region")
    return LocalUNet(config.base, 1, config.features, config.border).eval()
