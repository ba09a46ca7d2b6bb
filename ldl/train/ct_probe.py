"""What a pretraining on CT learned, asked of volumes it did not learn from; its weights stay."""

import copy
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from ldl.data.colour import normalise, to_float
from ldl.data.ct import CtBank, pretraining_rows
from ldl.errors import DataError
from ldl.methods import METHODS
from ldl.methods.base import Batch
from ldl.models.organ_net import LocalUNet
from ldl.rng import generator, numpy_generator, seed_everything
from ldl.runs.lrc import GlobalConfig, LocalRegionConfig, ProbeConfig
from ldl.sphere import full_precision
from ldl.train import checkpoint
from ldl.train.comparison import ComparisonStage, at_its_start, read_out
from ldl.train.ct_global import bank_of, data_of
from ldl.train.device import Feed, placed
from ldl.train.made import How, Made, Weights
from ldl.train.pretrain import evaluating

Maps = Callable[[Tensor], list[Tensor]]
ROUNDS = 4  # over the held-out slices, each with new views
PIXELS = 500  # of each organ that a read-out learns from; of the background as many as of all


def make_probe(run: ProbeConfig, how: How) -> Made:
    """The method's own loss, and organs, by the network at random and as it was trained."""
    began, bank = time.monotonic(), bank_of(run.encoder, how)
    weights = how.before(run.encoder)
    start, end = (_network(run.encoder, bank, one).to(how.fabric.device) for one in (None, weights))
    named = {"start": organs_named(run, start, bank, how)}
    for net in (start, end):
        _settle(run, net, bank, how)
    named |= {"settled": organs_named(run, start, bank, how),
              "end": organs_named(run, end, bank, how)}  # fmt: skip
    fields: dict[str, Any] = {
        "organs": ["background", *bank.organs],
        "volumes": [
            {"id": name} | {when: found[name] for when, found in named.items()}
            for name in named["end"]
        ],
    }
    if isinstance(run.encoder, GlobalConfig):
        first, last = (own_loss(run, net, bank, how) for net in (start, end))
        above = max(first - METHODS[run.encoder.method].floor, 1e-9)
        fields |= {"own": [round(first, 5), round(last, 5)]}
        fields |= {"own_fall": round((first - last) / above, 5)}
    return Made(None, data_of(bank), time.monotonic() - began, fields)


def own_loss(run: ProbeConfig, net: Any, bank: CtBank, how: How) -> float:
    """The method's own loss on held-out slices, once its head was trained anew.

    The encoder is frozen, at random or as it was trained, so that it alone makes the difference;
    one optimizer and one length serve every method. Layers that normalise do so over the batch, as
    in training.

    Args:
        net: of the method; what lies beyond its encoder is at its start, and is trained here.
    """
    config, net = run.encoder, placed(net, how.fabric)
    assert isinstance(config, GlobalConfig)
    method = METHODS[config.method]
    learned, watched = (rows.tolist() for rows in pretraining_rows(bank, config.part))
    feed = Feed(bank.images, how.fabric.device)
    stage = ComparisonStage(config, net, feed, learned, None)
    head = [one for one in net.parameters() if one.requires_grad]
    optimizer = torch.optim.Adam(head, run.rate)
    net.train()
    for step in range(1, run.heads + 1):
        loss = torch.stack(list(stage.losses(net).values())).sum()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        stage.after_step(net, step)
    draw, found = generator(config.seed, "probe", "own"), []
    for _ in range(ROUNDS):
        for rows in torch.tensor(watched).split(config.batch):
            with torch.no_grad():
                # A copy: dictionaries and averages take up what they are shown.
                answer = method.losses(copy.deepcopy(net), Batch(feed[rows], rows), config, draw)
            found.append(float(torch.stack(list(answer.losses.values())).sum()))
    return float(np.mean(found))


