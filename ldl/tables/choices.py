"""What the papers leave open, or say otherwise than the release: one thing changed, all else equal.

Neither paper has these tables; their claims are our own questions.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ldl.config import build
from ldl.engine.profiles import Profile
from ldl.runs.base import Run
from ldl.runs.pretrain import MethodName
from ldl.runs.transfer import TransferConfig
from ldl.tables.base import Claim, Column, Row, Table
from ldl.tables.encoders import Variant, ldl_config, transfer_config, variant_of, with_knobs
from ldl.tables.transfer import dsc, seeds_of
from ldl.tasks import TASKS, VESSEL_TASKS

FUNDUS, CHEST = ("chasedb1_vessel", "idrid_od"), ("scr_clavicle",)


@dataclass(frozen=True)
class Choice:
    """A method, and what differs from the default in its pretraining."""

    method: MethodName
    knobs: tuple[tuple[str, Any], ...] = ()
    chest: bool = False

    @property
    def of_losses(self) -> bool:
        """Whether it is about the losses, which phantoms can tell something of, too."""
        return all(name == "formulation" for name, _ in self.knobs)


_PAPER = (("formulation", "paper"),)
_ROWS = (
    Row("pd+mix", "Pd+mix, as the release", Choice("pd+mix", chest=True)),
    Row("pd+mix/paper", "Pd+mix, losses as the paper prints them", Choice("pd+mix", _PAPER)),
    Row("pd+mix/dihedral", "Pd+mix, all eight symmetries",
        Choice("pd+mix", (("symmetries", "dihedral"),))),
    Row("pd+mix/replicate", "Pd+mix, borders replicated",
        Choice("pd+mix", (("border", "replicate"),), chest=True)),
    Row("pd+mix/unmixed", "Pd+mix, statistics of unmixed views",
        Choice("pd+mix", (("statistics", "unmixed"),))),
    Row("rd", "Rd, as the release", Choice("rd")),
    Row("rd/paper", "Rd, losses as the paper prints them", Choice("rd", _PAPER)),
)  # fmt: skip


def rows(profile: Profile) -> tuple[Row, ...]:
    """All on real images; on phantoms those about the losses."""
    real = profile.tasks.source != "phantom"
    return tuple(row for row in _ROWS if real or row.variant.of_losses)


def columns(profile: Profile) -> tuple[Column, ...]:
    """Two fundus tasks, a thin and a large structure, and the chest's hardest."""
    real = profile.tasks.source != "phantom"
    keys = (*FUNDUS, *(CHEST if real else ()))
    return tuple(Column(key, TASKS[key].column, "Fundus and chest", TASKS[key]) for key in keys)


def runs(row: Row, column: Column, profile: Profile) -> tuple[Run, ...]:
    """Transfers with all labels, as Table 2 plans them."""
    if column.key in CHEST and not row.variant.chest:
        return ()
    seeds = seeds_of(variant_of(row.variant.method), profile)
    return tuple(_transfer(row.variant, column.key, profile, seed) for seed in seeds)


def _transfer(choice: Choice, task: str, profile: Profile, seed: int) -> TransferConfig:
    variant = variant_of(choice.method)
    planned = transfer_config(variant, task, profile, 1.0, seed)
    usual = ldl_config(variant, TASKS[task].modality, profile, seed)
    encoder = with_knobs(usual, **dict(choice.knobs))
    changed = {"encoder": encoder, "border": encoder.border}
    return build(TransferConfig, {**dict(planned), **changed})


def _claims() -> Iterator[Claim]:
    for row in _ROWS:
        if row.variant.knobs:
            usual = row.key.split("/")[0]
            for task in (*FUNDUS, *(CHEST if row.variant.chest else ())):
                yield Claim(row.label, "choices", row.key, usual, task, ours=True)


CHOICES = Table(
    name="choices",
    title="One thing changed in the pretraining",
    unit="DSC, %",
    case="test images",
    rows=rows,
    columns=columns,
    runs=runs,
    scores={"score": dsc},
    claims=tuple(_claims()),
)


# Whole small images as in Table 2, or windows of larger ones; masks are scored at their own size.
_SIDES = {"": "Whole small images", "@native": "Windows of large images"}


@dataclass(frozen=True)
class Seen:
    """A task, and whether windows of its native images are seen in place of small whole ones."""

    task: str
    native: bool


def _sides(profile: Profile) -> tuple[Column, ...]:
    found: list[Column] = []
    for end, group in _SIDES.items():
        sets = [Column(f"{key}{end}", TASKS[key].column, group, Seen(key, bool(end)))
                for key in VESSEL_TASKS]  # fmt: skip
        mean = Column(f"mean{end}", "Mean", group, members=tuple(one.key for one in sets))
        found += [*sets, mean]
    return tuple(found)


def _of_side(row: Row, column: Column, profile: Profile) -> tuple[Run, ...]:
    seen, seeds = column.of, seeds_of(row.variant, profile)
    if seen.native:
        profile = _at_native_scale(profile)
    return tuple(transfer_config(row.variant, seen.task, profile, 1.0, seed) for seed in seeds)


def _at_native_scale(profile: Profile) -> Profile:
    """``profile`` with windows of large images, in the tasks as wide as its whole ones."""
    budget = profile.native
    if budget is None:
        return profile
    changed = {
        "pretraining": profile.pretraining.model_copy(update={"size": budget.size}),
        "scale": "native",
        "steps1": budget.steps,
        "tasks": profile.tasks.model_copy(update={"size": budget.tasks}),
        "task_crop": profile.tasks.size,
    }
    return profile.model_copy(update=changed)


_STARTS = (
    Row("scratch", "Scratch, equal updates", Variant("scratch", equal_updates=True)),
    Row("pd+mix", "Pd+mix", Variant("pd+mix")),
)
SCALE = Table(
    name="scale",
    title="Are vessels still there at the tables' size?",
    unit="DSC, %",
    case="test images",
    rows=lambda profile: _STARTS if profile.native else (),
    columns=_sides,
    runs=_of_side,
    scores={"score": dsc},
    claims=tuple(
        Claim("Pd+mix over scratch", "scale", "pd+mix", "scratch", f"mean{end}", ours=True)
        for end in _SIDES
    ),
)
