"""One run of shape-guided segmentation: from its config to what its record holds."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from lightning_fabric import Fabric
from torch import Tensor, nn

from ldl.config_shape import GuideConfig, ShapeConfig
from ldl.data.bank import ImageBank
from ldl.data.colour import normalise, to_float
from ldl.data.field import field_masks
from ldl.data.shape_prior import shape_prior
from ldl.data.sources import pretraining_bank, task_bank
from ldl.errors import ConfigError
from ldl.experiments.shape.rows import COLUMNS
from ldl.methods.guided import GuidedNet
from ldl.metrics import dsc
from ldl.metrics_shape import collapse, shape_of
from ldl.rng import generator
from ldl.train.feed import Feed
from ldl.train.loop import History, Plan
from ldl.train.pseudo import label_images, target_maps
from ldl.train.references import References
from ldl.train.synthesis import synthesise
from ldl.train.target import PseudoPairs, SyntheticPairs, train_target

THRESHOLD = 0.5
BATCH = 8
# (B, 3, S, S) normalised images -> (B, S, S) probabilities of the target.
Predictor = Callable[[Tensor], Tensor]


@dataclass
class Made:
    """What a run made: its predictor, and the rest of its record.

    Attributes:
        predict: the target's probability.
        weights: of the network that was trained, if one was.
        histories: losses by phase.
        images: unlabelled images that were at hand.
        extra: further fields of the record.
        seconds: of training.
    """

    predict: Predictor
    weights: dict[str, Tensor] | None = None
    histories: dict[str, History] = field(default_factory=dict)
    images: ImageBank | None = None
    extra: dict[str, Any] = field(default_factory=dict)

    @property
    def seconds(self) -> float:
        """Of training, interruptions left out."""
        return sum(history.seconds for history in self.histories.values())


def guided_net(config: GuideConfig, weights: dict[str, Tensor], device: torch.device) -> GuidedNet:
    """A trained guide in eval mode.

    Raises:
        ConfigError: the weights are another network's.
    """
    net = GuidedNet(config)
    try:
        net.load_state_dict(weights)
    except RuntimeError as error:
        line = str(error).splitlines()[-1].strip()
        raise ConfigError(f"weights do not fit {config.run_id()}: {line}") from None
    return net.eval().to(device)


def make(
    run: ShapeConfig,
    guide: dict[str, Tensor] | None,
    *,
    folder: Path,
    fabric: Fabric,
    identity: dict[str, Any],
    progress: bool = False,
) -> Made:
    """Train what ``run`` asks for.

    Args:
        run: which output.
        guide: weights of the trained guide; None for the baselines.
        folder: for checkpoints.
        fabric: device and precision.
        identity: fields that a checkpoint must agree with.
        progress: show progress bars.
    """
    if run.guide is None:
        return _baseline(run, folder, fabric, identity, progress)
    assert guide is not None, "the config asks for a guide"
    net = guided_net(run.guide, guide, fabric.device)
    if run.refine:
        return _refined(run, net, folder, fabric, identity, progress)
    number, temperature = ("ori", "clu").index(run.output), run.guide.region.region_temperature
    return Made(lambda images: target_maps(net, images, temperature)[number])


def _refined(
    run: ShapeConfig,
    net: GuidedNet,
    folder: Path,
    fabric: Fabric,
    identity: dict[str, Any],
    progress: bool,
) -> Made:
    assert run.guide is not None
    assert run.refine is not None
    region, refine = run.guide.region, run.refine
    bank = pretraining_bank(region.data, region.modality)
    rows = list(range(len(bank.ids)))[: refine.images]
    labelled = label_images(
        net,
        Feed(bank.images, fabric.device),
        rows,
        crop=region.crop,
        augmentations=refine.augmentations,
        temperature=region.region_temperature,
        generator=generator(run.seed, "pseudo labels"),
    )
    pairs = PseudoPairs(labelled, refine.weight, refine.batch, generator(run.seed, "refine"))
    trained, history = train_target(
        pairs,
        Plan(refine.steps, refine.learning_rate, refine.halve_every),
        base=region.base,
        seed=run.seed,
        folder=folder,
        fabric=fabric,
        identity={**identity, "config": run.model_dump(mode="json"), "data": bank.fingerprint},
        progress=progress,
    )
    extra = {
        "labelled_images": len(rows),
        "labelled_share": round(float(labelled.labels.mean()), 5),
        "mean_doubt": round(float(labelled.doubt.mean()), 5),
    }
    return Made(probability(trained), trained.state_dict(), {"refine": history}, bank, extra)


def _baseline(
    run: ShapeConfig, folder: Path, fabric: Fabric, identity: dict[str, Any], progress: bool
) -> Made:
    assert run.synthesis is not None
    config = run.synthesis
    bank = pretraining_bank(config.images, "fundus")
    prior = shape_prior(config.images, run.prior, config.masks)
    identity = {**identity, "data": bank.fingerprint}
    done = synthesise(
        config, run.seed, bank, prior,
        folder=folder / "synthesis", fabric=fabric, identity=identity, progress=progress,
    )  # fmt: skip
    histories = {"synthesis": done.history}
    judges = done.watch.mean(dim=1).numpy()
    extra = {"judges": [round(float(v), 5) for v in _ends(judges)]}
    # The generator of photographs is kept: Figure 8 shows what it makes.
    weights = {f"to_image.{k}": v for k, v in done.net.to_image.state_dict().items()}
    if done.net.segment is not None:
        segment: nn.Module = done.net.segment.eval()
    else:
        drawn = generator(run.seed, "synthetic pairs")
        references = References(prior, config.crop, drawn, fabric.device)
        segment, histories["segment"] = train_target(
            SyntheticPairs(done.net.to_image, references, BATCH),
            Plan(config.segment_steps, config.segment_rate),
            base=config.segment_base,
            seed=run.seed,
            folder=folder / "segment",
            fabric=fabric,
            identity={**identity, "config": run.model_dump(mode="json")},
            progress=progress,
        )
    weights |= {f"segment.{k}": v for k, v in segment.state_dict().items()}
    return Made(probability(segment), weights, histories, bank, extra)


def _ends(values: np.ndarray) -> list[float]:
    """Mean of the first and of the last tenth."""
    tenth = max(1, len(values) // 10)
    return [float(values[:tenth].mean()), float(values[-tenth:].mean())]


def probability(net: nn.Module) -> Predictor:
    """A network of scores (B, 1, S, S) as a predictor, in eval mode."""

    def predict(images: Tensor) -> Tensor:
        scores: Tensor = net(images)[:, 0]
        return scores.float().sigmoid()

    net.eval()
    return predict


@torch.no_grad()
def predicted(predict: Predictor, images: np.ndarray, device: torch.device) -> np.ndarray:
    """The target's probability in each image, without augmentation.

    Args:
        predict: of a run.
        images: (N, 3, S, S) uint8.
        device: where it runs.

    Returns:
        (N, S, S) float32.
    """
    feed = Feed(images, device)
    parts = [
        predict(normalise(to_float(feed[torch.arange(start, min(start + BATCH, len(images)))])))
        for start in range(0, len(images), BATCH)
    ]
    found: np.ndarray = torch.cat(parts).cpu().numpy()
    return found


def scores(predict: Predictor, run: ShapeConfig, device: torch.device) -> dict[str, Any]:
    """DSC of each test image inside the field of view, and what the target regions look like.

    Args:
        predict: of :func:`make`.
        run: whose test images, and whose reference masks say what is vessel-like.
        device: where it runs.

    Returns:
        ``tests`` by task (ids, dsc, share, truth_share), ``shape`` of all, ``reference`` of the
        masks, and ``collapse``, see `ldl.metrics_shape`.
    """
    tests, regions, fields = {}, [], []
    for task in COLUMNS:
        bank = task_bank(run.data, task)
        rows = bank.rows("test")
        images, truth = np.array(bank.images[rows]), np.array(bank.masks[rows]) > 0
        inside = field_masks(images)
        region = (predicted(predict, images, device) > THRESHOLD) & inside
        tests[task] = {
            "ids": [bank.ids[row] for row in rows],
            "fingerprint": bank.fingerprint,
            "dsc": [round(float(v), 6) for v in dsc(region, truth & inside)],
            "share": round(float(region.sum() / inside.sum()), 5),
            "truth_share": round(float((truth & inside).sum() / inside.sum()), 5),
        }
        regions.append(region)
        fields.append(inside)
    found = shape_of(np.concatenate(regions), np.concatenate(fields))
    reference = shape_of(shape_prior(run.data, run.prior, _masks(run)).masks[:, 0])
    return {
        "tests": tests,
        "shape": found.record(),
        "reference": reference.record(),
        "collapse": collapse(found, reference),
    }


def _masks(run: ShapeConfig) -> int:
    source = run.guide or run.synthesis
    assert source is not None
    return source.masks


def data_fields(found: dict[str, Any]) -> dict[str, Any]:
    """A record's ``data``: the test sets that were scored, with their fingerprints."""
    tests = found["tests"]
    return {
        "name": ", ".join(tests),
        "fingerprint": "-".join(one["fingerprint"][:8] for one in tests.values()),
        "test": sum(len(one["ids"]) for one in tests.values()),
    }
