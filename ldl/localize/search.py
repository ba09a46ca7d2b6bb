"""One run of one-shot localization: its network, its matcher, its images, and what comes out."""

import time
from typing import Any

import torch
from torch import Tensor, nn

from ldl.data.bank import Bank
from ldl.data.landmarks import landmark_bank
from ldl.errors import ConfigError
from ldl.localize import (
    CentredMatcher,
    EmbeddingMatcher,
    Matcher,
    PlaceMatcher,
    TemplateMatcher,
    draw_supports,
    evaluate,
    feature_embedder,
    frame_of,
    network_embedder,
)
from ldl.localize.matchers import as_image
from ldl.methods import METHODS
from ldl.rng import seed_everything
from ldl.runs.localize import LocalizeConfig
from ldl.runs.pretrain import PretrainConfig
from ldl.train.made import How, Made, data_line

PHANTOMS = 40
DIGITS = 5  # of distances in pixels and of shares, in a record


def network_of(config: PretrainConfig, weights: dict[str, Tensor] | None) -> nn.Module:
    """The network of a pretraining in eval mode, as it is before its first step without weights."""
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
    """What looks for the point, with the network of ``run.network`` and, to centre, the mean."""
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
def search(
    run: LocalizeConfig,
    weights: dict[str, Tensor] | None,
    device: torch.device,
    *,
    progress: bool = False,
) -> tuple[Bank, dict[str, Any]]:
    """Each support image of ``run`` against all other images: the images, and a record's fields.

    These are the images' ids, for each support its `support_result` in their order (it is no query
    of itself), and of a network how much of its window vectors is the place in the frame. Without
    ``weights`` the network is as before its first step.
    """
    count = run.data.images or PHANTOMS
    bank = landmark_bank(
        run.bank, run.landmark, run.data.size, count=count, seed=run.data.seed, progress=progress
    )
    net = network_of(run.network, weights).to(device) if run.network else None
    matcher, shares = matcher_of(run, net), {}
    if isinstance(matcher, EmbeddingMatcher):
        given = (as_image(image, id) for id, image in zip(bank.ids, bank.images, strict=True))
        frame = frame_of(matcher.vectors(image, (run.window, run.window)) for image in given)
        shares = {"frame": _rounded(frame.shares)}
        matcher = matcher_of(run, net, frame.mean if run.matcher == "centred" else None)
    results = evaluate(
        matcher,
        bank.images,
        bank.points,
        window=run.window,
        supports=draw_supports(len(bank.ids), count=run.supports, seed=run.seed),
        ids=bank.ids,
        progress=progress,
    )
    for one in results:
        del one["query_of"]
    return bank, {"ids": list(bank.ids), "supports": _rounded(results), **shares}


def _rounded(value: Any) -> Any:
    """Numbers with five decimals, in lists and dicts too."""
    if isinstance(value, dict):
        return {name: _rounded(one) for name, one in value.items()}
    if isinstance(value, list):
        return [_rounded(one) for one in value]
    return round(value, DIGITS) if isinstance(value, float) else value


def make(run: LocalizeConfig, how: How) -> Made:
    """The answers of every support image; nothing is trained."""
    weights = how.before(run.encoder)
    start = time.monotonic()
    bank, fields = search(run, weights, how.fabric.device, progress=how.progress is True)
    return Made(None, data_line(bank), time.monotonic() - start, fields)
