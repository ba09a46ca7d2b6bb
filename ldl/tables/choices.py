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
from ldl.tables.transfer import dsc
from ldl.tasks import FUNDUS_TASKS, TASKS

FUNDUS, CHEST = ("chasedb1_vessel", "idrid_od"), ("scr_clavicle",)
VESSELS = tuple(key for key in FUNDUS_TASKS if key.endswith("_vessel"))


@dataclass(frozen=True)
class Choice:
    """A method, and what differs from the default in its pretraining.

    ``losses``: whether it is about the losses, which phantoms can tell something of, too.
    """

    method: MethodName
    knobs: tuple[tuple[str, Any], ...] = ()
    losses: bool = True
    chest: bool = False


_PAPER = (("formulation", "paper"),)
_ROWS = (
    Row("pd+mix", "Pd+mix, as the release", Choice("pd+mix", chest=True)),
    Row("pd+mix/paper", "Pd+mix, losses as the paper prints them", Choice("pd+mix", _PAPER)),
    Row("pd+mix/dihedral", "Pd+mix, all eight symmetries",
        Choice("pd+mix", (("symmetries", "dihedral"),), losses=False)),
    Row("pd+mix/replicate", "Pd+mix, borders replicated",
        Choice("pd+mix", (("border", "replicate"),), losses=False, chest=True)),
    Row("pd+mix/unmixed", "Pd+mix, statistics of unmixed views",
        Choice("pd+mix", (("statistics", "unmixed"),), losses=False)),
    Row("rd", "Rd, as the release", Choice("rd")),
    Row("rd/paper", "Rd, losses as the paper prints them", Choice("rd", _PAPER)),
)  # fmt: skip


def rows(profile: Profile) -> tuple[Row, ...]:
    """All on real images; on phantoms those about the losses."""
    real = profile.tasks.source != "phantom"
    return tuple(row for row in _ROWS if real or row.variant.losses)


def columns(profile: Profile) -> tuple[Column, ...]:
    """Two fundus tasks, a thin and a large structure, and the chest's hardest."""
    real = profile.tasks.source != "phantom"
    return tuple(_column(key) for key in (*FUNDUS, *(CHEST if real else ())))


def _column(key: str) -> Column:
    return Column(key, TASKS[key].column, "Fundus and chest", TASKS[key])


def _seeds(profile: Profile) -> tuple[int, ...]:
    return profile.own_seeds or profile.seeds


def runs(row: Row, column: Column, profile: Profile) -> tuple[Run, ...]:
    """Transfers with all labels, as Table 2 plans them."""
    if column.key in CHEST and not row.variant.chest:
        return ()
    return tuple(_transfer(row.variant, column.key, profile, seed) for seed in _seeds(profile))


def _transfer(choice: Choice, task: str, profile: Profile, seed: int) -> TransferConfig:
    variant = variant_of(choice.method)
    planned = ldl_config(variant, TASKS[task].modality, profile, seed)
    encoder = with_knobs(planned, **dict(choice.knobs))
    changed = {"encoder": encoder, "border": encoder.border}
    return _with(transfer_config(variant, task, profile, 1.0, seed), changed)


def _with(config: TransferConfig, changed: dict[str, Any]) -> TransferConfig:
    fields = {name: getattr(config, name) for name in TransferConfig.model_fields}
    return build(TransferConfig, fields | changed)


def _claims() -> Iterator[Claim]:
    for row in _ROWS:
        usual, _, changed = row.key.partition("/")
        for task in (*FUNDUS, *CHEST) if changed and row.variant.chest else FUNDUS:
            if changed:
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
    paper=lambda row, column, profile: float("nan"),
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
    return tuple(
        column
        for end, group in _SIDES.items()
        for column in (
            *(Column(f"{key}{end}", TASKS[key].column, group, Seen(key, bool(end)))
              for key in VESSELS),
            Column(f"mean{end}", "Mean", group, members=tuple(f"{key}{end}" for key in VESSELS)),
        )
    )  # fmt: skip


def _of_side(row: Row, column: Column, profile: Profile) -> tuple[Run, ...]:
    start, seen, budget = row.variant, column.of, profile.native
    planned = (transfer_config(start, seen.task, profile, 1.0, one) for one in _seeds(profile))
    if not (seen.native and budget):
        return tuple(planned)
    task = {
        "data": profile.tasks.model_copy(update={"size": budget.tasks}),
        "crop": profile.tasks.size,
    }
    encoder = {
        "data": profile.pretraining.model_copy(update={"size": budget.size}),
        "scale": "native",
        "steps": budget.steps,
        "halve_every": max(1, budget.steps // 2),
    }
    return tuple(
        _with(one, task | ({"encoder": with_knobs(one.encoder, **encoder)} if one.encoder else {}))
        for one in planned
    )


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
    paper=lambda row, column, profile: float("nan"),
    claims=tuple(
        Claim("Pd+mix over scratch", "scale", "pd+mix", "scratch", f"mean{end}", ours=True)
        for end in _SIDES
    ),
)
