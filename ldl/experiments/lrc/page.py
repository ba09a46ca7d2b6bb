"""What the pages of LRC's tables have in common: the budget, the warning, the provenance."""

from collections.abc import Iterable
from dataclasses import dataclass

from IPython.display import Markdown

from ldl import report
from ldl.engine.profiles import Profile, profile_named
from ldl.engine.store import Record, RunStore
from ldl.runs.lrc import OrganConfig
from ldl.tables.encoders import Cell
from ldl.tables.plan import plan
from ldl.tasks import FACTS, REGIONS


@dataclass(frozen=True)
class Gathered:
    """A table's cells under a profile, and the records behind them."""

    profile: Profile
    store: RunStore
    cells: tuple[Cell[OrganConfig], ...]
    records: tuple[Record, ...]

    @property
    def phantom(self) -> bool:
        """Whether it is measured on phantoms."""
        return self.profile.lrc.sets["abdomen"] == "phantom"

    @property
    def kind(self) -> str:
        """Of data, for captions."""
        return "CT phantoms" if self.phantom else "real CT"


def gather(table: str, profile: str, store: RunStore) -> Gathered:
    """The records of ``table`` that are there; nothing is run."""
    budget = profile_named(profile)
    found = plan(table, budget)
    runs = {run.run_id(): run for cell in found for run in cell.runs}
    records = [store.record(run) for run in runs.values()]
    return Gathered(budget, store, tuple(found), tuple(one for one in records if one))


def budget_words(here: Gathered) -> Markdown:
    """What the profile trains, on what, and how its numbers may be read."""
    lrc = here.profile.lrc
    sets = "; ".join(_set_words(here, region) for region in REGIONS)
    words = (
        f"Profile `{here.profile.name}`: slices of {lrc.size} pixels, ResNet-50 with {lrc.base} "
        f"channels in its stem (the paper: 64), U-Net with {lrc.local_base} (U-Net's own: 64), "
        f"D = {lrc.features}. Global pretraining {lrc.whole_steps:,} steps of {lrc.whole_batch} "
        f"slices, local {lrc.local_steps:,} of {lrc.batch}, fine-tuning {lrc.tune_steps:,} of "
        f"{lrc.batch}; one abdominal pretraining serves all regions, as in the paper. {sets}."
    )
    warning = (
        "These numbers are measured on CT phantoms. They show that every cell can be computed and "
        "are **no evidence for or against the paper**, whose numbers stand beside them only to "
        "show what the table is a table of."
        if here.phantom
        else "These numbers are measured on **real CT**: public sets in the place of the paper's, "
        "smaller, with other organs, at a fraction of the resolution and of the training."
    )
    return Markdown(f"{words}\n\n{warning}")


def _set_words(here: Gathered, region: str) -> str:
    """The set of a region: volumes learned from and tested, organs."""
    facts = FACTS[region]  # type: ignore[index]
    records = [r for r in here.records if r["config"]["data"]["region"] == region]
    if not records:
        return f"{facts.column}: not yet run"
    data, organs = records[0]["data"], records[0]["organs"]
    learned = sorted({len(record["data"]["learned"]) for record in records})
    budgets = " or ".join(map(str, learned))
    note = f" ({data['note']})" if data["note"] else ""
    return (
        f"{facts.column}: {data['name']}{note}, {budgets} labelled volumes to learn from, "
        f"{len(records[0]['volumes'])} to test, {len(organs)} organs ({', '.join(organs)})"
    )


def provenance(records: Iterable[Record]) -> str:
    """Seeds, runs, time, device, commits and dates of records."""
    return report.provenance(records, "fine-tuning")


def short_words(here: Gathered) -> Markdown:
    """How far the fine-tunings came: where the best step by the validation volumes was the last."""
    if not here.records:
        return Markdown("No record yet.")
    last = sum(r["best_step"] == r["config"]["steps"] for r in here.records)
    return Markdown(
        f"In {last} of {len(here.records)} fine-tunings the validation volumes scored best at the "
        "very last step: these were still getting better when they stopped, and a longer training "
        "may change their order."
    )
