"""The local branch that the tables' plan pretrains, to look at; else a short training's."""

from dataclasses import dataclass

from ldl.engine.profiles import profile_named
from ldl.engine.store import RunStore
from ldl.experiments.lrc.configs import local_config
from ldl.experiments.lrc.live import live, live_config
from ldl.models.local_unet import LocalUNet
from ldl.rng import seed_everything
from ldl.runs.lrc import LocalRegionConfig
from ldl.train import checkpoint

SAMPLES = 50  # N of the paper


@dataclass(frozen=True)
class Branch:
    """A local branch after and before its training, both in eval mode.

    Attributes:
        config: what was trained.
        net, start: the network and the same before its first step.
        words: what it is, for captions.
    """

    config: LocalRegionConfig
    net: LocalUNet
    start: LocalUNet
    words: str


def branch(profile: str, seed: int = 0) -> Branch:
    """The plan's local branch where it was trained on phantoms and its weights are here.

    Elsewhere one is trained shortly: volumes of real sets that a plan's branch has seen could then
    not be mistaken for new ones.
    """
    config, store = local_config(SAMPLES, profile_named(profile), seed), RunStore()
    if config.data.source != "phantom" or not store.weights(config).exists():
        one = live(live_config(profile, seed))
        return Branch(one.config, one.done.net, one.start, one.words)
    net, start = _network(config), _network(config)
    net.load_state_dict(checkpoint.load(store.weights(config))[0])
    words = (
        f"Local branch: that of the tables, width {config.base}, D = {config.features}, "
        f"{config.steps} steps of {config.batch} abdomen phantoms of {config.data.size} pixels, "
        f"N = {SAMPLES}, seed {config.seed}."
    )
    return Branch(config, net, start, words)


def _network(config: LocalRegionConfig) -> LocalUNet:
    """As it is before its first step."""
    seed_everything(config.seed, "initialise", "local region")
    return LocalUNet(config.base, 1, config.features).eval()
