"""Fine-tuning on one's own masks: images and masks go in, a segmenter and its scores come out."""

import csv
import math
import tempfile
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from PIL import Image
from tqdm.auto import tqdm

from ldl import paths
from ldl.config import DataConfig, build
from ldl.data.ct.volume import read_ct
from ldl.data.pairs import Case, Labelled, Pairs, labelled_bank, pair, read_split
from ldl.data.readers.medical import pixel_spacing
from ldl.engine.execute import ensure, provenance
from ldl.engine.profiles import profile_named
from ldl.engine.store import SCHEMA, Record, RunStore
from ldl.errors import LdlError
from ldl.metrics import dsc, hausdorff95
from ldl.models.segmentation import SegmentationNet
from ldl.own import card
from ldl.own.finder import encoder_config_of
from ldl.own.model import (
    Model,
    Network,
    Preprocessing,
    beside,
    read_model,
    refuse_output,
    write_model,
)
from ldl.own.pretraining import MEASURED, Say, cost_line, modality_of
from ldl.own.segmenting import Segmenter
from ldl.plots.images import image_grid, overlay, overlay_legend
from ldl.runs.pretrain import EncoderConfig
from ldl.runs.transfer import FinetuneConfig
from ldl.stats import Paired, bootstrap_interval, paired
from ldl.tasks import Modality
from ldl.train import checkpoint
from ldl.train.device import Fabric, device_name, fabric_for, placed
from ldl.train.loop import Plan
from ldl.train.made import How
from ldl.train.transfer import TaskFeed, TransferStage

SIZE, STEPS, BATCH = 256, 600, 2
FROZEN = 1 / 3  # of the updates, in which the encoder rests
LEAST = 4  # test subjects, below which no verdict is given
LOOKS = 20  # at the validation images, in each phase


@dataclass(frozen=True)
class Score:
    """Of a test image and class.

    Attributes:
        image, subject, label: which.
        dsc: 0..1, at the file's own size.
        hd95: mm, where a pixel size is known and both have something; else None.
        scratch: the DSC of the same training from scratch, if that was asked for.
    """

    image: str
    subject: str
    label: str
    dsc: float
    hd95: float | None = None
    scratch: float | None = None


@dataclass(frozen=True)
class Finetuned:
    """What came out.

    Attributes:
        path: of the model.
        scores: of the test images.
        dsc: mean over subjects, 0..1, and its bootstrap interval over subjects.
        against_scratch: paired over subjects, if it was asked for.
    """

    path: Path
    scores: tuple[Score, ...]
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
    pixel_size: float | None = None,
    compare: bool = False,
    profile: str = "open",
    device: str = "auto",
    leave_out: bool = False,
    progress: bool = True,
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
        size: side of the squares that are trained on, a multiple of 16.
        base: width; the encoder's, or the profile's.
        steps: updates, of which the first third leaves an encoder as it is.
        seed: of split, start and order.
        split: a csv of image and split or subject; else subjects are told from the names.
        pixel_size: mm a pixel of the files, where they do not say it.
        compare: also train from scratch with as many updates, and compare in pairs.
        profile: whose width and rate stand.
        device: ``"auto"``, ``"cpu"`` or ``"cuda"``.
        leave_out: go on without files that cannot be used.
        progress: show bars.
        say: takes lines about what was read, what it will cost, and what came out.

    Raises:
        LdlError: files that cannot be used (all are named), knobs that do not fit, or an output
            that would replace a file which is not ours; nothing was trained then.
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
    data = labelled_bank(
        pairs, kind, size or SIZE,
        names=classes, split=given, seed=seed, leave_out=leave_out, progress=progress,
    )  # fmt: skip
    for line in _read(pairs, data, split is not None):
        say(line)
    store = RunStore()
    paths.writable(store.work, "LDL_CACHE")
    plan = _planned(data, kind, size or SIZE, width, steps, seed, profile, start)
    if start and plan.encoder:
        _adopt(start, plan.encoder, store, device)
    runs = [plan] + ([_from_scratch(plan)] if compare else [])
    todo = [one for one in runs if store.status(one) != "fresh"]
    if todo:
        say(_cost(todo, data, fabric_for(device)))
    segmenters, records = [], []
    for one in runs:
        ensure(one, store, device=device, progress=progress, weights=True)
        records.append(store.record(one) or {})
        segmenters.append(_segmenter(one, store, data, device))
    scores, shown = _scored(segmenters, data, pixel_size, progress)
    interval = _interval(scores)
    against = _against(scores) if compare else None
    answer = [_answer(against, len(_by_subject(scores)), steps)] if against else []
    summary = _summary(scores, interval)
    model = Model(
        kind="segmenter",
        run_id=plan.run_id(),
        config=plan.model_dump(mode="json"),
        network=Network(
            backbone="vgg",
            base=plan.base,
            channels=plan.channels,
            border=plan.border,
            classes=plan.maps,
        ),
        preprocessing=Preprocessing.of(kind, plan.data.size),
        weights=checkpoint.load(store.weights(plan))[0],
        classes=data.classes,
        card=_card(output, plan, records[0], data, start, [summary, *answer]),
        facts={"dsc": list(interval), "record": records[0]},
    )
    write_model(output, model)
    card.write(output, model, records[0]["losses"]["full"], shown)
    _write(scores, beside(output, card.SCORES))
    for line in _lines(scores):
        say(line)
    say(
        f"{output}: {summary}; scores in {beside(output, card.SCORES).name}, card in "
        f"{card.path_of(output).name}"
    )
    for line in answer:
        say(line)
    return Finetuned(output, tuple(scores), interval, against)


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


