"""One run of shape-guided segmentation: what it trains, and how it predicts."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ldl.data.bank import Bank
from ldl.data.colour import to_uint8
from ldl.data.prepare import pretraining_bank, shape_prior
from ldl.data.preprocess import field_masks, lit
from ldl.data.sampling import DIHEDRAL, apply_symmetry, undo_symmetry
from ldl.errors import ConfigError
from ldl.methods.guided import GuidedNet
from ldl.rng import generator
from ldl.runs.shape import GuideConfig, ShapeConfig
from ldl.train.device import Fabric, Feed
from ldl.train.loop import History, Plan
from ldl.train.pseudo import label_images, target_maps
from ldl.train.references import REFERENCES, drawing_of, drawn_shape, masks_of
from ldl.train.shape.cut import Cut, top_hat
from ldl.train.synthesis import synthesise
from ldl.train.target import PseudoPairs, SyntheticPairs, train_target

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
    images: Bank | None = None
    extra: dict[str, Any] = field(default_factory=dict)

    @property
    def seconds(self) -> float:
        """Of training, interruptions left out."""
        return sum(history.seconds for history in self.histories.values())


def guided_net(config: GuideConfig, weights: dict[str, Tensor], device: torch.device) -> GuidedNet:
    """A trained guide in eval mode."""
    net = GuidedNet(config)
    try:
        net.load_state_dict(weights)
    except RuntimeError as error:
        line = str(error).splitlines()[-1].strip()
        raise ConfigError(f"weights do not fit {config.run_id()}: {line}") from None
    return net.eval().to(device)


def output_of(
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
        guide: weights of the trained guide; None for the baselines.
    """
    if run.floor:
        share = shown_share(run)
        return Made(lambda images: top_hat(images, share), extra={"cut": round(share, 5)})
    if run.guide is None:
        return _baseline(run, folder, fabric, identity, progress)
    assert guide is not None, "the config asks for a guide"
    net = guided_net(run.guide, guide, fabric.device)
    if run.refine:
        return _refined(run, net, folder, fabric, identity, progress)
    return Made(guided_predictor(run.guide, net, run.output))


def shown_share(run: ShapeConfig) -> float:
    """Of reference masks as the run's config says that they are drawn."""
    prior = shape_prior(run.data, run.prior, masks_of(run))
    return drawn_shape(prior, *drawing_of(run)).share


def as_scored(run: ShapeConfig, predict: Predictor) -> Predictor:
    """The mean of the run's looks, cut as it says; a map above one half stays a map."""

    def mean(images: Tensor) -> Tensor:
        looks = [
            undo_symmetry(predict(apply_symmetry(images, code)), code)
            for code in DIHEDRAL[: run.looks]
        ]
        return torch.stack(looks).mean(dim=0)

    cut = cut_of(run)
    if run.floor or cut is None:
        return mean if run.looks > 1 else predict
    return lambda images: cut(mean(images), field_masks(to_uint8(images)))


def cut_of(run: ShapeConfig) -> Cut | None:
    """How a run's maps become masks; None is above one half."""
    return None if run.cut == "half" else Cut(shown_share(run), run.cut == "window")


def guided_predictor(config: GuideConfig, net: GuidedNet, output: str) -> Predictor:
    """OutOri ("ori") or OutClu ("clu") of a trained guide."""
    number, temperature = ("ori", "clu").index(output), config.region.region_temperature

    def predict(images: Tensor) -> Tensor:
        inside = lit(images) if config.field == "zeroed" else None
        return target_maps(net, images, temperature, inside)[number]

    return predict


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
        config=run.guide,
        augmentations=refine.augmentations,
        generator=generator(run.seed, "pseudo labels"),
        cut=cut_of(run),
    )
    window = region.crop if region.scale == "native" else None
    drawn = generator(run.seed, "refine")
    pairs = PseudoPairs(labelled, refine.weight, refine.batch, drawn, window)
    trained, history = train_target(
        pairs,
        Plan(refine.steps, refine.learning_rate, refine.halve_every),
        base=region.base,
        seed=run.seed,
        border=region.border,
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
        references = REFERENCES[config.scale](prior, config.crop, drawn, fabric.device)
        segment, histories["segment"] = train_target(
            SyntheticPairs(done.net.to_image, references, BATCH, config.jitter),
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
