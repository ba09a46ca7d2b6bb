"""One run of shape-guided segmentation: what it trains, how it predicts, what it scores."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ldl.config import DataConfig
from ldl.data.colour import normalise, to_float, to_uint8
from ldl.data.prepare import pretraining_bank, shape_prior, task_bank
from ldl.data.preprocess import field_masks, lit
from ldl.data.sampling import DIHEDRAL, apply_symmetry, undo_symmetry
from ldl.errors import ConfigError
from ldl.methods.guided import GuidedNet
from ldl.metrics import collapse, dsc, shape_of
from ldl.rng import generator
from ldl.runs.pretrain import BorderName
from ldl.runs.shape import SEGMENT_BATCH, GuideConfig, ShapeConfig
from ldl.tasks import VESSEL_TASKS
from ldl.train import checkpoint
from ldl.train.device import Feed
from ldl.train.loop import History, Plan
from ldl.train.made import How, Made, Weights, curves
from ldl.train.references import (
    REFERENCES,
    Cut,
    drawing_of,
    drawn_shape,
    drawn_share,
    masks_of,
    top_hat,
)
from ldl.train.synthesis import synthesise
from ldl.train.target import (
    PseudoPairs,
    SyntheticPairs,
    filter_images,
    label_images,
    target_maps,
    train_target,
)

BATCH = 8
# (B, 3, S, S) normalised images -> (B, S, S) probabilities of the target.
Predictor = Callable[[Tensor], Tensor]


@dataclass
class Output:
    """What a run trained: its predictor, weights if any, losses by phase, more of its record."""

    predict: Predictor
    weights: Weights | None = None
    histories: dict[str, History] = field(default_factory=dict)
    extra: dict[str, Any] = field(default_factory=dict)


def guided_net(config: GuideConfig, weights: Weights, device: torch.device) -> GuidedNet:
    """A trained guide in eval mode."""
    net = GuidedNet(config)
    try:
        net.load_state_dict(weights)
    except RuntimeError as error:
        line = str(error).splitlines()[-1].strip()
        raise ConfigError(f"weights do not fit {config.run_id()}: {line}") from None
    return net.eval().to(device)


def output_of(run: ShapeConfig, how: How, guide: Weights | None) -> Output:
    """Train what ``run`` asks for, from the weights of the trained guide; baselines have none."""
    if run.output == "top-hat":
        share = shown_share(run)
        return Output(lambda images: top_hat(images, share), extra={"cut": round(share, 5)})
    if run.filtered:
        return _refined(run, None, how)
    if run.guide is None:
        return _baseline(run, how)
    assert guide is not None, "the config asks for a guide"
    net = guided_net(run.guide, guide, how.fabric.device)
    return (
        _refined(run, net, how)
        if run.refine
        else Output(guided_predictor(run.guide, net, run.output))
    )


def shown_share(run: ShapeConfig) -> float:
    """Of reference masks as the run's config says that they are drawn."""
    prior = shape_prior(run.data, run.prior, masks_of(run))
    return drawn_share(prior, *drawing_of(run))


def as_scored(run: ShapeConfig, predict: Predictor) -> Predictor:
    """The mean of the run's looks, cut as it says; a map above one half stays a map."""

    def mean(images: Tensor) -> Tensor:
        looks = [
            undo_symmetry(predict(apply_symmetry(images, code)), code)
            for code in DIHEDRAL[: run.looks]
        ]
        return torch.stack(looks).mean(dim=0)

    cut = cut_of(run)
    if run.output == "top-hat" or cut is None:
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


def _refined(run: ShapeConfig, net: GuidedNet | None, how: How) -> Output:
    """A network on pseudo labels: of the guide ``net``, or of the run's filter."""
    assert run.refine is not None
    refine, taught = run.refine, taught_of(run)
    bank = pretraining_bank(taught.images, "fundus")
    rows = list(range(len(bank.ids)))[: refine.images]
    feed = Feed(bank.images, how.fabric.device)
    if run.guide and net:
        labelled = label_images(
            net,
            feed,
            rows,
            config=run.guide,
            augmentations=refine.augmentations,
            generator=generator(run.seed, "pseudo labels"),
            cut=cut_of(run),
        )
    else:
        share = shown_share(run)
        labelled = filter_images(lambda images: top_hat(images, share), feed, rows)
    drawn = generator(run.seed, "refine")
    trained, history = train_target(
        PseudoPairs(labelled, refine.weight, refine.batch, drawn, taught.window),
        Plan(refine.steps, refine.learning_rate, refine.halve_every),
        run,
        how,
        bank.fingerprint,
        base=taught.base,
        border=taught.border,
    )
    extra = {
        "labelled_images": len(rows),
        "labelled_share": round(float(labelled.labels.mean()), 5),
        "mean_doubt": round(float(labelled.doubt.mean()), 5),
    }
    return Output(probability(trained), trained.state_dict(), {"refine": history}, extra)


