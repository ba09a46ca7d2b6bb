"""Pretraining on one's own images: a folder goes in, an encoder comes out."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from ldl import paths
from ldl.config import DataConfig
from ldl.data.bank import Bank
from ldl.data.own import folder_bank, told_modality, usual_side
from ldl.engine.profiles import profile_named
from ldl.errors import LdlError
from ldl.methods import METHODS
from ldl.own import card
from ldl.own.model import Network, Preprocessing, refuse_output
from ldl.own.training import Say, cost_line, kept, seconds_a_step, trained
from ldl.runs.pretrain import ComparisonConfig, EncoderConfig
from ldl.tables.encoders import config_of, with_knobs
from ldl.tasks import Modality
from ldl.train import pretrain as of_ldl
from ldl.train.comparison import LEAST_SPREAD, pretrain_comparison
from ldl.train.device import Fabric, device_name
from ldl.train.loop import Progress
from ldl.train.made import How

WHOLE = 0.8  # of the square's side: smaller views are windows of it
MODALITIES = ("fundus", "colour", "xray", "ct")


@dataclass(frozen=True)
class Encoder:
    """Where the weights went, and whether the training was long enough.

    Attributes:
        path: of the weights.
        images: that were used.
        retrieval, retrieval_before: share of held-out patches (LDL's methods) or images (the
            others) that find themselves in another view.
        collapsed: whether all images ended with nearly the same vector.
    """

    path: Path
    images: int
    retrieval: float
    retrieval_before: float
    collapsed: bool


def pretrain(
    folder: Path | str,
    output: Path | str,
    *,
    modality: str | None = None,
    method: str = "pd+mix",
    size: int | None = None,
    crop: int | None = None,
    base: int | None = None,
    steps: int | None = None,
    seed: int = 0,
    profile: str = "open",
    device: str = "auto",
    leave_out: bool = False,
    progress: Progress = True,
    say: Say = print,
) -> Encoder:
    """Pretrain on the images below ``folder`` and write the encoder to ``output``.

    The run lies in the store under its config's id: interrupted, the same call goes on, and called
    again with the same images it trains nothing. A model card and its figures come to lie beside
    the encoder.

    Args:
        folder: holds the images (or CT volumes as NIfTI), in any subfolders.
        output: a ``.safetensors`` file, see `ldl.own.model`.
        modality: "fundus", "colour", "xray" or "ct"; None: told from the files. Fundus adds the
            crop to the field of view.
        method: one that `ldl methods` lists and that needs no labels.
        size: side in pixels of the squares that images become; None: `ldl.data.own.usual_side`.
        crop: side of the views in pixels, a multiple of 16: windows of the square, or nearly all
            of it.
        base: channels of the first stage; 64 is the published width.
        steps: of the optimizer, in each of the method's steps.
        seed: of everything drawn.
        profile: whose sizes stand where none is given.
        device: ``"auto"``, ``"cpu"``, ``"cpu-bf16"`` or ``"cuda"``.
        leave_out: go on without files that cannot be read.
        progress: show bars; or what is told title, step, steps and losses in their place.
        say: takes a line about what was read, what it will cost, and what came out.
    """
    folder, output = Path(folder), Path(output)
    refuse_output(output, card.ENCODER, folder)
    given = {"crop": crop, "base": base, "steps": steps}
    kind = modality_of(folder, modality, say)
    plan = planned(method, kind, profile, seed, size or usual_side(folder, kind), **given)
    bank = folder_bank(
        folder, kind, plan.data.size, leave_out=leave_out, progress=progress is True, say=say
    )
    data = DataConfig(source="folder", size=plan.data.size, content=bank.key)
    config: EncoderConfig = with_knobs(plan, data=data)
    if isinstance(config, ComparisonConfig):
        config = fitted(config, len(bank.ids))
    ((record, weights),) = trained(
        {"pretrain": config}, partial(_cost, bank), device=device, progress=progress, say=say
    )
    spread = record.get("spread") or [1.0]
    done = Encoder(
        output,
        len(bank.ids),
        record["retrieval"],
        record["retrieval_before"],
        spread[-1] < LEAST_SPREAD,
    )
    network = Network(
        backbone=getattr(config, "backbone", "vgg"),
        base=config.base,
        channels=config.channels,
        border=config.border,
    )
    seen = Preprocessing.of(kind, config.data.size)
    text = card.of_encoder(output, config, record, bank, folder.resolve().name, seen)
    kept(
        output, "encoder", config, network, seen, weights, text, record["losses"],
        card.sheet(card.some(bank)), images=len(bank.ids), record=record,
    )  # fmt: skip
    found, beside = card.things(config), card.path_of(output).name
    say(
        f"{output}: encoder of {done.images} images; it finds {done.retrieval:.0%} of {found} "
        f"again in another view ({done.retrieval_before:.0%} before training); card in {beside}"
    )
    if not record["trained"]:
        say(
            "it has not gone far: the loss still falls, or little more is found; --steps for longer"
        )
    if done.collapsed:
        say("all images ended with nearly the same vector: train longer, or on more images")
    return done


def modality_of(folder: Path, modality: str | None, say: Say) -> Modality:
    """What kind the images are: as given, or told from the files and said."""
    if modality is None:
        found = told_modality(folder)
        words = {"ct": "CT volumes", "colour": "colour images", "xray": "gray images"}[found]
        more = "; eye photographs want --modality fundus" if found == "colour" else ""
        say(f"{paths.shown(folder)}: {words}, told from the files{more}")
        return found
    if modality not in MODALITIES:
        raise LdlError(
            f"--modality is {modality!r}; use fundus (colour, cropped to what is lit), colour, "
            "xray (any gray image) or ct (NIfTI), or leave it out"
        )
    return modality  # type: ignore[return-value]


def planned(
    method: str,
    modality: Modality,
    profile: str,
    seed: int = 0,
    size: int | None = None,
    **knobs: int | None,
) -> EncoderConfig:
    """What ``profile`` plans for ``method``, with other sizes, for images that are yet to be read.

    Views stay as large as the profile's where images are larger, and then are windows of them.
    """
    names = usable()
    known = METHODS.get(method)
    if not known:
        raise LdlError(f"--method is {method!r}; use {names}")
    if known.labels:
        raise LdlError(f"--method {method} learns from labels, which a folder of images does not "
                       f"have; use {names}")  # fmt: skip
    if not known.trains:
        raise LdlError(f"--method {method} is a start that is not trained; use {names}")
    config = config_of(method, modality, profile, seed)  # type: ignore[arg-type]
    wanted: dict[str, Any] = {name: value for name, value in knobs.items() if value is not None}
    usual = profile_named(profile).folder_steps
    if usual and not isinstance(config, ComparisonConfig):
        wanted.setdefault("steps", usual)
    if size is not None:
        wanted["data"] = DataConfig(source="phantom", size=size)
        share = config.crop / config.data.size
        crop = max(32, 16 * round(share * size / 16))
        crop = wanted.setdefault("crop", min(config.crop, crop))
        wanted["scale"] = "native" if crop < WHOLE * size else "whole"
    if "steps" in wanted:
        wanted["halve_every"] = max(1, wanted["steps"] // 2)
    if method == "mae":
        wanted["backbone"] = "vit"
    return with_knobs(config, **wanted)


def usable() -> str:
    """The methods that a folder of images is enough for, as a list in words."""
    some = [name for name, one in METHODS.items() if one.trains and not one.labels]
    return f"{', '.join(some[:-1])} or {some[-1]}"


def fitted(config: ComparisonConfig, images: int) -> ComparisonConfig:
    """``config`` for a folder of few images.

    A batch is no larger than what is trained on, and a queue no longer than a sixth of that (but at
    least a batch): else it would hold most images as their own negatives.
    """
    trained_on = len(of_ldl.held_out_rows(images)[0])
    batch = min(config.batch, trained_on)
    knobs = dict(config.knobs)
    if "queue" in knobs:
        knobs["queue"] = min(int(knobs["queue"]), max(batch, trained_on // 6))
    return with_knobs(config, batch=batch, knobs=knobs)


def _cost(bank: Bank, runs: Sequence[EncoderConfig], fabric: Fabric) -> str:
    (config,) = runs
    parts = [one for one in (config.step1, config) if one]
    rates = [seconds_a_step(partial(short_training, one, bank), fabric) for one in parts]
    total = sum(rate * one.steps for rate, one in zip(rates, parts, strict=True))
    steps = " + ".join(str(one.steps) for one in parts)
    return cost_line(
        f"{config.method}: {steps} steps at {config.data.size} pixels",
        total,
        f"{device_name(fabric)}; {rates[-1]:.2g} s a step",
    )


def short_training(config: EncoderConfig, bank: Bank, steps: int, how: How) -> float:
    """Seconds of so many steps of ``config``, without its first step."""
    train: Any = pretrain_comparison if isinstance(config, ComparisonConfig) else of_ldl.pretrain
    return float(train(config.model_copy(update={"steps": steps}), bank, how).history.seconds)
