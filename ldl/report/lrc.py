"""What the pages on LRC share: which volumes stand in for which, and organs that were lost."""

from collections.abc import Callable

import numpy as np
from IPython.display import HTML, Markdown

from ldl.engine.profiles import EARLIER
from ldl.engine.store import Record, RunStore
from ldl.plots.show import prose, small_table
from ldl.report.render import NOT_YET, Extra, signed
from ldl.stats import crossed
from ldl.tables.base import Claim, Column
from ldl.tables.compare import Difference, Finding, difference
from ldl.tables.lrc import gaps, lost
from ldl.tables.measure import Measured, Shown, show
from ldl.tasks import FACTS, REGIONS


def volumes_table(shown: Shown) -> HTML:
    """The paper's sets, what stands in for them, and how many volumes each number rests on."""
    records: dict[str, list[Record]] = {}
    for (_, key), cell in shown.cells.items():
        records.setdefault(_column(shown, key).of.region, []).extend(cell.records)
    rows = []
    for region in REGIONS:
        columns = [one for one in shown.table.columns(shown.profile) if one.of.region == region]
        if not columns:
            continue
        first = next(iter(records.get(region, [])), None)
        rows.append(
            {
                "the paper's set": FACTS[region].column,
                "here": columns[0].group.split(",")[0],
                "labelled volumes": "; ".join(one.label.replace(" volumes", "") for one in columns),
                "to test": str(len(first["volumes"])) if first else NOT_YET,
                "voxel (mm)": " × ".join(f"{one:.3g}" for one in first["data"]["spacing"])
                if first
                else "",
                "organs": prose(", ".join(first["organs"])) if first else "",
            }
        )
    return small_table(rows, caption="What each number is measured on; parts are split by volume.")


def lrc_budget(shown: Shown) -> Markdown:
    """Lengths and widths of a profile's runs, and how far the fine-tunings came."""
    lrc = shown.profile.lrc
    last = sum(one["best_step"] == one["config"]["steps"] for one in shown.records)
    ended = (
        f" In {last} of {len(shown.records)} fine-tunings the validation volumes scored best at "
        "the last step: a longer training may change their order."
        if shown.records
        else ""
    )
    return Markdown(
        f"Profile `{shown.profile.name}`: slices of {lrc.size} pixels, ResNet-50 of {lrc.base} and "
        f"U-Net of {lrc.local_base} channels (the paper: 64 each), {lrc.features} features; global "
        f"pretraining {lrc.whole_steps:,} steps of {lrc.whole_batch} slices, local "
        f"{lrc.local_steps:,} of {lrc.batch}, fine-tuning {lrc.tune_steps:,} of {lrc.batch}.{ended}"
    )


def lost_organs(cell: Measured) -> tuple[str, ...]:
    """Organs that a row gave up under any seed, in the records' order."""
    gone = {name for record in cell.records for name in lost(record)}
    return tuple(name for name in cell.records[0]["organs"] if name in gone)


def organs_line(shown: Shown) -> Extra:
    """For `group_table`: how many organs a cell lost."""

    def line(row: str, column: str) -> str:
        cell = shown.cells.get((row, column))
        gone = lost_organs(cell) if cell else ()
        return f"{len(gone)}/{len(cell.records[0]['organs'])} lost" if cell and gone else ""

    return line


def over_kept(better: Measured, worse: Measured) -> Difference:
    """Their difference over the organs that neither gave up; nan where there is none."""
    return difference(better, worse, lambda one, other: gaps(one, other, only_kept=True))


def claim_line(shown: Shown) -> Callable[[Claim], str]:
    """For `claims_table`: the difference over organs kept by both, where one lost any; and how many
    seeds, or else volumes, would tell the smallest difference of interest."""

    def line(claim: Claim) -> str:
        better, worse = (shown.cells[key, claim.column] for key in (claim.better, claim.worse))
        words = []
        if lost_organs(better) or lost_organs(worse):
            words.append(f"kept by both {signed(over_kept(better, worse).value)}")
        words.append(would_tell(difference(better, worse, gaps), claim.least))
        return "<br>".join(filter(None, words))

    return line


def would_tell(found: Difference, least: float) -> str:
    """How many seeds, or else volumes, would tell a difference of ``least`` points from none."""
    (apart,) = found.gaps
    if not np.isfinite(apart).all():
        return ""
    spread = crossed(apart)
    seeds = spread.seeds_to_tell(least) if spread.seeds > 1 else None
    volumes = spread.cases_to_tell(least)
    enough = f"{seeds} seeds" if seeds else f"{volumes} volumes" if volumes else "more of both"
    return f"{enough} would tell {least:g} point"


_HOLDS = {
    "reproduced": "holds",
    "higher": "holds",
    "higher (one seed)": "holds for one seed",
    "lower (one seed)": "the opposite for one seed",
    "lower": "the opposite",
    "opposite": "the opposite",
    "no difference of interest": "does not hold",
    "not trained here": "not judged: not trained long enough",
}


def answer(finding: Finding) -> str:
    """Whether a claim holds here; where that cannot be told, what would tell it."""
    if finding.found is None:
        return NOT_YET
    if finding.verdict in _HOLDS:
        return _HOLDS[finding.verdict]
    if not finding.found.low <= 0 <= finding.found.high:
        side = "higher" if finding.found.value > 0 else "lower"
        return f"{side}, by less than {finding.claim.least:g} point"
    return f"cannot be told: {would_tell(finding.found, finding.claim.least)}"


def earlier(store: RunStore) -> Markdown:
    """The first records on real CT, of which nothing follows, and why."""
    past = show("lrc_table1", EARLIER, store)
    gone = sum(bool(lost(one)) for one in past.records)
    return Markdown(
        "Earlier records on real CT are history, and nothing is judged on them: their Dice loss "
        f"knew no background, and {gone} of {len(past.records)} networks lost at least one organ."
    )


def _column(shown: Shown, key: str) -> Column:
    return next(one for one in shown.table.columns(shown.profile) if one.key == key)
