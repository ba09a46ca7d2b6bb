"""Rows, cells and tables; Tables 2 to 4 of the paper as rows (LDL section 6.1)."""

from dataclasses import dataclass
from typing import Generic, TypeVar

from ldl.engine.profiles import Architecture
from ldl.errors import ConfigError
from ldl.runs.pretrain import ComparisonName, MethodName
from ldl.tables.encoders import Variant
from ldl.tasks import TASKS

Measured = TypeVar("Measured")
LDL: tuple[MethodName, ...] = ("pd", "pd+mix", "rd")


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
