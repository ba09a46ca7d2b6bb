"""LDL Tables 2 to 4 and Figure 7: segmentation networks from one encoder or another (section 6.1).

Chest tasks are trained with several shares of the labels (Figure 7); the paper's chest columns are
means over five of them, so that each share has columns of its own here, the full one first.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ldl.engine.profiles import Profile
from ldl.engine.store import Record
from ldl.runs.base import Run
from ldl.runs.pretrain import ComparisonName
from ldl.tables.base import Claim, Column, Row, Table
from ldl.tables.encoders import Variant, transfer_config
from ldl.tables.published import published
from ldl.tasks import FUNDUS_TASKS, TASKS, XRAY_TASKS, Task

GRIDS, CLUSTERS = (1, 2, 4, 8, 16), (0, 4, 8, 12, 16)
WIDTH_TITLES = {"tiny": "Tiny VGG16", "small": "Small VGG16", "full": "VGG16"}
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
# Figure 7's row that stands for the line of scratch with all labels, whatever the share.
ALL_LABELS = "scratch-all"
# Chest X-rays have no grade: the paper leaves these cells empty too.
FUNDUS_ONLY = ("supervised",)
_PRINTED_BY = {
    "table2": ("encoder",),
    "table3": ("section", "setting"),
    "table4": ("initialization", "architecture"),
}


@dataclass(frozen=True)
class Share:
    """A task with a share of its labels."""

    task: Task
    fraction: float = 1.0


def columns(profile: Profile) -> tuple[Column, ...]:
    """The eight fundus tasks, then the chest tasks for each share of labels; each with its mean."""
    fundus = [Column(key, TASKS[key].column, "Colour fundus", Share(TASKS[key]),
                     TASKS[key].column) for key in FUNDUS_TASKS]  # fmt: skip
    found = [*fundus, _mean("fundus_mean", fundus, profile)]
    return (*found, *_chest(profile.xray.label_fractions, profile))


def shares(profile: Profile) -> tuple[Column, ...]:
    """Figure 7's: the chest tasks for each of its shares of the labels, all of them first."""
    budget = profile.xray
    return tuple(_chest(budget.figure_fractions or budget.label_fractions, profile))


def _chest(fractions: tuple[float, ...], profile: Profile) -> Iterator[Column]:
    for fraction in sorted(fractions, reverse=True):
        percent = round(100 * fraction)
        end = "" if percent == 100 else f"@{percent}"
        group = f"Chest X-ray, {'all' if percent == 100 else f'{percent} % of the'} labels"
        tasks = [Column(key + end, TASKS[key].column, group, Share(TASKS[key], fraction),
                        TASKS[key].column) for key in XRAY_TASKS]  # fmt: skip
        yield from (*tasks, _mean(f"xray_mean{end}", tasks, profile))


def _mean(key: str, members: list[Column], profile: Profile) -> Column:
    there = [one for one in members if one.of.task.key not in profile.without]
    # Our mean over three chest tasks must not stand beside the paper's over four.
    printed = key.split("@")[0] if len(there) == len(members) else None
    return Column(key, "Mean", members[0].group, None, printed, tuple(one.key for one in there))


def without(profile: Profile) -> tuple[str, ...]:
    """Columns of tasks that the profile leaves out."""
    return tuple(
        column.key
        for column in (*columns(profile), *shares(profile))
        if column.of and column.of.task.key in profile.without
    )


def runs(row: Row, column: Column, profile: Profile) -> tuple[Run, ...]:
    """One transfer a seed."""
    task, fraction = column.of.task, column.of.fraction
    if row.variant.method in FUNDUS_ONLY and task.modality != "fundus":
        return ()
    seeds = seeds_of(row.variant, profile)
    return tuple(transfer_config(row.variant, task.key, profile, fraction, one) for one in seeds)


def share_runs(row: Row, column: Column, profile: Profile) -> tuple[Run, ...]:
    """As the tables' where they have the share, else with as many seeds as any row."""
    kept = column.of.fraction in profile.xray.label_fractions
    if row.key == ALL_LABELS:
        column = replace(column, of=Share(column.of.task))
    found = runs(row, column, profile)
    return found if kept else found[: len(profile.seeds)]


def seeds_of(variant: Variant, profile: Profile) -> tuple[int, ...]:
    """The profile's, or its own ones for what the claims rest on: LDL's and scratch as in Table 2.

    The same configuration has the same seeds in every table, so that no run is made twice.
    """
    plain = (variant.patch_grid, variant.architecture) == (8, "tiny") and variant.clusters in (
        0,
        16,
    )
    own = plain and variant.method not in COMPARED
    return profile.own_seeds if own and profile.own_seeds else profile.seeds


def dsc(record: Record, column: Column) -> NDArray[np.float64]:
    """(N,) DSC of each test image, in per cent."""
    return 100 * np.array(record["dsc"], dtype=np.float64)


def paper_of(table: str):  # type: ignore[no-untyped-def]
    """What reads a number of ``table`` as printed."""

    def paper(row: Row, column: Column, profile: Profile) -> float:
        if row.published is None:
            return float("nan")
        frame = published(table)
        for key, wanted in zip(_PRINTED_BY[table], row.published.split("/"), strict=True):
            frame = frame[frame[key].astype(str) == wanted]
        if column.published:
            return float(frame.iloc[0][column.published])
        members = [TASKS[key.split("@")[0]].column for key in column.members]
        return float(np.mean([frame.iloc[0][name] for name in members]))

    return paper


