"""LRC Tables 1 to 3: multi-organ segmentation with and without a local branch (its section 3).

Table 2 holds LRC against a second MoCo network of equal size, Table 3 varies N, the vectors that a
region's mean is taken over. Rows of our own tell the second branch from its pretraining.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ldl.engine.profiles import Profile
from ldl.engine.store import Record
from ldl.metrics import lost_organs, mean_of_known, volume_gaps
from ldl.runs.base import Run
from ldl.tables.base import Claim, Column, Row, Table
from ldl.tables.lrc_runs import (
    PRETEXTS,
    SAMPLES,
    Beside,
    Branches,
    Volumes,
    changed,
    organ_config,
    probe_config,
)
from ldl.tables.published import published, value
from ldl.tasks import FACTS, REGIONS, Region

Array = NDArray[np.float64]


def by_organ(record: Record, score: str = "dsc") -> Array:
    """(V, K) of each test volume and organ, nan where it is not scored: DSC in 0..1, HD95 in mm."""
    return np.array([one[score] for one in record["volumes"]], dtype=np.float64)


def dsc(record: Record, column: Column) -> Array:
    """(V,) mean DSC over the organs of each test volume, in per cent."""
    return 100 * _mean(by_organ(record))


def kept(record: Record, column: Column) -> Array:
    """The same over the organs that the training did not give up; nan where it gave up all."""
    found = by_organ(record)
    return 100 * _mean(found[:, ~_given_up(found)])


def hd95(record: Record, column: Column) -> Array:
    """(V,) mean 95 % Hausdorff distance over the organs of each test volume, in mm."""
    return _mean(by_organ(record, "hd95"))


def lost(record: Record) -> tuple[str, ...]:
    """Organs that the training gave up: mean DSC below 1 %, by `ldl.metrics.lost_organs`."""
    given_up = _given_up(by_organ(record))
    return tuple(name for name, gone in zip(record["organs"], given_up, strict=True) if gone)


def gaps(better: Sequence[Record], worse: Sequence[Record], only_kept: bool = False) -> Array:
    """(S, V) points of DSC that ``better`` is above ``worse``, by seed and volume.

    Over the organs that both scored in a volume: one that the volume lacks is scored only for
    whoever found it nonetheless, and would count against it alone. With other numbers of seeds
    each is first averaged over its own.

    Args:
        better, worse: one record a seed, of the same test volumes.
        only_kept: leave out organs that either gave up under any seed.
    """
    one, other = (np.stack([by_organ(each) for each in records]) for records in (better, worse))
    if len(one) != len(other):
        one, other = (_mean(np.moveaxis(each, 0, -1))[None] for each in (one, other))
    found = volume_gaps(one, other, only_kept)
    return np.full(one.shape[:2], np.nan) if found is None else 100 * found


def doubt(record: Record) -> str:
    """Records of the first loss, which leaves the background out: organs are lost to it."""
    return "loss without background" if record["config"].get("loss", "organs") == "organs" else ""


def _given_up(found: Array) -> NDArray[np.bool_]:
    return lost_organs(found[None])[0]


def _mean(values: Array) -> Array:
    """Over the last axis, nan left out; nan where there is nothing else."""
    return mean_of_known(values, -1)[..., 0]


# The paper's rows; keys are those of the comparison set.
GLOBAL: dict[str, str] = {
    "random": "Random init",
    "imagenet": "ImageNet",
    "relative-location": "Relative Loc",
    "rotation": "Rotation Pred",
    "moco": "MoCo v1",
    "mocov2": "MoCo v2",
    "byol": "BYOL",
    "densecl": "DenseCL",
    "simsiam": "SimSiam",
    "genesis": "Models Genesis",
    "mae": "MAE",
}
_STAND_INS: dict[Region, str] = {"abdomen": "BTCV", "thorax": "SegTHOR", "head_neck": "OpenKBP"}
# Table 2's columns, in its order.
CONTROLLED = ("imagenet", "relative-location", "rotation", "mae", "byol", "simsiam")


def columns(profile: Profile) -> tuple[Column, ...]:
    """The six columns of Table 1; where both budgets are equal here, the first one alone."""
    return tuple(
        _column(region, ours, asked, profile)
        for region in REGIONS
        for place, (ours, asked) in enumerate(
            zip(profile.lrc.budgets[region], (10, 60), strict=True)
        )
        if not (place and ours == profile.lrc.budgets[region][0])
    )


def _column(region: Region, ours: int, asked: int, profile: Profile) -> Column:
    """``asked`` labelled volumes in the paper, ``ours`` here."""
    name, used = FACTS[region].column, profile.lrc.sets[region]
    here = {"phantom": "phantoms", "open": _STAND_INS[region]}.get(used, used)
    beside = "" if ours == asked else f" (paper: {asked})"
    return Column(
        f"{region}-{asked}",
        f"{ours} volumes{beside}",
        name if used == FACTS[region].paper_set else f"{here}, in the place of {name}",
        Volumes(region, ours, asked),
        f"{name}_{asked}",
    )


def _larger(profile: Profile) -> tuple[Column, ...]:
    """ABD-110 with 60 volumes, or what stands in for it."""
    return (_column("abdomen", profile.lrc.budgets["abdomen"][1], 60, profile),)


def runs(row: Row, column: Column, profile: Profile) -> tuple[Run, ...]:
    """One fine-tuning a seed; of our own rows the untrained branch alone has the larger budget.

    Where `LrcBudget.seeds` names more, rows beside a random encoder have these: what the second
    branch gives is decided there, and not by one draw.
    """
    few, more = column.of.asked == 10, profile.lrc.seeds.get(column.of.region)
    if row.published is None and row.variant.beside != "unet" and not few:
        return ()
    seeds = more if more and few and row.variant.method == "scratch" else profile.seeds
    return tuple(organ_config(row.variant, column.of, profile, seed) for seed in seeds)


def row(method: str, beside: Beside, *, samples: int | None = SAMPLES, whole: bool = True) -> Row:
    """One row: ``moco``, ``moco+lrc``, ``moco+lrc/n10``, ``lrc-only`` ..."""
    number = "" if samples == SAMPLES else f"/n{samples or 'all'}"
    key = "lrc-only" if not whole else method if beside == "alone" else f"{method}+{beside}"
    start = "scratch" if method == "random" else method
    variant = Branches(start, beside=beside, samples=samples, whole=whole)
    own = beside == "unet" or not whole or (method, beside) == ("random", "moco2")
    label = _label(method, beside, samples, whole)
    return Row(key + number, label, variant, None if own else GLOBAL[method])


def _label(method: str, beside: Beside, samples: int | None, whole: bool) -> str:
    number = "" if samples == SAMPLES else f", {f'N = {samples}' if samples else 'all pixels'}"
    if not whole:
        return "LRC alone"
    names = {
        "alone": "",
        "lrc": "LRC",
        "moco2": "a second MoCo",
        "unet": "an untrained U-Net",
    }
    parts = [GLOBAL[method], names[beside]]
    return " + ".join(part for part in parts if part) + number


def methods(profile: Profile) -> tuple[str, ...]:
    """The rows of Table 1 that this profile can have."""
    lrc = profile.lrc
    absent = {"imagenet"} if lrc.imagenet == "absent" else set()
    return tuple(one for one in lrc.rows or GLOBAL if one not in absent)


# Not in the paper's Table 1: LRC alone is in its Figure 2; the untrained U-Net tells what the
# second branch gives by its size alone, and the second MoCo what another pretraining of it gives.
OWN = (row("random", "unet"), row("random", "moco2"), row("random", "lrc", whole=False))


def rows1(profile: Profile) -> tuple[Row, ...]:
    """Without and with LRC in turn, then our own rows."""
    pairs = [row(method, beside) for method in methods(profile) for beside in _PAIR]
    return (*pairs, *OWN)


_RESOLVED = (row("random", "alone"), row("random", "unet"), row("random", "lrc"))


def rows2(profile: Profile) -> tuple[Row, ...]:
    """Each pretraining beside a second MoCo and beside LRC."""
    known = [method for method in CONTROLLED if method in methods(profile)]
    return tuple(row(method, beside) for method in known for beside in ("moco2", "lrc"))


def rows3(profile: Profile) -> tuple[Row, ...]:
    """N of the paper and our own: 1, 200 and all pixels of a region."""
    return tuple(row("moco", "lrc", samples=samples) for samples in profile.lrc.samples)


_PAIR: tuple[Beside, Beside] = ("alone", "lrc")
NAN = float("nan")


def paper1(row: Row, column: Column, profile: Profile) -> float:
    if row.published is None:
        return NAN
    which = {"alone": "without_lrc", "lrc": "with_lrc"}[row.variant.beside]
    return value("lrc_table1", f"{column.published}_{which}", global_pretraining=row.published)


def paper2(row: Row, column: Column, profile: Profile) -> float:
    name = {"lrc": "w/ LRC", "moco2": "w/ MoCo"}[row.variant.beside]
    return value("lrc_table2", str(row.published), added_branch=name)


def paper3(row: Row, column: Column, profile: Profile) -> float:
    frame = published("lrc_table3").set_index("samples_per_region")
    return 100 * float(frame["DSC"].get(row.variant.samples, np.nan))


def _claims1() -> Iterator[Claim]:
    for region in REGIONS:
        for text, better, worse, budgets in (
            ("LRC over an untrained second branch", "random+lrc", "random+unet", (10, 60)),
            ("LRC over a second MoCo", "random+lrc", "random+moco2", (10,)),
            ("an untrained second branch over none", "random+unet", "random", (10, 60)),
            ("both branches over LRC's alone", "random+lrc", "lrc-only", (10,)),
        ):
            for asked in budgets:
                yield Claim(text, "lrc_table1", better, worse, f"{region}-{asked}", ours=True)
        for asked in (10, 60):
            for method, title in GLOBAL.items():
                text = f"LRC beside {title}"
                yield Claim(text, "lrc_table1", f"{method}+lrc", method, f"{region}-{asked}",
                            family="lrc")  # fmt: skip


def _claims2() -> Iterator[Claim]:
    for method in CONTROLLED:
        text = f"LRC over a second MoCo, beside {GLOBAL[method]}"
        yield Claim(text, "lrc_table2", f"{method}+lrc", f"{method}+moco2", "abdomen-60")


def _claims3() -> Iterator[Claim]:
    for samples in (1, 10, 100, 200, None):
        other = row("moco", "lrc", samples=samples)
        yield Claim(f"N = 50 over {samples or 'all pixels'}", "lrc_table3", "moco+lrc", other.key,
                    "abdomen-10", ours=samples not in (10, 100))  # fmt: skip


_MEASURED: dict[str, Any] = {
    "unit": "DSC, %",
    "case": "test volumes",
    "scores": {"score": dsc, "kept": kept, "hd95": hd95},
    "gaps": gaps,
    "doubt": doubt,
}
TABLE1 = Table(
    "lrc_table1", "Does localized region contrast help?", rows=rows1, columns=columns, runs=runs,
    paper=paper1, claims=tuple(_claims1()), **_MEASURED,
)  # fmt: skip
TABLE2 = Table(
    "lrc_table2", "LRC, or just more parameters?", rows=rows2, columns=_larger, runs=runs,
    paper=paper2, claims=tuple(_claims2()), **_MEASURED,
)  # fmt: skip
TABLE3 = Table(
    "lrc_table3", "How many vectors a region's mean is taken over", rows=rows3,
    columns=lambda profile: columns(profile)[:1], runs=runs, paper=paper3,
    claims=tuple(_claims3()), **_MEASURED,
)  # fmt: skip


def _sides(profile: Profile) -> tuple[Column, ...]:
    """The abdomen with ten volumes, on slices of so many pixels a side."""
    return tuple(
        replace(columns(profile)[0], key=f"abdomen-10-{side}", label=f"{side} pixels")
        for side in profile.lrc.sides
    )


def _of_side(row: Row, column: Column, profile: Profile) -> tuple[Run, ...]:
    """Beside random weights, all trainings equally short; one branch alone with one seed."""
    steps = profile.lrc.side_steps
    short = changed(
        profile, size=int(column.key.split("-")[-1]), local_steps=steps, tune_steps=steps
    )
    made = runs(row, column, short)
    return made[:1] if row.variant.beside == "alone" else made


RESOLUTION = Table(
    "lrc_resolution", "Does LRC's gain hang on the resolution?",
    rows=lambda profile: _RESOLVED if profile.lrc.sides else (), columns=_sides, runs=_of_side,
    claims=tuple(
        Claim(text, "lrc_resolution", better, worse, f"abdomen-10-{side}", ours=True)
        for side in (64, 128)
        for text, better, worse in (
            ("LRC over an untrained second branch", "random+lrc", "random+unet"),
            ("an untrained second branch over none", "random+unet", "random"),
        )
    ), **_MEASURED,
)  # fmt: skip


def probed(profile: Profile) -> tuple[Row, ...]:
    """Every pretraining on CT, the second MoCo, LRC by the paper's pretext and others, and what
    trains longer than the rest by the rest's steps."""
    names = [one for one in methods(profile) if one not in ("random", "imagenet")]
    labels = {one: GLOBAL[one] for one in names} | {"moco2": "the second MoCo"}
    labels |= {"lrc" if one == "paper" else f"lrc/{one}": _PRETEXTS[one] for one in PRETEXTS}
    steps = f"{profile.lrc.whole_steps:,} steps"
    labels |= {f"{one}/short": f"{GLOBAL[one]}, {steps}" for one in profile.lrc.longer}
    if "moco" in profile.lrc.longer:
        labels["moco/random"] = "MoCo v1, its queue random at first"
    return tuple(Row(key, label, key) for key, label in labels.items())


