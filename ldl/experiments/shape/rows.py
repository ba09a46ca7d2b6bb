"""Tables 5 and 6 as lists of runs (LDL section 6.2)."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from ldl.engine.profiles import Profile
from ldl.experiments.rows import Cell, Row, Variant
from ldl.runs.shape import JudgeName, OutputName, PriorName, ShapeConfig, WeightName
from ldl.tables.shape import CLUSTERS, COLUMNS, TABLES, guide_config, region_config, shape_runs

__all__ = [
    "COLUMNS", "ROWS", "TABLES", "cells_of", "guide_config", "region_config", "shape_configs"
]  # fmt: skip


@dataclass(frozen=True)
class Guided(Variant):
    """A row: which output, by which judge, with which weight of a pixel."""

    output: OutputName = "ori"
    judge: JudgeName | None = None
    weight: WeightName = "even"


def _row(key: str, label: str, published: str | None, **fields: str) -> Row:
    return Row(key, label, replace(Guided("rd", clusters=CLUSTERS), **fields), published)  # type: ignore[arg-type]


ROWS = (
    _row("top_hat", "black top-hat, untrained", None, output="top-hat"),
    _row("cyclegan", "CycleGAN", "CycleGAN", output="cyclegan"),
    _row("synseg", "SynSeg", "SynSeg", output="synseg"),
    _row("out_ori", "OutOri", "OutOri", output="ori"),
    _row("out_clu", "OutClu", "OutClu", output="clu"),
    _row("refine", "Refine", "Refine", output="refine"),
    _row("refine_uncer", "RefineUncer", "RefineUncer", output="refine", weight="uncertain"),
    # Ours: the other sign of the weight, and the release's discriminator.
    _row(
        "refine_confident", "RefineUncer, other sign", None, output="refine", weight="confident"
    ),
    _row("released_ori", "OutOri, release's d", None, output="ori", judge="released"),
    _row("released_clu", "OutClu, release's d", None, output="clu", judge="released"),
)  # fmt: skip


def cells_of(prior: PriorName) -> Callable[[Profile], list[Cell[ShapeConfig]]]:
    """What plans the table of ``prior``; a cell's runs are its seeds, each scored on all sets."""

    def cells(profile: Profile) -> list[Cell[ShapeConfig]]:
        return [
            Cell(row, task, shape_configs(row, prior, profile)) for row in ROWS for task in COLUMNS
        ]

    return cells


def shape_configs(row: Row, prior: PriorName, profile: Profile) -> tuple[ShapeConfig, ...]:
    """One run a seed."""
    return shape_runs(row.variant, prior, profile)  # type: ignore[arg-type]
