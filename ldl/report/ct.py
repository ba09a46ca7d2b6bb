"""LRC's material to look at: labelled slices, real or phantoms, and a local branch."""

from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
import torch

from ldl.data.colour import normalise
from ldl.data.ct import CtBank, ct_bank, facts
from ldl.data.manifest import manifest_named
from ldl.data.superpixels import superpixels
from ldl.engine.execute import ensure
from ldl.engine.profiles import profile_named
from ldl.engine.store import Record, RunStore
from ldl.errors import DataError
from ldl.models.organ_net import LocalUNet
from ldl.rng import seed_everything
from ldl.runs.lrc import CtConfig, LocalRegionConfig, SuperpixelConfig
from ldl.tables.lrc_runs import SAMPLES, local_config
from ldl.train import checkpoint

Array = np.ndarray
VOLUMES = 3
TITLES = {"abdomen": "abdomen", "thorax": "thorax", "head_neck": "head and neck"}


@dataclass(frozen=True)
class Case:
    """Some labelled slices of one region.

    Attributes:
        region: "abdomen", "thorax" or "head_neck".
        images: (N, 1, S, S) uint8, windowed.
        labels: (N, S, S) uint8, 0 for background.
        organs: names of the labels 1, 2, ...
        words: what they are, for captions.
        real: whether they are slices of patients.
        showable: whether they may stand in a page; most sets may not be passed on.
    """

    region: str
    images: Array
    labels: Array
    organs: tuple[str, ...]
    words: str
    real: bool
    showable: bool = True

    @property
    def name(self) -> str:
        """What is counted over them is called after them."""
        return TITLES[self.region] + (", real CT" if self.real else "")


def phantom_case(region: str, *, size: int, count: int, seed: int = 0) -> Case:
    """``count`` slices of three phantoms, evenly spread over those that show many organs.

    Many: at least half as many as the slice that shows most.
    """
    bank = _phantoms(region, size, seed)
    return _case(bank, region, count, f"{TITLES[region].capitalize()} phantoms.")


def real_case(region: str, *, size: int, count: int) -> Case | None:
    """The same of the region's stand-in on real CT; None where it is not at hand."""
    name = facts(region).stand_in
    try:
        bank = ct_bank(region, name, size=size, volumes=VOLUMES)
    except DataError:
        return None
    manifest = manifest_named(name)
    words = f"Real CT: {manifest.title}, {manifest.licence.name}."
    return replace(
        _case(bank, region, count, words), real=True, showable=manifest.licence.redistribution
    )


def superpixel_maps(images: Array, config: SuperpixelConfig | None = None) -> Array:
    """Superpixels of (N, 1, S, S) uint8 slices: (N, S, S) int16."""
    return np.stack([superpixels(one, config or SuperpixelConfig()) for one in images])


@lru_cache(maxsize=8)
def _phantoms(region: str, size: int, seed: int) -> CtBank:
    return ct_bank(region, "phantom", size=size, volumes=VOLUMES, slices=16, seed=seed)


def _case(bank: CtBank, region: str, count: int, words: str) -> Case:
    assert bank.labels is not None, "phantoms and stand-ins are labelled"
    # Long scans have many slices with a piece of one organ, which say little about merging.
    shown = np.array([len(np.unique(one[one > 0])) for one in np.asarray(bank.labels)])
    rich = np.flatnonzero(shown >= max(1, shown.max() / 2))
    kept = rich[np.linspace(0, len(rich) - 1, min(count, len(rich))).round().astype(int)]
    images, labels = np.array(bank.images[kept]), np.array(bank.labels[kept])
    return Case(region, images, labels, bank.organs, words, real=False)


def fullest(case: Case) -> Case:
    """The one slice that shows most organs, of those the one with most of their pixels."""
    organs = [len(np.unique(one[one > 0])) for one in case.labels]
    pixels = (case.labels > 0).sum(axis=(1, 2))
    best = max(range(len(organs)), key=lambda k: (organs[k], pixels[k]))
    return replace(case, images=case.images[best : best + 1], labels=case.labels[best : best + 1])


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
