"""Tables as lists of runs."""

from dataclasses import dataclass
from importlib import import_module
from typing import Generic, Literal, TypeVar, get_args

from ldl.config import (
    ComparisonConfig,
    ComparisonName,
    EncoderConfig,
    MethodName,
    PretrainConfig,
    TransferConfig,
)
from ldl.data.tasks import FUNDUS_TASKS, TASKS, XRAY_TASKS, Modality
from ldl.errors import ConfigError
from ldl.experiments.profiles import WIDTHS, Architecture, Profile

# The release trains pneumothorax with batches of 8, everything else with 2.
_BATCH = {"siim_pneumothorax": 8}
# The paper halves the rate every 10 of 20 epochs in step 1, every 10 of 80 in step 2.
LDL: tuple[MethodName, ...] = ("pd", "pd+mix", "rd")
_HALVINGS = {"step1": 2, "step2": 8}
Measured = TypeVar("Measured")


@dataclass(frozen=True)
class Variant:
    """A row: which encoder a task starts from. ``equal_updates`` is for scratch only."""

    method: MethodName | ComparisonName | Literal["scratch"]
    patch_grid: int = 8
    clusters: int = 0
    architecture: Architecture = "tiny"
    equal_updates: bool = False


@dataclass(frozen=True)
class Row:
    """One row of a table: its key in ``--only``, its label, the paper's row it stands beside."""

    key: str
    label: str
    variant: Variant
    published: str | None


@dataclass(frozen=True)
class Table:
    """A table of the paper: rows against the twelve tasks."""

    name: str
    title: str
    rows: tuple[Row, ...]


@dataclass(frozen=True)
class Cell(Generic[Measured]):
    """All runs (label fractions, seeds) that one number of a table is the mean of.

    Those of Tables 2 to 4 are transfers.
    """

    row: Row
    task: str
    runs: tuple[Measured, ...]


# Table 2's comparison methods, in the paper's order; titles are the paper's.
COMPARED: dict[ComparisonName, str] = {
    "supervised": "Supervised",
    "instdisc": "InstDisc",
    "embinva": "EmbInva",
    "moco": "MoCo",
    "mocov2": "MoCoV2",
    "simclr": "SimCLR",
    "rotori": "RotOri",
    "densecl": "DenseCL",
}
# Chest X-rays have no grade: the paper leaves these cells empty too.
_FUNDUS_ONLY = ("supervised",)
_SCRATCH_ROWS = (
    Row("scratch", "Scratch", Variant("scratch"), "Scratch"),
    Row(
        "scratch-equal",
        "Scratch, equal updates",
        Variant("scratch", equal_updates=True),
        None,
    ),
)
GRIDS, CLUSTERS = (1, 2, 4, 8, 16), (0, 4, 8, 12, 16)
ARCHITECTURES: tuple[tuple[Architecture, str], ...] = (
    ("tiny", "Tiny VGG16"),
    ("small", "Small VGG16"),
    ("full", "VGG16"),
)


def _table2() -> Table:
    others = tuple(Row(key, title, Variant(key), title) for key, title in COMPARED.items())
    ours = (
        Row("pd", "Pd", Variant("pd"), "Pd"),
        Row("pd+mix", "Pd+mix", Variant("pd+mix"), "Pd+mix"),
        Row("rd", "Rd", Variant("rd", clusters=16), "Rd"),
    )
    return Table("table2", "Comparison of encoders", (*_SCRATCH_ROWS, *others, *ours))


def _cluster_variant(count: int) -> Variant:
    return Variant("rd", clusters=count) if count else Variant("pd+mix")


def _table3() -> Table:
    mixed = [
        Row(
            f"pd+mix/g{g}",
            f"Pd+mix {g}x{g}",
            Variant("pd+mix", patch_grid=g),
            f"patch_size_pd_mix/{g}x{g}",
        )
        for g in GRIDS
    ]
    # The paper prints only the gain of mixing, not Pd's own numbers at each grid.
    plain = [Row(f"pd/g{g}", f"Pd {g}x{g}", Variant("pd", patch_grid=g), None) for g in GRIDS]
    regions = [
        Row(f"rd/c{c}", f"Rd C={c}", _cluster_variant(c), f"cluster_number_rd/{c}")
        for c in CLUSTERS
    ]
    return Table("table3", "Patch size, mixup, number of clusters", (*mixed, *plain, *regions))


def _table4() -> Table:
    rows = [
        Row(
            f"{method}/{name}",
            f"{'Scratch' if method == 'scratch' else 'Pd+mix'}, {label}",
            Variant(method, architecture=name),
            f"{'scratch' if method == 'scratch' else 'pd_mix'}/{label}",
        )
        for method in ("scratch", "pd+mix")
        for name, label in ARCHITECTURES
    ]
    return Table("table4", "Size of the network", tuple(rows))


TABLES: dict[str, Table] = {table.name: table for table in (_table2(), _table3(), _table4())}


# Tables of other measurements than transfers, and the module whose ``cells(profile)`` plans them.
ELSEWHERE = {
    "table5": "ldl.experiments.shape.dsa",
    "table6": "ldl.experiments.shape.octa",
    "table7": "ldl.experiments.localization",
    "lrc_table1": "ldl.experiments.lrc.table1",
    "lrc_table2": "ldl.experiments.lrc.table2",
    "lrc_table3": "ldl.experiments.lrc.table3",
}


def table_names() -> tuple[str, ...]:
    """All tables that have runs, in the papers' order."""
    return (*TABLES, *ELSEWHERE)