def _rows2() -> tuple[Row, ...]:
    return (
        Row("scratch", "Scratch", Variant("scratch"), "Scratch"),
        Row("scratch-equal", "Scratch, equal updates", Variant("scratch", equal_updates=True)),
        *(Row(key, title, Variant(key), title) for key, title in COMPARED.items()),
        Row("pd", "Pd", Variant("pd"), "Pd"),
        Row("pd+mix", "Pd+mix", Variant("pd+mix"), "Pd+mix"),
        Row("rd", "Rd", Variant("rd", clusters=16), "Rd"),
    )


def _rows3() -> tuple[Row, ...]:
    mixed = [Row(f"pd+mix/g{g}", f"Pd+mix {g}×{g}", Variant("pd+mix", patch_grid=g),
                 f"patch_size_pd_mix/{g}x{g}") for g in GRIDS]  # fmt: skip
    # The paper prints only the gain of mixing, not Pd's own numbers at each grid.
    plain = [Row(f"pd/g{g}", f"Pd {g}×{g}", Variant("pd", patch_grid=g)) for g in GRIDS]
    regions = [
        Row(
            f"rd/c{c}",
            f"Rd, C = {c}" if c else "Rd, C = 0 (Pd+mix)",
            Variant("rd", clusters=c) if c else Variant("pd+mix"),
            f"cluster_number_rd/{c}",
        )
        for c in CLUSTERS
    ]
    return (*mixed, *plain, *regions)


def _rows4() -> tuple[Row, ...]:
    starts: tuple[tuple[Literal["scratch", "pd+mix"], str, str], ...] = (
        ("scratch", "Scratch", "scratch"),
        ("pd+mix", "Pd+mix", "pd_mix"),
    )
    return tuple(
        Row(f"{method}/{name}", f"{title}, {label}", Variant(method, architecture=name),  # type: ignore[arg-type]
            f"{printed}/{label}")
        for method, title, printed in starts
        for name, label in WIDTH_TITLES.items()
    )  # fmt: skip


def _rows7() -> tuple[Row, ...]:
    """Those of Table 2 that the paper draws, and ours of scratch."""
    kept = ("scratch", "scratch-equal", "pd+mix", "rd")
    return (
        *(replace(row, published=None) for row in _rows2() if row.key in kept),
        Row(ALL_LABELS, "Scratch, all labels", Variant("scratch")),
    )


MEANS = {
    "fundus_mean": "fundus",
    "xray_mean": "chest, all labels",
    "xray_mean@20": "chest, 20 % of the labels",
}


def _claims(table: str, *compared: tuple[str, str, str]) -> Iterator[Claim]:
    for column in MEANS:
        for text, better, worse in compared:
            yield Claim(text, table, better, worse, column)


CLAIMS2 = (
    *_claims(
        "table2",
        ("Pd over scratch", "pd", "scratch"),
        ("Pd+mix over scratch", "pd+mix", "scratch"),
        ("Rd over scratch", "rd", "scratch"),
        ("mixup: Pd+mix over Pd", "pd+mix", "pd"),
        ("regions: Rd over Pd+mix", "rd", "pd+mix"),
    ),
    *(
        Claim(f"Rd over {title}", "table2", "rd", key, column, family="others")
        for column in MEANS
        for key, title in COMPARED.items()
        if column == "fundus_mean" or key not in FUNDUS_ONLY
    ),
    *(
        Claim(text, "table2", better, worse, column, ours=True)
        for column in MEANS
        for text, better, worse in (
            ("Pd over scratch at equal updates", "pd", "scratch-equal"),
            ("Pd+mix over scratch at equal updates", "pd+mix", "scratch-equal"),
            ("Rd over scratch at equal updates", "rd", "scratch-equal"),
            ("both together: Rd over Pd", "rd", "pd"),
        )
    ),
)
CLAIMS3 = (
    *_claims(
        "table3",
        *((f"cells: 8×8 over {g}×{g}", "pd+mix/g8", f"pd+mix/g{g}") for g in GRIDS if g != 8),
        *((f"mixup at {g}×{g}", f"pd+mix/g{g}", f"pd/g{g}") for g in GRIDS),
        *((f"clusters: 16 over {c}", "rd/c16", f"rd/c{c}") for c in CLUSTERS if c != 16),
    ),
)
CLAIMS4 = (
    *_claims(
        "table4",
        ("width hurts from scratch: tiny over full", "scratch/tiny", "scratch/full"),
        ("width helps when pretrained: full over tiny", "pd+mix/full", "pd+mix/tiny"),
    ),
)
# Table 2 has those at 20 and 100 %.
CLAIMS_OF_SHARES = tuple(
    Claim(f"{title} over scratch", "figure7", key, "scratch", f"xray_mean@{percent}")
    for percent in (40, 60, 80)
    for key, title in (("pd+mix", "Pd+mix"), ("rd", "Rd"))
)


def _table(name: str, title: str, rows: tuple[Row, ...], claims: tuple[Claim, ...]) -> Table:
    return Table(
        name=name,
        title=title,
        unit="DSC, %",
        case="test images",
        rows=lambda profile: rows,
        columns=columns,
        runs=runs,
        scores={"score": dsc},
        paper=paper_of(name),
        claims=claims,
        without=without,
    )


TABLE2 = _table("table2", "Does pretraining help? Twelve starts", _rows2(), CLAIMS2)
TABLE3 = _table("table3", "Patch size, mixup, number of clusters", _rows3(), CLAIMS3)
TABLE4 = _table("table4", "Size of the network", _rows4(), CLAIMS4)
FIGURE7 = replace(
    TABLE2,
    name="figure7",
    title="How many labels?",
    rows=lambda profile: _rows7(),
    columns=shares,
    runs=share_runs,
    paper=lambda row, column, profile: float("nan"),
    claims=CLAIMS_OF_SHARES,
)