@dataclass(frozen=True)
class Taught:
    """Whose images get pseudo labels, and the network that is trained on windows of them.

    Attributes:
        window: side of these, None of whole images.
    """

    images: DataConfig
    base: int
    border: BorderName
    window: int | None


def taught_of(run: ShapeConfig) -> Taught:
    """Of a run with output "refine": as its guide has it, or its filter."""
    if run.guide:
        region = run.guide.region
        window = region.crop if region.scale == "native" else None
        return Taught(region.data, region.base, region.border, window)
    floor = run.floor
    assert floor is not None
    assert floor.images is not None
    window = None if floor.references == "whole" else floor.crop
    return Taught(floor.images, floor.base, floor.border, window)


def _baseline(run: ShapeConfig, how: How) -> Output:
    assert run.synthesis is not None
    config = run.synthesis
    bank = pretraining_bank(config.images, "fundus")
    prior = shape_prior(config.images, run.prior, config.masks)
    done = synthesise(run, bank, prior, how)
    histories = {"synthesis": done.history}
    judges = done.watch.mean(dim=1).numpy()
    extra = {"judges": [round(float(v), 5) for v in _ends(judges)]}
    # The generator of photographs is kept: Figure 8 shows what it makes.
    weights = checkpoint.prefixed("to_image", done.net.to_image.state_dict())
    if done.net.segment is not None:
        segment: nn.Module = done.net.segment
    else:
        drawn = generator(run.seed, "synthetic pairs")
        references = REFERENCES[config.scale](prior, config.crop, drawn, how.fabric.device)
        segment, histories["segment"] = train_target(
            SyntheticPairs(done.net.to_image, references, SEGMENT_BATCH, config.jitter),
            Plan(config.segment_steps, config.segment_rate),
            run,
            how,
            bank.fingerprint,
            "segment",
            base=config.segment_base,
        )
    weights |= checkpoint.prefixed("segment", segment.state_dict())
    return Output(probability(segment), weights, histories, extra)


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


THRESHOLD = 0.5


@torch.no_grad()
def predicted(predict: Predictor, images: np.ndarray, device: torch.device) -> np.ndarray:
    """The target's probability in each image, without augmentation.

    Args:
        predict: of a run.
        images: (N, 3, S, S) uint8.

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
        predict: of :func:`output_of`.
        run: whose test images, and whose reference masks say what is vessel-like.

    Returns:
        ``tests`` by task (ids, dsc, share, truth_share), ``shape`` of all, ``reference`` of the
        masks, and ``collapse``, see `ldl.metrics`.
    """
    tests, regions, fields = {}, [], []
    for task in VESSEL_TASKS:
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
    kind, crop = drawing_of(run)
    window = None if kind == "whole" else crop
    found = shape_of(np.concatenate(regions), np.concatenate(fields), window)
    reference = drawn_shape(shape_prior(run.data, run.prior, masks_of(run)), kind, crop)
    return {
        "tests": tests,
        "shape": found.record(),
        "reference": reference.record(),
        "collapse": collapse(found, reference),
    }


def make(run: ShapeConfig, how: How) -> Made:
    """An output or a baseline, scored on every test set; some of them train nothing."""
    done = output_of(run, how, how.before(run.guide))
    found = scores(as_scored(run, done.predict), run, how.fabric.device)
    tests = found["tests"]
    data = {
        "name": ", ".join(tests),
        "fingerprint": "-".join(one["fingerprint"][:8] for one in tests.values()),
        "test": sum(len(one["ids"]) for one in tests.values()),
    }
    losses = {name: curves(history) for name, history in done.histories.items()}
    seconds = sum(history.seconds for history in done.histories.values())
    return Made(done.weights, data, seconds, {"losses": losses, **done.extra, **found})
