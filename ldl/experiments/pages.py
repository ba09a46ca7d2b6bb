"""What the pages of Tables 2 to 4 have in common: both halves, the encoders, the order."""

from dataclasses import dataclass

import pandas as pd
from IPython.display import Markdown, display

from ldl.engine.profiles import Profile, profile_named
from ldl.engine.store import Record, RunStore
from ldl.experiments import budgets, cells, gains, report
from ldl.experiments.plan import plan
from ldl.experiments.tables import table_frame
from ldl.plots.tables import scrolling
from ldl.tasks import FUNDUS_TASKS, TASKS, XRAY_TASKS

HALVES = {
    "Colour fundus": ([TASKS[key].column for key in FUNDUS_TASKS], "fundus_mean"),
    "Chest X-ray": ([TASKS[key].column for key in XRAY_TASKS], "xray_mean"),
}


@dataclass(frozen=True)
class Shown:
    """A table under a profile: its long frame and the records behind it."""

    table: str
    profile: Profile
    frame: pd.DataFrame
    records: tuple[Record, ...]
    encoders: tuple[Record, ...]

    @property
    def measured(self) -> bool:
        """Whether there is any number at all."""
        return bool(self.frame["measured"].any())

    @property
    def phantom(self) -> bool:
        """Whether its profile is on phantoms."""
        return self.profile.tasks.source == "phantom"


def gather(table: str, profile: str, store: RunStore | None = None) -> Shown:
    """The numbers of ``table`` under ``profile`` and what they were made from; nothing is run."""
    store = store or RunStore()
    budget = profile_named(profile)
    frame = table_frame(table, budget, store)
    runs = [run for cell in plan(table, budget) for run in cell.runs]
    records = {run.run_id(): store.record(run) for run in runs}
    wanted = {run.encoder.run_id(): run.encoder for run in runs if run.encoder}
    encoders = {name: store.record(config) for name, config in wanted.items()}
    return Shown(
        table,
        budget,
        frame,
        tuple(record for record in records.values() if record),
        tuple(record for record in encoders.values() if record),
    )


def show_halves(shown: Shown) -> None:
    """Both halves of the table, each with what its cells mean and what it was made from."""
    for title, (columns, mean) in HALVES.items():
        part = shown.frame[shown.frame["column"].isin([*columns, mean])]
        kind = "phantoms" if shown.phantom else "real images"
        members = {key for key, task in TASKS.items() if task.column in columns}
        records = [r for r in shown.records if r["config"]["task"] in members]
        caption = f"<b>{title}, {kind}.</b> {cells.legend(part)} {report.provenance_words(records)}"
        display(scrolling(cells.table_style(part, [*columns, mean]), caption))


def budget(shown: Shown) -> Markdown:
    """What the profile trains, and how its numbers may be read."""
    words = budgets.words(shown.profile)
    if shown.phantom:
        warning = (
            "These numbers are measured on phantoms. They show that every row can be computed, and "
            "are no evidence for or against the paper, whose numbers stand beside them only to "
            "show what the table is a table of."
        )
    else:
        lacking = [TASKS[task].column for task in shown.profile.without]
        gap = f" Not at hand: {', '.join(lacking)}; means are over the others." if lacking else ""
        warning = (
            "These numbers are measured on real images, the paper's own test lists, at a smaller "
            f"size and budget than the paper's.{gap}"
        )
    return Markdown(f"{words} {warning}")


def order_words(shown: Shown, *, means_only: bool = False) -> Markdown:
    """Whether the order of the rows is the paper's, column by column. Real images only."""
    columns = [column for columns, mean in HALVES.values() for column in (*columns, mean)]
    orders = [gains.order_of(shown.frame, column) for column in columns]
    found = [order for order in orders if order]
    if shown.phantom or not found:
        return Markdown("There is nothing to compare with the paper's order yet.")
    same = sum(order.same for order in found)
    alike, pairs = sum(o.agreeing for o in found), sum(o.pairs for o in found)
    head = (
        f"In {same} of {len(found)} columns the rows that were run stand in the paper's order; "
        f"{alike} of {pairs} pairs of rows are ordered alike."
    )
    told = [order for order in found if "mean" in order.column] if means_only else found
    return Markdown("\n".join([head, "", *[f"- {order.words}" for order in told]]))
