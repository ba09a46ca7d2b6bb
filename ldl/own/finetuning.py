"""Fine-tuning on one's own masks: images and masks go in, a segmenter and its scores come out."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pandas as pd

from ldl import paths
from ldl.config import DataConfig, build
from ldl.data.bank import SPLITS
from ldl.data.own import usual_side
from ldl.data.pairs import FOLDS, Labelled, Pairs, labelled_bank, pair, read_split, value_name
from ldl.engine.execute import provenance
from ldl.engine.profiles import profile_named
from ldl.engine.store import SCHEMA, Record, RunStore
from ldl.errors import LdlError
from ldl.models.segmentation import SegmentationNet
from ldl.own import card, scoring
from ldl.own.finder import encoder_config_of
from ldl.own.model import Model, Network, Preprocessing, beside, read_model, refuse_output
from ldl.own.pretraining import modality_of
from ldl.own.segmenting import Segmenter
from ldl.own.training import Say, cost_line, kept, seconds_a_step, trained
from ldl.runs.pretrain import EncoderConfig
from ldl.runs.transfer import FinetuneConfig
from ldl.stats import Paired
from ldl.tasks import Modality
from ldl.train import checkpoint
from ldl.train.device import Fabric, device_name, fabric_for, placed
from ldl.train.loop import Plan, Progress
from ldl.train.made import How
from ldl.train.transfer import TaskFeed, TransferStage

STEPS, BATCH = 600, 2
LOOKS = 20  # at the validation images


@dataclass(frozen=True)
class Finetuned:
    """What came out.

    Attributes:
        path: of the model.
        scores: a line a test image and class, see `ldl.own.scoring.scored`.
        dsc: mean over subjects, 0..1, and its bootstrap interval over subjects.
        against_scratch: paired over subjects, if it was asked for.
    """

    path: Path
    scores: pd.DataFrame
    dsc: tuple[float, float, float]
    against_scratch: Paired | None = None


def finetune(
    images: Path | str,
    masks: Path | str,
    output: Path | str,
    *,
    encoder: Path | str | None = None,
    modality: str | None = None,
    classes: Sequence[str] = (),
    size: int | None = None,
    base: int | None = None,
    steps: int = STEPS,
    seed: int = 0,
    split: Path | str | None = None,
    folds: int | None = None,
    pixel_size: float | None = None,
    compare: bool = False,
    profile: str = "open",
    device: str = "auto",
    leave_out: bool = False,
    progress: Progress = True,
    say: Say = print,
) -> Finetuned:
    """Train a segmenter on ``images`` and ``masks`` and score it on images that it never saw.

    Args:
        images: folder of images, or of CT volumes as NIfTI.
        masks: folder of masks, named after their images; see `ldl.data.pairs.pair`.
        output: a ``.safetensors`` file; card, scores and figures come to lie beside it.
        encoder: a file of `ldl pretrain` to start from; None: from scratch.
        modality: as of `ldl.pretrain`; the encoder's, or told from the files.
        classes: names, in the order of the masks' values.
        size: side of the squares that are trained on, a multiple of 16; the encoder's, or
            `ldl.data.own.usual_side`.
        base: width; the encoder's, or the profile's.
        steps: updates, all of them of the whole network.
        seed: of split, start and order.
        split: a csv of image and split or subject; else subjects are told from the names.
        folds: 1: a quarter of the subjects is the test; more: they are dealt into so many parts,
            each the test of a training on the others, so that every subject is tested once. None: 4
            where ``compare`` is asked of fewer test subjects than `scoring.LEAST`, else 1.
        pixel_size: mm a pixel of the files, where they do not say it.
        compare: also train from scratch with as many updates, and compare in pairs.
        profile: whose width and rate stand.
        device: ``"auto"``, ``"cpu"``, ``"cpu-bf16"`` or ``"cuda"``.
        leave_out: go on without files that cannot be used.
        progress: as of `ldl.pretrain`.
        say: takes lines about what was read, what it will cost, and what came out.
    """
    images, masks, output = Path(images), Path(masks), Path(output)
    refuse_output(output, card.SEGMENTER, images, masks)
    if compare and encoder is None:
        raise LdlError("--compare asks whether an encoder helps: name one by --encoder")
    if size is not None and size % 16:
        raise LdlError(f"--size is {size}; it must be a multiple of 16")
    start = read_model(Path(encoder), "encoder") if encoder else None
    kind = _modality(images, modality, start, say)
    width = _width(base, start, profile)
    given = read_split(Path(split)) if split else None
    pairs = pair(images, masks, kind, leave_out=leave_out)
    side = size or (start.preprocessing.size if start else usual_side(images, kind))
    read = partial(
        labelled_bank, pairs, kind, side, names=classes, split=given, seed=seed,
        folds=folds if folds and folds > 1 else FOLDS, leave_out=leave_out,
        progress=progress is True,
    )  # fmt: skip
    data = read()
    fixed = any(part for part, _ in (given or {}).values())
    count = _folds(folds, compare, data, fixed)
    for line in _read(pairs, data, split is not None, compare, count):
        say(line)
    parts = [data, *(read(fold=fold) for fold in range(1, count))]
    plans = [_planned(one, kind, side, width, steps, seed, profile, start) for one in parts]
    plan = plans[0]
    if start and plan.encoder:
        _adopt(start, plan.encoder, device)
    runs: dict[str, FinetuneConfig] = {}
    for fold, one in enumerate(plans, 1):
        of = f" {fold} of {count}" if count > 1 else ""
        runs |= {f"fine-tune{of}": one}
        runs |= {f"from scratch{of}": _from_scratch(one)} if compare else {}
    made = trained(runs, partial(_cost, parts), device=device, progress=progress, say=say)
    network = Network(
        backbone="vgg", base=plan.base, channels=plan.channels, border=plan.border,
        classes=plan.maps,
    )  # fmt: skip
    seen = Preprocessing.of(kind, plan.data.size)
    works = [Segmenter.of(network, each, seen, data.classes, device) for _, each in made]
    each = len(works) // count
    tests = [(works[each * k : each * (k + 1)], one) for k, one in enumerate(parts)]
    scores, shown = scoring.scored(tests, pixel_size, progress is True)
    within = scoring.interval(scores)
    against = scoring.against(scores) if compare else None
    one_split = count == 1 and not fixed and len(_subjects(data, *SPLITS)) >= scoring.LEAST
    hint = f"--folds {FOLDS} tests every image" if one_split else "more masks would tell"
    answer = [scoring.answer(against, steps, hint)] if against else []
    summary = scoring.summary(scores, within, count)
    record, weights = made[0]
    text = _card(output, plan, record, data, start, count, [summary, *answer])
    kept(
        output, "segmenter", plan, network, seen, weights, text, record["losses"]["full"], shown,
        data.classes, dsc=list(within), record=record,
    )  # fmt: skip
    table = beside(output, card.SCORES)
    with paths.told(output.parent, ""):
        scores.to_csv(table, index=False, float_format="%.6g", errors="backslashreplace")
    for line in scoring.lines(scores):
        say(line)
    say(f"{output}: {summary}; scores in {table.name}, card in {card.path_of(output).name}")
    for line in answer:
        say(line)
    return Finetuned(output, scores, within, against)


def _modality(images: Path, modality: str | None, start: Model | None, say: Say) -> Modality:
    if start is None:
        return modality_of(images, modality, say)
    kind = start.preprocessing.modality
    if modality not in (None, kind):
        raise LdlError(f"--modality is {modality}, but the encoder was trained on {kind} images")
    return kind


def _width(base: int | None, start: Model | None, profile: str) -> int:
    if start is None:
        return base or profile_named(profile).base
    if start.network.backbone != "vgg":
        raise LdlError(
            f"--encoder is a {start.network.backbone}; fine-tuning starts from a vgg, which all "
            "methods but mae leave"
        )
    if base not in (None, start.network.base):
        raise LdlError(f"--base is {base}, but the encoder's is {start.network.base}")
    return start.network.base


def _folds(asked: int | None, compare: bool, data: Labelled, fixed: bool) -> int:
    """How many trainings test every subject once; 1: a single split."""
    tested, whose = (len(_subjects(data, *parts)) for parts in (SPLITS[2:], SPLITS))
    if fixed and (asked or 1) > 1:
        raise LdlError("--split says which images are the test; drop its column split or --folds")
    if asked is None and not fixed and compare and tested < scoring.LEAST <= whose:
        return FOLDS
    return min(asked or 1, whose)


def _subjects(data: Labelled, *parts: str) -> set[str]:
    return {data.subjects[one] for part in parts for one in data.names(part)}


def _read(pairs: Pairs, data: Labelled, given: bool, compare: bool, folds: int) -> list[str]:
    """What was read, in words."""
    counts = {part: data.names(part) for part in SPLITS}
    number = sum(map(len, counts.values()))
    whose = _subjects(data, *SPLITS)
    parts = ", ".join(f"{len(each)} {part}" for part, each in counts.items())
    if folds > 1:
        parts += f" in the first of {folds} trainings that test every subject once; --folds sets it"
    tested = whose if folds > 1 else _subjects(data, "test")
    few = [
        f"--compare: whatever comes out, it cannot be told whether pretraining helps: "
        f"{scoring.LEAST} test subjects are the least, and there are {len(tested)}"
    ] if compare and len(tested) < scoring.LEAST else []  # fmt: skip
    by = "as the table says" if given else "told from the names" if len(whose) < number else (
        "their names show no two images of one; --split says whose they are"
    )  # fmt: skip
    named = ", ".join(
        f"{label} (value {value_name(data.values[k])})" if data.values else label
        for k, label in enumerate(data.classes)
    )
    left = f"; {len(pairs.left_out)} images without a mask are not used" if pairs.left_out else ""
    wide = [
        f"{label} covers {data.share(k):.0%} of the images; if that is the background, invert the "
        "masks: 0 is background"
        for k, label in enumerate(data.classes)
        if data.share(k) > 0.5
    ]
    faults = [f"left out: {paths.shown(one)}" for one in data.bank.left_out.values()]
    return [
        *faults,
        f"{paths.shown(pairs.images)}: {number} images with masks, matched by {pairs.rule}{left}; "
        f"{'class' if len(data.classes) == 1 else 'classes'}: {named}",
        f"split by subject: {parts} ({len(whose)} subjects, {by})",
        *wide,
        *few,
    ]


def _planned(
    data: Labelled,
    kind: Modality,
    size: int,
    width: int,
    steps: int,
    seed: int,
    profile: str,
    start: Model | None,
) -> FinetuneConfig:
    an_epoch = math.ceil(len(data.bank.rows("train")) / BATCH)
    epochs = max(1, round(steps / an_epoch))
    return build(
        FinetuneConfig,
        {
            "images": kind,
            "maps": len(data.classes),
            "data": DataConfig(source="folder", size=size, content=data.bank.key),
            "base": width,
            "border": start.network.border if start else "zeros",
            "full_epochs": epochs,
            "batch_size": BATCH,
            "learning_rate": profile_named(profile).transfer_rate,
            "validate_every": max(1, epochs // LOOKS),
            "seed": seed,
            "encoder": encoder_config_of(start.config, start.run_id) if start else None,
        },
    )


def _from_scratch(plan: FinetuneConfig) -> FinetuneConfig:
    return build(FinetuneConfig, {**dict(plan), "encoder": None})


def _adopt(start: Model, config: EncoderConfig, device: str) -> None:
    """Let the store have an encoder that may have been made elsewhere."""
    store, told = RunStore(), start.weights
    if store.status(config) == "fresh" and store.weights(config).exists():
        kept = checkpoint.load(store.weights(config))[0]
        if checkpoint.digest(kept) == checkpoint.digest(told):
            return
        raise LdlError(
            f"{start.run_id}: {store.folder(config)} holds other weights of the same run; delete "
            "that folder to go on with the file's"
        )
    record: Record = {
        **start.facts["record"],
        "schema": SCHEMA,
        "version": config.stamp(),
        "adopted": provenance(fabric_for(device)),
    }
    checkpoint.save(store.weights(config), told, {"run_id": start.run_id})
    store.save(config, record)


def _cost(parts: Sequence[Labelled], runs: Sequence[FinetuneConfig], fabric: Fabric) -> str:
    """Of all trainings, measured on the first steps of one."""
    one, data = runs[-1], parts[0]
    rows = {each.bank.key: len(each.bank.rows("train")) for each in parts}
    total = sum(run.full_epochs * math.ceil(rows[run.data.content] / BATCH) for run in runs)
    net = placed(SegmentationNet(one.base, one.channels, one.border, one.maps), fabric)
    stage = TransferStage(one, net, TaskFeed(data.bank, 1.0, fabric.device), frozen=False)

    def train(steps: int, how: How) -> float:
        plan = Plan(steps, one.learning_rate)
        return how.fit(one, stage, plan, data.bank.fingerprint).seconds

    seconds = seconds_a_step(train, fabric)
    updates = round(total / len(runs))
    many = f"{len(runs)} trainings of {updates}" if len(runs) > 1 else str(updates)
    where = f"{device_name(fabric)}; {seconds:.2g} s each"
    return cost_line(f"{many} updates", seconds * total, where)


def _card(
    output: Path,
    plan: FinetuneConfig,
    record: Record,
    data: Labelled,
    start: Model | None,
    folds: int,
    results: Sequence[str],
) -> str:
    kind = Preprocessing.of(plan.images, plan.data.size)
    counts = ", ".join(f"{len(data.names(one))} {one}" for one in ("train", "validation", "test"))
    first = f", in the first of {folds} trainings, whose network this is" if folds > 1 else ""
    begin = f"the encoder `{start.run_id}`" if start else "random weights"
    return card.page(
        output,
        f"Segmenter: {', '.join(data.classes)}",
        {
            "Data": [
                *card.data_lines(data.pairs.images.resolve().name, data.bank, kind),
                f"{counts}{first}; no subject is in two of them",
            ],
            "Method": [
                f"U-Net with a VGG16 encoder of base {plan.base}, from {begin}; Dice loss; "
                f"{record['updates']} updates of {BATCH} images, the best by validation loss; "
                f"seed {plan.seed}",
                *card.training_lines(record),
            ],
            "What came out": [*results, "DSC is counted at the size of each original image."],
            "Use": [
                f"`ldl segment --model {output.name} IMAGES -o OUT`",
                f'`ldl.load_model("{output.name}")` in Python',
            ],
        },
    )
