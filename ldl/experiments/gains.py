"""Gains over scratch, paired over the test images, and the order of the rows."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ldl.engine.profiles import Profile
from ldl.engine.store import RunStore
from ldl.experiments.plan import plan
from ldl.experiments.tables import measure
from ldl.stats import bootstrap_interval
from ldl.tasks import TASKS

# Orders of more rows than FEW are told by their FIRST.
FEW, FIRST = 5, 4


def per_image(table: str, profile: Profile, store: RunStore) -> dict[tuple[str, str], NDArray]:
    """(row, task) -> (n,) DSC in percent of each test image, mean over a cell's runs."""
    scores = {}
    for cell in plan(table, profile):
        found = measure(cell, store)
        if found is not None:
            runs = [record["dsc"] for record in found.records]
            scores[cell.row.key, cell.task] = 100 * np.mean(runs, axis=0)
    return scores


def gains(table: str, profile: Profile, store: RunStore, baseline: str) -> pd.DataFrame:
    """Mean difference to ``baseline`` on the same test images, with its bootstrap interval.

    Pairing takes out what makes an image hard for every row, so the interval is narrower and is
    the one to judge a difference by. Columns: row, column, ours (the gain), low, high, images.
    """
    scores = per_image(table, profile, store)
    lines = []
    for (row, task), values in scores.items():
        base = scores.get((baseline, task))
        if row == baseline or base is None or len(base) != len(values):
            continue
        difference = values - base
        low, high = bootstrap_interval(difference)
        lines.append(
            {
                "row": row,
                "column": TASKS[task].column,
                "ours": float(difference.mean()),
                "low": low,
                "high": high,
                "images": len(difference),
            }
        )
    names = ["row", "column", "ours", "low", "high", "images"]
    return pd.DataFrame(lines, columns=names)


@dataclass(frozen=True)
class Order:
    """How the measured rows rank in one column, here and in the paper (best first)."""

    column: str
    ours: tuple[str, ...]
    paper: tuple[str, ...]
    agreeing: int
    pairs: int

    @property
    def same(self) -> bool:
        """Whether both orders are equal."""
        return self.ours == self.paper

    @property
    def words(self) -> str:
        """One sentence with both orders."""
        ours, paper = _first(self.ours), _first(self.paper)
        if self.same:
            return f"{self.column}: the order of the rows is the paper's ({ours})."
        return (
            f"{self.column}: the order of the rows **differs** from the paper's. Ours: {ours}; the "
            f"paper: {paper}; {self.agreeing} of {self.pairs} pairs are ordered alike."
        )


def _first(names: tuple[str, ...]) -> str:
    """The names in order; of many rows the first ones only."""
    if len(names) <= FEW:
        return " > ".join(names)
    return " > ".join(names[:FIRST]) + f" > {len(names) - FIRST} others"


def order_of(frame: pd.DataFrame, column: str) -> Order | None:
    """The order of the rows that are measured and printed; None with fewer than two of them."""
    part = frame[(frame["column"] == column) & frame["measured"] & frame["paper"].notna()]
    if len(part) < 2:
        return None
    ours = part.sort_values("ours", ascending=False, kind="stable")["label"]
    paper = part.sort_values("paper", ascending=False, kind="stable")["label"]
    signs = np.sign(np.subtract.outer(part["ours"].to_numpy(), part["ours"].to_numpy()))
    printed = np.sign(np.subtract.outer(part["paper"].to_numpy(), part["paper"].to_numpy()))
    upper = np.triu_indices(len(part), 1)
    agreeing = int((signs[upper] == printed[upper]).sum())
    name = {"fundus_mean": "Fundus mean", "xray_mean": "X-ray mean"}.get(column, column)
    return Order(name, tuple(ours), tuple(paper), agreeing, len(upper[0]))
