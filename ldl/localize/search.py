"""One run of one-shot localization: its network, its matcher, its images, and what comes out."""

import time
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from ldl.data.bank import Bank
from ldl.data.landmarks import landmark_bank
from ldl.errors import ConfigError
from ldl.localize import (
    CentredMatcher,
    EmbeddingMatcher,
    Frame,
    Matcher,
    PlaceMatcher,
    SupportResult,
    TemplateMatcher,
    draw_supports,
    evaluate,
    feature_embedder,
    frame_of,
    network_embedder,
)
from ldl.localize.images import as_image
from ldl.methods import METHODS
from ldl.rng import seed_everything
from ldl.runs.localize import LocalizeConfig
from ldl.runs.pretrain import PretrainConfig
from ldl.train.made import How, Made, data_line

PHANTOMS = 40
DIGITS = 5  # of distances in pixels and of shares, in a record


@dataclass(frozen=True)
class Searched:
    """The images that were searched and one result a support image.

    Attributes:
        frame: how much of a network's window vectors is the place in the frame.
    """

    bank: Bank
    results: list[SupportResult]
    frame: Frame | None


def network_of(config: PretrainConfig, weights: dict[str, Tensor] | None) -> nn.Module:
    """The network of a pretraining in eval mode, as it is before its first step without weights.

    Raises:
        ConfigError: the weights are another network's.
    """
    seed_everything(config.seed, "initialise", config.method)
    net = METHODS[config.method].network(config)
    try:
        if weights is not None:
            net.load_state_dict(weights)
    except RuntimeError as error:
        line = str(error).splitlines()[-1].strip()
        raise ConfigError(f"weights do not fit {config.run_id()}: {line}") from None
    return net.eval()


def matcher_of(run: LocalizeConfig, net: nn.Module | None, mean: Tensor | None = None) -> Matcher:
    """What looks for the point.

    Args:
        net: the network of ``run.network``, on any device.
        mean: of the window vectors at each place, where they are to be centred.
    """
    if run.matcher == "template":
        return TemplateMatcher()
    if run.matcher == "place":
        return PlaceMatcher()
    assert net is not None, "the config asks for a network"
    if run.matcher == "features":
        encoder: nn.Module = net.encoder  # type: ignore[assignment]
        return EmbeddingMatcher(feature_embedder(encoder, stride=run.stride), sigma=run.sigma)
    if mean is None:
        return EmbeddingMatcher(network_embedder(net), sigma=run.sigma)
    return CentredMatcher(network_embedder(net), mean, sigma=run.sigma)


@torch.no_grad()
def frame_in(bank: Bank, matcher: EmbeddingMatcher, window: float) -> Frame:
    """What the window vectors of a bank's images have in common.

    Args:
        window: its side in pixels of these images.
    """
    sides = (window, window)
    return frame_of(
        matcher.vectors(as_image(image, name), sides)
        for name, image in zip(bank.ids, bank.images, strict=True)
    )


def search(
    run: LocalizeConfig,
    weights: dict[str, Tensor] | None,
    device: torch.device,
    *,
    progress: bool = False,
) -> Searched:
    """Each support image of ``run`` against all other images.

    Args:
        run: what is looked for, where, and how.
        weights: of the trained network; None before its first step, or where there is none.
        device: where the network and the filter run.
        progress: show bars.

    Raises:
        DataError: the images are not at hand or damaged.
    """
    count = run.data.images or PHANTOMS
    bank = landmark_bank(
        run.bank, run.landmark, run.data.size, count=count, seed=run.data.seed, progress=progress
    )
    net = network_of(run.network, weights).to(device) if run.network else None
    matcher = matcher_of(run, net)
    frame = None
    if isinstance(matcher, EmbeddingMatcher):
        frame = frame_in(bank, matcher, run.window)
    if frame and run.matcher == "centred":
        matcher = matcher_of(run, net, frame.mean)
    results = evaluate(
        matcher,
        bank.images,
        bank.points,
        window=run.window,
        supports=draw_supports(len(bank.ids), count=run.supports, seed=run.seed),
        ids=bank.ids,
        progress=progress,
    )
    return Searched(bank, results, frame)


def fields(found: Searched) -> dict[str, Any]:
    """For a record: the images' ids once, and for each support image its answers in their order.

    A support image is no query of itself and is left out of its own answers. Of a network also the
    shares of its frame.
    """
    supports = []
    for result in found.results:
        one = result.record()
        one.pop("query_of")
        supports.append({name: rounded(value) for name, value in one.items()})
    whole: dict[str, Any] = {"ids": list(found.bank.ids), "supports": supports}
    if found.frame:
        whole["frame"] = {name: rounded(value) for name, value in found.frame.shares.items()}
    return whole


def rounded(value: Any) -> Any:
    """Numbers with five decimals, in lists too."""
    if isinstance(value, list):
        return [rounded(one) for one in value]
    return round(value, DIGITS) if isinstance(value, float) else value


def make(run: LocalizeConfig, how: How) -> Made:
    """The answers of every support image; nothing is trained."""
    weights = how.before(run.encoder)
    start = time.monotonic()
    found = search(run, weights, how.fabric.device, progress=how.progress)
    seconds = time.monotonic() - start
    return Made(None, data_line(found.bank), seconds, fields(found))
