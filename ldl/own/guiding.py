"""Shape-guided segmentation of one's own images: no mask of them, but masks of another kind."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from ldl import paths
from ldl.config import DataConfig, build
from ldl.data.bank import Bank
from ldl.data.own import folder_bank, prior_bank
from ldl.data.prepare import shape_prior
from ldl.data.preprocess import field_masks, pictured
from ldl.engine.profiles import Profile, profile_named
from ldl.engine.store import Record, RunStore
from ldl.metrics import collapse, shape_of
from ldl.own import card
from ldl.own.model import Network, Preprocessing, refuse_output
from ldl.own.pretraining import short_training
from ldl.own.segmenting import Segmenter
from ldl.own.training import Say, cost_line, kept, seconds_a_step, trained
from ldl.plots.images import overlay
from ldl.runs.pretrain import PretrainConfig
from ldl.runs.shape import GuideConfig
from ldl.tables.encoders import with_knobs
from ldl.tables.shape import MENDED, region_config
from ldl.train import checkpoint
from ldl.train.device import Fabric, device_name
from ldl.train.guide import make_guide
from ldl.train.loop import Progress
from ldl.train.made import How
from ldl.train.references import drawn_shape

# Of the profile's first step: few photographs of one camera are harder to tell apart than many.
LONGER = 2
LEAST = 0.1  # of held-out places found again; regions cannot be told apart by less
# What `ldl.metrics.collapse` finds, in words.
VERDICTS = {
    "": "like the reference masks",
    "empty": "collapsed: next to nothing is target",
    "full": "collapsed: half of the field or more is target",
    "fixed": "collapsed: the same region in every image",
    "blob": "doubtful: much wider than the reference masks",
    "speckle": "doubtful: in short pieces, unlike the reference masks",
    "scattered": "doubtful: much of it in specks, unlike the reference masks",
}


@dataclass(frozen=True)
class GuidedModel:
    """Where the model went, and what the watch saw on held-out images.

    Attributes:
        path: of the model.
        collapse: "" where the target looks like the reference masks, else a key of `VERDICTS`.
        share: of the field of view that is above one half; masks take as much as the reference
            masks cover.
    """

    path: Path
    collapse: str
    share: float


def guide(
    images: Path | str,
    masks: Path | str,
    output: Path | str,
    *,
    size: int | None = None,
    steps: int | None = None,
    seed: int = 0,
    profile: str = "open",
    device: str = "auto",
    leave_out: bool = False,
    progress: Progress = True,
    say: Say = print,
) -> GuidedModel:
    """Segment dark thin structures of eye photographs by the shape of masks of another modality.

    The mended game of Tables 5 and 6: two steps, and a watch on what the target looks like. Nothing
    is known of the images but themselves, so there is no score: the watch says whether the target
    looks like the masks, overlays show where it lies.

    Args:
        images: folder of eye photographs, in colour.
        masks: folder of reference masks, of any other images; ten are enough.
        output: a ``.safetensors`` file, as of `ldl finetune`.
        size: side of the squares; structures should be 2 to 8 pixels wide in them.
        steps: of the optimizer, in each of the two steps.
        seed: of everything drawn.
        profile: whose sizes stand where none is given.
        device: ``"auto"``, ``"cpu"``, ``"cpu-bf16"`` or ``"cuda"``.
        leave_out: go on without files that cannot be read.
        progress: as of `ldl.pretrain`.
        say: takes lines about what was read, what it will cost, and what came out.
    """
    images, masks, output = Path(images), Path(masks), Path(output)
    refuse_output(output, card.ENCODER, images, masks)
    plan = _mended(profile_named(profile))
    side = size or (plan.shape.images or plan.pretraining).size
    bank = folder_bank(
        images, "fundus", side, leave_out=leave_out, progress=progress is True, say=say
    )
    prior = prior_bank(masks, side, leave_out=leave_out)
    say(f"{paths.shown(masks)}: {len(prior.ids)} reference masks")
    config = _config(plan, bank, prior, seed, steps)
    ((record, whole),) = trained(
        {"guide": config}, partial(_cost, bank), device=device, progress=progress, say=say
    )
    region = config.region
    network = Network(
        backbone="vgg", base=region.base, channels=3, border=region.border, classes=1,
        regions=region.clusters, embedding=region.embedding,
    )  # fmt: skip
    weights, seen = checkpoint.under("local", whole), Preprocessing.of("fundus", side)
    drawn = shape_prior(config.data, config.prior, config.masks)
    reference = drawn_shape(drawn, config.references, config.region.crop)
    work = Segmenter.of(network, weights, seen, ("target",), device, reference.share)
    shown, masks_shown = _shown(work, bank)
    window = None if config.references == "whole" else config.region.crop
    found = shape_of(masks_shown, field_masks(shown), window)
    kind = record["collapse"] or collapse(found, reference)
    specks = f" ({found.specks:.0%} of its length in specks, {reference.specks:.0%} of theirs)"
    verdict = VERDICTS[kind] + ("" if np.isnan(found.specks) else specks)
    text = _card(output, config, record, bank, images.resolve().name, seen, verdict)
    kept(
        output, "segmenter", config, network, seen, weights, text, record["losses"],
        card.sheet([_overlay(*one) for one in zip(shown, masks_shown, strict=True)]),
        work.classes, record=record,
    )  # fmt: skip
    learned = (RunStore().record(config.step1) or {}).get("retrieval", 1) if config.step1 else 1
    if learned < LEAST:
        say(
            f"the first step finds only {learned:.0%} of places again in another view, and regions "
            "cannot be told apart by that; larger --steps, or more images"
        )
    say(
        f"{output}: target {verdict}, says the watch, by shape alone; where it lies, "
        f"{card.path_of(output).stem}{card.IMAGES} shows: look before you trust it"
    )
    return GuidedModel(output, kind, record["shape"]["share"])


def _mended(profile: Profile) -> Profile:
    steps1 = LONGER * (profile.shape.steps1 or profile.steps1)
    game = profile.shape.model_copy(update={"game": "mended", "own_step1": True, "steps1": steps1})
    return profile.model_copy(update={"shape": game})


def _config(plan: Profile, bank: Bank, prior: Bank, seed: int, steps: int | None) -> GuideConfig:
    side = bank.images.shape[-1]
    data = DataConfig(source="folder", size=side, content=bank.key)
    knobs = {"steps": steps, "halve_every": max(1, steps // 2)} if steps else {}
    region = with_knobs(region_config(plan, seed), data=data, **knobs)
    guided = data.model_copy(update={"prior": prior.key})
    return build(
        GuideConfig,
        {
            "region": build(PretrainConfig, {**dict(region), "data": guided}),
            "prior": "own",
            "masks": len(prior.ids),
            "judge_base": plan.shape.judge_base,
            **MENDED,
        },
    )


def _cost(bank: Bank, runs: Sequence[GuideConfig], fabric: Fabric) -> str:
    (config,) = runs
    first, region = config.step1, config.region
    assert first is not None, "region discrimination has a first step"

    def guided(steps: int, how: How) -> float:
        short = region.model_copy(update={"steps": steps})
        return make_guide(config.model_copy(update={"region": short}), how).seconds

    total = seconds_a_step(partial(short_training, first, bank), fabric) * first.steps
    total += seconds_a_step(guided, fabric) * region.steps
    work = f"{first.steps} + {region.steps} steps at {config.data.size} pixels"
    return cost_line(work, total, device_name(fabric))


def _shown(work: Segmenter, bank: Bank) -> tuple[np.ndarray, np.ndarray]:
    """A few images (N, 3, S, S), and their masks (N, S, S) as `ldl segment` writes them."""
    images = np.stack(card.some(bank))
    size = images.shape[-1]
    whole = (pictured(np.moveaxis(one, 0, -1), Path(bank.name), "colour", size) for one in images)
    return images, np.stack([work.planes(one)[0] for one in whole])


def _overlay(image: np.ndarray, mask: np.ndarray) -> np.ndarray:
    return np.moveaxis(overlay(image, mask), -1, 0)


def _card(
    output: Path,
    config: GuideConfig,
    record: Record,
    bank: Bank,
    folder: str,
    kind: Preprocessing,
    verdict: str,
) -> str:
    first = config.step1
    return card.page(
        output,
        "Segmenter guided by the shape of reference masks",
        {
            "Data": [
                *card.data_lines(folder, bank, kind),
                f"{config.masks} reference masks, content `{config.data.prior}`; no mask of the "
                "images themselves was used",
            ],
            "Method": [
                f"region discrimination with {config.region.clusters} regions against a judge of "
                "shapes (LDL section 6.2, Eq. 33), with the repairs that the book's chapter on "
                "Tables 5 and 6 describes",
                f"{first.steps if first else 0} + {config.region.steps} steps, seed {config.seed}",
                *card.training_lines(record),
            ],
            "What came out": [
                "Masks are what the map is strongest in, as much of the field of view as the "
                f"reference masks cover ({record['reference']['share']:.1%}).",
                f"The target is {verdict}.",
                f"{record['shape']['share']:.1%} of the field of view of held-out images is above "
                "one half.",
                "Nobody has scored it: this is about its shape, not about its place.",
            ],
            "Use": [f"`ldl segment --model {output.name} IMAGES -o OUT`"],
        },
    )