def _read(pairs: Pairs, data: Labelled, given: bool) -> list[str]:
    """What was read, in words."""
    counts = {part: data.names(part) for part in ("train", "validation", "test")}
    number = sum(map(len, counts.values()))
    whose = {data.subjects[one] for each in counts.values() for one in each}
    parts = ", ".join(f"{len(each)} {part}" for part, each in counts.items())
    by = "as the table says" if given else "told from the names" if len(whose) < number else (
        "the names show no two of one; --split names them"
    )  # fmt: skip
    named = ", ".join(
        f"{label} (value {data.values[k]})" if data.values else label
        for k, label in enumerate(data.classes)
    )
    left = f"; {len(pairs.left_out)} images without a mask are not used" if pairs.left_out else ""
    faults = [f"left out: {paths.shown(one)}" for one in data.bank.left_out.values()]
    return [
        *faults,
        f"{paths.shown(pairs.images)}: {number} images with masks, matched by {pairs.rule}{left}; "
        f"{'class' if len(data.classes) == 1 else 'classes'}: {named}",
        f"split by subject: {parts} ({len(whose)} subjects, {by})",
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
    frozen = round(FROZEN * steps / an_epoch) if start else 0
    full = max(1, round(steps / an_epoch) - frozen)
    return build(
        FinetuneConfig,
        {
            "images": kind,
            "maps": len(data.classes),
            "data": DataConfig(source="folder", size=size, content=data.bank.key),
            "base": width,
            "border": start.network.border if start else "zeros",
            "frozen_epochs": frozen,
            "full_epochs": full,
            "batch_size": BATCH,
            "learning_rate": profile_named(profile).transfer_rate,
            "validate_every": max(1, full // LOOKS),
            "seed": seed,
            "encoder": encoder_config_of(start.config, start.run_id) if start else None,
        },
    )


def _from_scratch(plan: FinetuneConfig) -> FinetuneConfig:
    """With as many updates, all of them of the whole network."""
    fields = {name: getattr(plan, name) for name in FinetuneConfig.model_fields}
    epochs = plan.frozen_epochs + plan.full_epochs
    return build(
        FinetuneConfig, {**fields, "encoder": None, "frozen_epochs": 0, "full_epochs": epochs}
    )


def _adopt(start: Model, config: EncoderConfig, store: RunStore, device: str) -> None:
    """Let the store have an encoder that may have been made elsewhere."""
    told = start.weights
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


def _cost(runs: Sequence[FinetuneConfig], data: Labelled, fabric: Fabric) -> str:
    """What the trainings will take here, measured on the first steps of one."""
    one, rows = runs[-1], data.bank.rows("train")
    updates = (one.frozen_epochs + one.full_epochs) * math.ceil(len(rows) / BATCH)
    net = placed(SegmentationNet(one.base, one.channels, one.border, one.maps), fabric)
    stage = TransferStage(one, net, TaskFeed(data.bank, 1.0, fabric.device), frozen=False)
    with tempfile.TemporaryDirectory() as place:
        taken = [
            How(Path(place), fabric)
            .fit(one, stage, Plan(steps, one.learning_rate), data.bank.fingerprint)
            .seconds
            for steps in (1, 1 + MEASURED)  # the first one of all is slower
        ]
    seconds = (taken[1] - taken[0]) / MEASURED
    many = f"{len(runs)} trainings of {updates}" if len(runs) > 1 else str(updates)
    where = f"{device_name(fabric)}; {seconds:.2g} s each"
    return cost_line(f"{many} updates", seconds * updates * len(runs), where)


def _segmenter(run: FinetuneConfig, store: RunStore, data: Labelled, device: str) -> Segmenter:
    net = SegmentationNet(run.base, run.channels, run.border, run.maps)
    net.load_state_dict(checkpoint.load(store.weights(run))[0])
    target = fabric_for(device).device.type
    kind = Preprocessing.of(run.images, run.data.size)
    return Segmenter(net.eval().to(target), kind, data.classes, target)


def _scored(
    segmenters: Sequence[Segmenter], data: Labelled, pixel_size: float | None, progress: bool
) -> tuple[list[Score], Figure]:
    """Scores of the test images at the files' own size, and a few of them as a figure."""
    scores: list[Score] = []
    pictures: list[np.ndarray] = []
    for name in tqdm(data.names("test"), desc="test", unit="image", disable=not progress):
        cases = list(data.cases(name))
        truth = np.stack([one.planes for one in cases], axis=1)  # (K, D, H, W)
        found = [np.stack([s.planes(one.picture) for one in cases], axis=1) for s in segmenters]
        spacing = _spacing(data, name, pixel_size)
        for k, label in enumerate(data.classes):
            marks = [float(dsc(one[k][None], truth[k][None])[0]) for one in found]
            scores.append(
                Score(
                    name,
                    data.subjects[name],
                    label,
                    marks[0],
                    _distance(found[0][k], truth[k], spacing),
                    marks[1] if len(marks) > 1 else None,
                )
            )
        if len(pictures) < card.SHOWN:
            at = int(truth.any(axis=0).sum(axis=(1, 2)).argmax())
            pictures.append(_overlay(cases[at], found[0][:, at]))
    figure = image_grid([pictures[:4], pictures[4:]] if len(pictures) > 4 else [pictures])
    overlay_legend(figure)
    return scores, figure


def _overlay(case: Case, found: np.ndarray) -> np.ndarray:
    """A square of agreement, misses and false alarms, (3, S, S)."""
    box, size = case.picture.box, case.picture.size

    def square(planes: np.ndarray) -> np.ndarray:
        mask = np.asarray(planes.any(axis=0))[box.top : box.bottom, box.left : box.right]
        return np.asarray(Image.fromarray(mask).resize((size, size), Image.Resampling.NEAREST))

    drawn = overlay(case.picture.square, square(case.planes), square(found), strength=0.5)
    return np.moveaxis(drawn, -1, 0)


def _spacing(data: Labelled, name: str, given: float | None) -> tuple[float, ...] | None:
    path = data.pairs.images / name
    if data.modality == "ct":
        return read_ct(name, path, None, {}).spacing
    return (given, given) if given else pixel_spacing(path)


def _distance(
    found: np.ndarray, truth: np.ndarray, spacing: tuple[float, ...] | None
) -> float | None:
    if spacing is None or not found.any() or not truth.any():
        return None
    if len(spacing) == 2:
        found, truth = found[0], truth[0]
    return hausdorff95(found, truth, spacing)  # type: ignore[arg-type]


def _by_subject(scores: Sequence[Score], field: str = "dsc") -> list[float]:
    """Means over each subject's images and classes."""
    found = defaultdict(list)
    for one in scores:
        found[one.subject].append(getattr(one, field))
    return [float(np.mean(found[each])) for each in sorted(found)]


def _interval(scores: Sequence[Score]) -> tuple[float, float, float]:
    values = _by_subject(scores)
    return float(np.mean(values)), *bootstrap_interval(values)


def _against(scores: Sequence[Score]) -> Paired:
    return paired(_by_subject(scores), _by_subject(scores, "scratch"))


def _summary(scores: Sequence[Score], interval: tuple[float, float, float]) -> str:
    mean, low, high = (100 * one for one in interval)
    subjects, images = len(_by_subject(scores)), len({one.image for one in scores})
    known = [one.hd95 for one in scores if one.hd95 is not None]
    far = f", HD95 {np.mean(known):.1f} mm" if known else ""
    return (
        f"DSC {mean:.1f} % ({low:.1f} to {high:.1f}){far} on {images} test images of {subjects} "
        f"subject{'s' if subjects > 1 else ''}"
    )


def _answer(one: Paired, subjects: int, steps: int) -> str:
    """Whether pretraining helped, in one line."""
    verdict = one.verdict if one.n >= LEAST else "undecided"
    word = {"higher": "yes", "lower": "no, it did harm", "undecided": "cannot be told"}[verdict]
    gap = f"{100 * one.difference:+.1f} points of DSC"
    reach = f"95 % interval {100 * one.low:+.1f} to {100 * one.high:+.1f}, " if one.n > 1 else ""
    more = "; more test images would tell" if verdict == "undecided" else ""
    return (
        f"Did pretraining help here? {word[0].upper() + word[1:]}: {gap} over the same training "
        f"from scratch ({reach}{subjects} test subjects in pairs, {steps} updates each, one seed)"
        f"{more}"
    )


def _lines(scores: Sequence[Score], most: int = 12) -> list[str]:
    """A line a test image, where they are few."""
    names = list(dict.fromkeys(one.image for one in scores))
    lines = []
    for name in names[:most]:
        each = [one for one in scores if one.image == name]
        words = [f"{one.label} {100 * one.dsc:.1f} %" for one in each]
        lines.append(f"  {paths.shown(name)}: DSC {', '.join(words)}")
    return lines + ([f"  ... and {len(names) - most} more"] if len(names) > most else [])


def _write(scores: Sequence[Score], path: Path) -> None:
    with paths.told(path.parent, ""), path.open(
        "w", newline="", encoding="utf-8", errors="backslashreplace"
    ) as stream:  # fmt: skip
        table = csv.writer(stream)
        table.writerow(["image", "subject", "class", "dsc", "hd95_mm", "dsc_from_scratch"])
        for one in scores:
            told = [f"{v:.6g}" if v is not None else "" for v in (one.dsc, one.hd95, one.scratch)]
            table.writerow([one.image, one.subject, one.label, *told])


def _card(
    output: Path,
    plan: FinetuneConfig,
    record: Record,
    data: Labelled,
    start: Model | None,
    results: Sequence[str],
) -> str:
    kind = Preprocessing.of(plan.images, plan.data.size)
    counts = ", ".join(f"{len(data.names(one))} {one}" for one in ("train", "validation", "test"))
    begin = f"the encoder `{start.run_id}`" if start else "random weights"
    return card.page(
        output,
        f"Segmenter: {', '.join(data.classes)}",
        {
            "Data": [
                *card.data_lines(data.pairs.images.resolve().name, data.bank, kind),
                f"{counts}; no subject is in two of them",
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
