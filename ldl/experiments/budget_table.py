"""The budget of each row of a table as a page shows it: what was planned, and what it took."""

from collections.abc import Sequence
from typing import Any

from IPython.display import HTML

from ldl.engine.store import RunStore
from ldl.experiments.budgets import RowBudget, batch_of, images_seen, row_budgets, trained_weights
from ldl.experiments.cells import NOT_YET
from ldl.experiments.costs import REFERENCE, cost_of
from ldl.experiments.pages import Shown
from ldl.plots.tables import small_table

NONE = "–"


def budget_table(shown: Shown, store: RunStore) -> HTML:
    """One line a row; times are of fundus and X-ray, in that order."""
    rows: dict[str, list[RowBudget]] = {}
    for one in row_budgets(shown.table, shown.profile, store):
        rows.setdefault(one.row.label, []).append(one)
    kind = "phantoms" if shown.phantom else "real images"
    caption = (
        f"Budget of each row, profile {shown.profile.name}, {kind}; where a cell has two numbers, "
        "the first is of fundus, the second of X-ray images. Images seen: drawn in all, not "
        "different ones; Rd's with those of its step 1. Work: additions and multiplications of a "
        "step (Rd's of its second) for each image drawn, Supervised's being 1, counted at the "
        "sizes of profile demo. Weights: what the pretraining moves, heads and decoders included; "
        "what transfers is the same encoder for every row. Wall times without waiting for data, of "
        "runs that may have shared their machine with others."
    )
    return small_table(
        [{"row": label} | _line(each) for label, each in rows.items()], caption=caption
    )


def _line(parts: Sequence[RowBudget]) -> dict[str, str]:
    fields = [one.encoder.model_dump() for one in parts if one.encoder]
    weights = [trained_weights(one.encoder) / 1000 for one in parts if one.encoder]
    return {
        "updates": _one(_chain(each) for each in fields),
        "images a step": _one(str(batch_of(each)) for each in fields),
        "images seen": _one(f"{images_seen(each):,}" for each in fields),
        "work an image": _work(parts[0]),
        "pretraining (min)": _each(_pretraining(one) for one in parts),
        "transfers (min)": _each(_transfers(one) for one in parts),
        "ms a step": _each(_step(one) for one in parts),
        "weights (thousands)": _one(f"{each:.0f}" for each in weights),
        "device": ", ".join(sorted({device for one in parts for device in one.devices})),
    }


def _one(values: Any) -> str:
    """What all have in common, once."""
    return " / ".join(dict.fromkeys(values)) or NONE


def _each(values: Any) -> str:
    found = list(values)
    return found[0] if len(set(found)) == 1 else " / ".join(found)


def _chain(fields: dict[str, Any]) -> str:
    before = f"{fields['step1']['steps']:,} + " if fields.get("step1") else ""
    return f"{before}{fields['steps']:,}"


def _work(one: RowBudget) -> str:
    cost = cost_of(one.encoder.method) if one.encoder else None
    reference = cost_of(REFERENCE)
    if cost is None or reference is None:
        return NONE
    return f"{cost.flop_an_image / reference.flop_an_image:.1f}"


def _step(one: RowBudget) -> str:
    if one.encoder is None:
        return NONE
    if not one.pretraining:
        return NOT_YET
    return f"{1000 * one.pretraining[0]['wall_seconds'] / max(1, one.encoder.steps):.0f}"


def _pretraining(one: RowBudget) -> str:
    if one.encoder is None:
        return NONE
    if not one.pretraining:
        return NOT_YET
    return f"{sum(record['wall_seconds'] for record in one.pretraining) / 60:.1f}"


def _transfers(one: RowBudget) -> str:
    if not one.transfers:
        return NOT_YET
    minutes = f"{sum(record['wall_seconds'] for record in one.transfers) / 60:.1f}"
    part = len(one.transfers) < one.planned
    return (
        f"{minutes} <small>({len(one.transfers)} of {one.planned} runs)</small>"
        if part
        else minutes
    )