def organs_named(
    run: ProbeConfig, net: Any, bank: CtBank, how: How
) -> dict[str, list[float | None]]:
    """Of each held-out volume the share of the pixels of background and organs named right.

    By a linear read-out of all maps, enlarged to the slice: least squares with a ridge, on as many
    pixels of each organ of training slices. None where a volume lacks an organ.

    Raises:
        DataError: no labels.
    """
    if bank.labels is None:
        raise DataError(f"{bank.name}: no labels to read organs out for")
    labels, draw = np.asarray(bank.labels), numpy_generator(run.seed, "probe", "organs")
    rows = bank.rows("train")
    rows = rows[(labels[rows] > 0).any(axis=(1, 2))]
    rows = np.sort(draw.permutation(rows)[: run.slices])
    device = how.fabric.device

    def maps(rows: np.ndarray) -> list[Tensor]:
        images = torch.from_numpy(np.ascontiguousarray(bank.images[rows])).to(device)
        with evaluating(net), torch.no_grad():
            found = maps_of(run.encoder, net)(normalise(to_float(images)))
        return [full_precision(one) for one in found]

    values, answers = _sampled(maps, rows, labels, len(bank.organs), draw)
    weights, bias = read_out(values, answers, len(bank.organs) + 1)
    result: dict[str, list[float | None]] = {}
    held = bank.part("validation") + (bank.part("test") if run.encoder.part == "train" else ())
    for volume in held:
        shown = np.arange(volume.first, volume.first + volume.count)[:: run.stride]
        parts = np.array_split(shown, -(-len(shown) // 16))
        named = np.concatenate([_named(maps(p), weights, bias, labels.shape[1:]) for p in parts])
        there = labels[shown]
        result[volume.id] = [
            round(float((named[there == k] == k).mean()), 5) if (there == k).any() else None
            for k in range(len(bank.organs) + 1)
        ]
    return result


def maps_of(config: GlobalConfig | LocalRegionConfig, net: Any) -> Maps:
    """What a pretraining hands over: the maps of its encoder, and of LRC's decoder the last one."""
    if isinstance(config, LocalRegionConfig):
        return lambda images: [*net.encoder(images), net(images)]
    return lambda images: list(net.encoder(images))


def _network(
    config: GlobalConfig | LocalRegionConfig, bank: CtBank, weights: Weights | None
) -> Any:
    """As before its first step, or with what was trained; the encoder frozen."""
    if isinstance(config, LocalRegionConfig):
        seed_everything(config.seed, "initialise", "local region")
        local = LocalUNet(config.base, 1, config.features, config.border)
        local.load_state_dict(weights or local.state_dict())
        return local
    learned, _ = pretraining_rows(bank, config.part)
    net = at_its_start(config, len(learned))
    if weights:
        encoder = checkpoint.under("encoder", weights)
        net.encoder.load_state_dict(encoder)
        if hasattr(net, "teacher"):
            net.teacher["encoder"].load_state_dict(encoder)
    net.encoder.requires_grad_(False)
    return net


def _settle(run: ProbeConfig, net: Any, bank: CtBank, how: How) -> None:
    """Let layers that normalise take up the statistics of the training slices.

    At random they pass on what comes, in training they normalise: two networks, of which a
    fine-tuning starts from the second.
    """
    feed, draw = Feed(bank.images, how.fabric.device), numpy_generator(run.seed, "probe", "settle")
    learned, _ = pretraining_rows(bank, run.encoder.part)
    net.train()
    with torch.no_grad():
        for _ in range(run.batches):
            rows = torch.from_numpy(draw.choice(learned, run.encoder.batch))
            maps_of(run.encoder, net)(normalise(to_float(feed[rows])))


def _sampled(
    maps: Callable[[np.ndarray], list[Tensor]],
    rows: np.ndarray,
    labels: np.ndarray,
    organs: int,
    draw: np.random.Generator,
) -> tuple[Tensor, Tensor]:
    """(n, C) features and (n,) labels of drawn pixels of the slices ``rows``."""
    flat = labels[rows].reshape(-1)
    counts = [PIXELS * organs] + [PIXELS] * organs
    places = np.concatenate(
        [draw.permutation(np.flatnonzero(flat == k))[:count] for k, count in enumerate(counts)]
    )
    places.sort()
    values, pixels = [], flat.size // len(rows)
    for start in range(0, len(rows), 16):
        some = rows[start : start + 16]
        inside = places[(places >= start * pixels) & (places < (start + len(some)) * pixels)]
        picked = torch.from_numpy(inside - start * pixels)
        wide = [_enlarged(one, labels.shape[1:]).movedim(1, -1).flatten(0, 2)[picked].cpu()
                for one in maps(some)]  # fmt: skip
        values.append(torch.cat(wide, dim=1))
    return torch.cat(values), torch.from_numpy(flat[places].astype(np.int64))


def _named(maps: list[Tensor], weights: Tensor, bias: Tensor, shape: tuple[int, ...]) -> np.ndarray:
    """(B, H, W) uint8: what the read-out takes each pixel to be. It is linear, so that it may read
    each map before that is enlarged."""
    first, total = 0, None
    for one in maps:
        part = weights[first : first + one.shape[1]].to(one.device)
        read = _enlarged(torch.einsum("bchw,ck->bkhw", one, part), shape)
        total, first = read if total is None else total + read, first + one.shape[1]
    assert total is not None, "an encoder has maps"
    return (
        (total + bias.to(total.device)[:, None, None]).argmax(dim=1).to(torch.uint8).cpu().numpy()
    )


def _enlarged(maps: Tensor, shape: tuple[int, ...]) -> Tensor:
    return F.interpolate(maps, tuple(shape), mode="bilinear", align_corners=False)