_PRETEXTS = {
    "paper": "LRC",
    "larger": "LRC, larger superpixels",
    "harder": "LRC, harder pairs",
    "larger+harder": "LRC, both",
}


def named(when: str) -> Callable[[Record, Column], Array]:
    """(V,) per cent of a held-out volume's pixels named right, mean over background and organs."""

    def read(record: Record, column: Column) -> Array:
        found = np.array([one[when] for one in record["volumes"]], dtype=np.float64)
        return 100 * _mean(found)

    return read


def _probes(row: Row, column: Column, profile: Profile) -> tuple[Run, ...]:
    """One; of the second MoCo one for every seed that Table 1 holds LRC against."""
    more = profile.lrc.seeds.get(column.of.region) if row.variant == "moco2" else None
    return tuple(probe_config(row.variant, profile, seed) for seed in more or (0,))


PROBE = Table(
    "lrc_probe", "What a frozen network says of organs", unit="pixels named right, %",
    case="held-out volumes",
    rows=lambda profile: probed(profile) if profile.lrc.probe_steps else (),
    columns=lambda profile: columns(profile)[:1], runs=_probes,
    scores={
        "score": named("end"),
        "start": named("start"),
        "settled": named("settled"),
        "gain": lambda record, at: named("end")(record, at) - named("start")(record, at),
    },
)  # fmt: skip