def has(row: Row, task: str) -> bool:
    """Whether the row can have that cell: chest X-rays have no grade to be supervised by."""
    return TASKS[task].modality == "fundus" or row.variant.method not in _FUNDUS_ONLY


def table_named(name: str) -> Table:
    """The table of transfers with that name.

    Raises:
        ConfigError: it is none of transfers, or there is none.
    """
    if name not in TABLES:
        raise ConfigError(f"{name!r} is no table of transfers; these are {', '.join(TABLES)}")
    return TABLES[name]


def encoder_config(
    variant: Variant, modality: Modality, profile: Profile, seed: int = 0
) -> EncoderConfig | None:
    """The pretraining that ``variant`` needs, None for scratch."""
    if variant.method == "scratch":
        return None
    if variant.method in get_args(MethodName):
        return ldl_config(variant, modality, profile, seed)
    return comparison_config(variant, modality, profile, seed)


def comparison_config(
    variant: Variant, modality: Modality, profile: Profile, seed: int = 0
) -> ComparisonConfig:
    """A comparison method on as many images as the longest of LDL's rows sees."""
    steps = max(1, profile.images_seen // profile.batch)
    return ComparisonConfig(
        method=variant.method,  # type: ignore[arg-type]
        modality=modality,
        data=profile.pretraining,
        base=profile.base * WIDTHS[variant.architecture],
        steps=steps,
        crop=profile.crop,
        batch=profile.batch,
        learning_rate=profile.pretraining_rate,
        halve_every=max(1, steps // _HALVINGS["step1"]),
        knobs=small_knobs(variant.method, profile),
        seed=seed,
    )


def small_knobs(
    method: str, profile: Profile, queue: int | None = None
) -> dict[str, int | float | str]:
    """What the profile's scale puts in place of the original's hyperparameters.

    ``queue`` is the length where the data are fewer than the profile's images.
    """
    if profile.original_knobs:
        return {}
    from ldl.methods import COMPARISONS

    small = {name: value for name, (value, _) in COMPARISONS[method].small.items()}
    keys = queue or profile.queue
    if "queue" in small and keys:
        small["queue"] = keys
    return small


def ldl_config(
    variant: Variant, modality: Modality, profile: Profile, seed: int = 0
) -> PretrainConfig:
    """One of LDL's own methods; the step 1 of Rd is a Pd+mix of its own."""
    first = variant.method != "rd"
    steps = profile.steps1 if first else profile.steps2
    step1 = None if first else Variant("pd+mix", variant.patch_grid, 0, variant.architecture)
    return PretrainConfig(
        method=variant.method,  # type: ignore[arg-type]
        modality=modality,
        data=profile.pretraining,
        base=profile.base * WIDTHS[variant.architecture],
        steps=steps,
        crop=profile.crop,
        groups=profile.groups,
        learning_rate=profile.pretraining_rate,
        halve_every=max(1, steps // _HALVINGS["step1" if first else "step2"]),
        patch_grid=variant.patch_grid,
        clusters=variant.clusters,
        seed=seed,
        step1=ldl_config(step1, modality, profile, seed) if step1 else None,
    )


def transfer_configs(variant: Variant, task: str, profile: Profile) -> tuple[TransferConfig, ...]:
    """One run for each label fraction and seed.

    From scratch there is no frozen phase: ``full_epochs`` alone as in the release, or as many
    updates as a transferred encoder gets.
    """
    modality = TASKS[task].modality
    budget = profile.budget(modality)
    scratch = variant.method == "scratch"
    extra = budget.frozen_epochs if variant.equal_updates else 0
    return tuple(
        TransferConfig(
            task=task,
            data=profile.tasks,
            base=profile.base * WIDTHS[variant.architecture],
            full_epochs=budget.full_epochs + extra,
            frozen_epochs=0 if scratch else budget.frozen_epochs,
            batch_size=_BATCH.get(task, 2),
            learning_rate=profile.transfer_rate,
            label_fraction=fraction,
            seed=seed,
            encoder=encoder_config(variant, modality, profile, seed),
        )
        for seed in profile.seeds
        for fraction in budget.label_fractions
    )


def plan(table: str, profile: Profile, only: str | None = None) -> list[Cell]:
    """The cells of ``table`` under ``profile``, row by row.

    Args:
        table: its name, or ``"all"``, which is every table.
        profile: the budget.
        only: keep cells whose ``row/task`` contains this text, or any of several with commas.

    Raises:
        ConfigError: unknown table, or ``only`` keeps nothing.
    """
    if table not in (*table_names(), "all"):
        raise ConfigError(f"unknown table {table!r}; use one of {', '.join(table_names())} or all")
    wanted = [part.strip() for part in only.split(",")] if only else [""]
    cells = [
        cell
        for name in (table_names() if table == "all" else (table,))
        for cell in _cells(name, profile)
        if any(part in f"{cell.row.key}/{cell.task}" for part in wanted)
    ]
    if not cells:
        raise ConfigError(f"--only {only!r} matches no row/task of {table}")
    return cells


def _cells(name: str, profile: Profile) -> list[Cell]:
    if name in ELSEWHERE:
        found: list[Cell] = import_module(ELSEWHERE[name]).cells(profile)
        return found
    return [
        Cell(row, task, transfer_configs(row.variant, task, profile))
        for row in table_named(name).rows
        for task in (*FUNDUS_TASKS, *XRAY_TASKS)
        if task not in profile.without and has(row, task)
    ]
