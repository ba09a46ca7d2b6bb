"""A short pretraining of the local branch, made where a chapter asks for it and then kept."""

from dataclasses import dataclass
from pathlib import Path

import torch
from filelock import FileLock
from torch import Tensor

from ldl import paths
from ldl.data.colour import normalise
from ldl.data.ct_sources import pretraining_rows, region_maps, slice_bank
from ldl.models.local_unet import LocalUNet
from ldl.rng import seed_everything
from ldl.runs.base import Run
from ldl.runs.lrc import CtConfig, LocalRegionConfig
from ldl.train.device import fabric_for
from ldl.train.local_region import LocallyTrained, pretrain_local


@dataclass(frozen=True)
class Live:
    """A local branch before and after its short training, both in eval mode on the CPU.

    Attributes:
        config: what was trained.
        done: losses and retrieval.
        start: the same network before its first step.
        chance: retrieval of a network that guesses among the regions of a slice, about.
    """

    config: LocalRegionConfig
    done: LocallyTrained
    start: LocalUNet
    chance: float

    @property
    def words(self) -> str:
        """What it is, for captions."""
        one = self.config
        return (
            f"Local branch: width {one.base}, D = {one.features}, {one.steps} steps of "
            f"{one.batch} abdomen phantoms of {one.data.size} pixels, N = {one.samples}, "
            f"seed {one.seed}."
        )


def live_config(profile: str, seed: int = 0) -> LocalRegionConfig:
    """Abdomens, as in the paper; a few steps under ``smoke``, some dozens elsewhere."""
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


def live(config: LocalRegionConfig) -> Live:
    """Train as ``config`` says, or take what an earlier call with the same code kept."""
    folder = kept(config)
    bank = slice_bank(config.data)
    maps = region_maps(bank, config.superpixels, workers=1)
    # Two pages may ask at the same time; the second takes the first one's checkpoint.
    with FileLock(folder.with_suffix(".lock")):
        done = pretrain_local(config, bank, maps, folder=folder, fabric=fabric_for("cpu"))
    seed_everything(config.seed, "initialise", "local region")
    start = LocalUNet(config.base, bank.images.shape[1], config.features)
    done.net.eval()
    watched = len(pretraining_rows(bank, config.part)[1])
    return Live(config, done, start.eval(), watched / max(done.among, 1))


def kept(config: Run) -> Path:
    """Folder of a training that belongs to this version; another one gets another folder."""
    version = "-".join(f"{kind}{number}" for kind, number in config.stamp().items())
    folder = paths.cache_dir() / "chapters" / f"{config.run_id()}-{version}"
    folder.parent.mkdir(parents=True, exist_ok=True)
    return folder


@torch.no_grad()
def features(net: LocalUNet, images: Tensor) -> Tensor:
    """f: (N, 1, S, S) float in 0..1 -> (N, D, S, S), not normalised."""
    found: Tensor = net(normalise(images))
    return found
