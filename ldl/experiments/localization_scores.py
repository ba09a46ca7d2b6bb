"""Numbers of Table 7, computed from records beside the paper's."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from ldl.engine.profiles import Profile
from ldl.engine.store import Record, RunStore
from ldl.experiments.localization import ROWS, Column, cells, columns
from ldl.experiments.rows import Cell, Row
from ldl.runs.localize import LocalizeConfig
from ldl.tables.published import value

FACTORS = (0.05, 0.10, 0.15, 0.20, 0.25)
ACCURACIES = tuple(f"accuracy@{factor:.2f}" for factor in FACTORS)
PRINTED = (*ACCURACIES, "mean_accuracy")
STATUSES = ("found", "ambiguous", "flat", "absent")
# In per cent, as the paper prints them.
SHARES = (*ACCURACIES, "mean_accuracy", *STATUSES)
ERRORS = ("mean_error", "mean_error_windows")
SCORES = (*SHARES, *ERRORS, "sharpness")


@dataclass(frozen=True)
class Located:
    """The records of one cell.

    Attributes:
        scores: one line for each support image (and seed), columns as in `SCORES`; shares in per
            cent, errors in pixels and in windows, sharpness 0..1.
        frame: shares of the network's window vectors by name (mean over seeds); None without one.
        queries: number of images that each support image was compared with.
        stale: whether a record was made by other code.
        trained: whether the pretraining was long enough; None without one.
    """

    scores: pd.DataFrame
    frame: dict[str, float] | None
    queries: int
    seeds: int
    stale: bool
    trained: bool | None


def located(cell: Cell[LocalizeConfig], store: RunStore) -> Located | None:
    """What is known of ``cell``, None as long as one of its runs has no record."""
    records = [record for run in cell.runs if (record := store.record(run))]
    if len(records) < len(cell.runs):
        return None
    encoders = [store.record(run.encoder) for run in cell.runs if run.encoder]
    frames = pd.DataFrame([record["frame"] for record in records if "frame" in record])
    return Located(
        scores=pd.DataFrame([_scores(one) for record in records for one in record["supports"]]),
        frame=None if frames.empty else {str(k): float(v) for k, v in frames.mean().items()},
        queries=len(records[0]["ids"]) - 1,
        seeds=len(records),
        stale=any(store.status(run) == "stale" for run in cell.runs),
        trained=all(one is not None and one["trained"] for one in encoders) if encoders else None,
    )


def _scores(support: Record) -> dict[str, float]:
    found = dict(zip(ACCURACIES, support["accuracy"], strict=True))
    found |= {name: support[name] for name in ("mean_accuracy", *ERRORS)}
    statuses = support["status_of"]
    found |= {name: statuses.count(name) / len(statuses) for name in STATUSES}
    found["sharpness"] = float(np.mean(support["sharpness_of"]))
    return {name: 100 * each if name in SHARES else each for name, each in found.items()}


def paper_number(row: Row, column: Column, score: str) -> float:
    """The paper's number for this row and landmark, nan where it prints none."""
    if row.published is None or column.published is None or score not in PRINTED:
        return float("nan")
    printed = "mean" if score == "mean_accuracy" else f"acc@{score.removeprefix('accuracy@')}"
    number = value("table7", printed, task=column.published, method=row.published)
    return float("nan") if number is None else number


def table7_frame(profile: Profile, store: RunStore) -> pd.DataFrame:
    """A long frame, one line for each row, column and score of Table 7.

    The spread is over the support images (and seeds): the paper has one of each. Its numbers for
    the disc are of HRF and stand beside other eyes.

    Columns: row, label, column, title, landmark, score, paper, ours (the mean), deviation (of a
    sample), lowest, highest, supports, seeds, queries, stale, trained, measured, at_hand. Shares
    are in per cent; a number that is not there is nan.
    """
    found = {(cell.row.key, cell.task): located(cell, store) for cell in cells(profile)}
    return pd.DataFrame(
        _line(row, column, score, found.get((row.key, column.key)))
        | {"at_hand": column.key not in profile.localization.without}
        for row in ROWS
        for column in columns(profile)
        for score in SCORES
    )


def _line(row: Row, column: Column, score: str, found: Located | None) -> dict[str, object]:
    values = np.array(found.scores[score] if found else [float("nan")], dtype=np.float64)
    return {
        "row": row.key,
        "label": row.label,
        "column": column.key,
        "title": column.title,
        "landmark": column.landmark,
        "score": score,
        "paper": paper_number(row, column, score),
        "ours": float(values.mean()),
        "deviation": float(values.std(ddof=1)) if len(values) > 1 else float("nan"),
        "lowest": float(values.min()),
        "highest": float(values.max()),
        "supports": len(values) if found else 0,
        "seeds": found.seeds if found else 0,
        "queries": found.queries if found else 0,
        "stale": found.stale if found else False,
        "trained": found.trained if found else None,
        "measured": found is not None,
    }
