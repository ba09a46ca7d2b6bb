"""What the page of Table 7 shows under a profile: gathered once, nothing is run."""

from dataclasses import dataclass

import pandas as pd
from IPython.display import Markdown, display

from ldl.engine.profiles import Profile, profile_named
from ldl.engine.store import Record, RunStore
from ldl.experiments import localization_answers, report
from ldl.experiments.localization import Column, cells, columns
from ldl.experiments.localization_answers import Answers
from ldl.experiments.localization_cells import column_table
from ldl.experiments.localization_scores import located, table7_frame
from ldl.runs.localize import window_at


@dataclass(frozen=True)
class Shown:
    """Table 7 under a profile, and the records behind it."""

    profile: Profile
    frame: pd.DataFrame
    accuracy: Answers
    sharpness: Answers
    frames: dict[tuple[str, str], dict[str, float]]  # by row and column, of networks
    records: dict[str, tuple[Record, ...]]  # by column
    encoders: tuple[Record, ...]

    @property
    def measured(self) -> bool:
        """Whether there is any number at all."""
        return bool(self.frame["measured"].any())

    @property
    def phantom(self) -> bool:
        """Whether its profile is on phantoms."""
        return self.profile.pretraining.source == "phantom"

    @property
    def kind(self) -> str:
        """Phantoms or real images, for captions."""
        return "Phantoms" if self.phantom else "Real images"

    @property
    def there(self) -> list[Column]:
        """The columns with any number."""
        return [one for one in columns(self.profile) if self.records.get(one.key)]

    @property
    def everything(self) -> tuple[Record, ...]:
        """All records of searches."""
        return tuple(record for some in self.records.values() for record in some)


def gather(profile: str, store: RunStore) -> Shown:
    """The numbers of Table 7 under ``profile`` and what they were made from."""
    budget = profile_named(profile)
    records: dict[str, list[Record]] = {}
    wanted, frames = {}, {}
    for cell in cells(budget):
        found = located(cell, store)
        if found and found.frame:
            frames[cell.row.key, cell.task] = found.frame
        for run in cell.runs:
            if record := store.record(run):
                records.setdefault(cell.task, []).append(record)
            if run.encoder:
                wanted[run.encoder.run_id()] = run.encoder
    encoders = [store.record(config) for config in wanted.values()]
    return Shown(
        profile=budget,
        frame=table7_frame(budget, store),
        accuracy=localization_answers.answers(budget, store),
        sharpness=localization_answers.answers(budget, store, "sharpness"),
        frames=frames,
        records={key: tuple(some) for key, some in records.items()},
        encoders=tuple(record for record in encoders if record),
    )


def show_columns(shown: Shown) -> None:
    """A table for each landmark, those whose data are not at hand included."""
    for column in columns(shown.profile):
        made = shown.records.get(column.key, ())
        words = report.provenance_words(made, "search") if made else ""
        display(column_table(shown.frame, column.key, words))


def absent_words(shown: Shown) -> str:
    """Which columns and rows have no number, and why."""
    frame = shown.frame[shown.frame["score"] == "mean_accuracy"]
    away = [one.title for one in columns(shown.profile) if one.key not in _hand(shown)]
    words = [f"Not at hand: {', '.join(away)}."] if away else []
    waiting = frame[frame["at_hand"] & ~frame["measured"]]
    if len(waiting):
        rows = ", ".join(dict.fromkeys(waiting["label"]))
        total = int(frame["at_hand"].sum())
        words.append(f"Not yet run: {len(waiting)} of {total} numbers ({rows}).")
    return " ".join(words)


def _hand(shown: Shown) -> list[str]:
    without = shown.profile.localization.without
    return [one.key for one in columns(shown.profile) if one.key not in without]


def budget_words(shown: Shown) -> Markdown:
    """What is searched under this profile, and how its numbers may be read."""
    local, size = shown.profile.localization, shown.profile.pretraining.size
    sides = {f"{one.landmark} {window_at(one.landmark, size):g}" for one in columns(shown.profile)}
    words = (
        f"Profile `{shown.profile.name}`: images of {size} pixels, windows scaled with them "
        f"({', '.join(sorted(sides))} pixels), {local.supports} support images drawn from the "
        "seed, each against all other images of its set."
    )
    warning = (
        "These numbers are measured on **phantoms**. They show that every row can be computed, and "
        "are no evidence for or against the paper, whose numbers stand beside them only to show "
        "what the table is a table of."
        if shown.phantom
        else "These numbers are measured on **real images**, at a smaller size and with a shorter "
        "training than the paper's. The paper's disc is HRF's; IDRiD and DRISHTI-GS1 show other "
        "eyes."
    )
    return Markdown(f"{words} {warning} {absent_words(shown)}")
