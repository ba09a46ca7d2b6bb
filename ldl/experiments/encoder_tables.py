"""The encoders behind a table, LDL's and the others': two tables, because two things are measured.

LDL's encoders are asked for patches among the patches of a batch, the others for whole images among
the images held out.
"""

from typing import Any

from IPython.display import HTML

from ldl.experiments import budgets, cells, report
from ldl.experiments.pages import Shown
from ldl.experiments.store import Record
from ldl.experiments.verdicts import collapsed, is_comparison, last_spread
from ldl.plots.tables import small_table

MODALITY = {"fundus": "fundus", "xray": "X-ray"}


def of_patches(shown: Shown) -> HTML:
    """LDL's encoders behind the table: how well they find patches, and was the loss flat?"""
    found = [record for record in shown.encoders if not is_comparison(record)]
    rows = [_line(record, _name(record), "patches found (%)") for record in found]
    caption = (
        "Share of second-view patches of held-out images whose nearest first-view patch in the "
        "batch is their own, and how much of the whole fall of the loss happened in the last fifth "
        f"of the steps. {report.provenance_words(found)}"
    )
    return small_table(rows or [{"encoder": "none yet"}], caption=caption)


def of_images(shown: Shown) -> HTML:
    """The other methods' encoders: how well they find images, and whether they collapsed."""
    found = [record for record in shown.encoders if is_comparison(record)]
    rows = []
    for record in found:
        line = _line(record, _short_name(record), "images found (%)")
        line["spread"] = _spread(record)
        rows.append(line)
    caption = (
        "Share of held-out images whose nearest neighbour, among the first views of all of them by "
        "the encoder's pooled features, is their own; both views are drawn as for InstDisc, for "
        "every method. Spread: standard deviation of the unit vectors that the method compares, at "
        "the end; 1 is all over the sphere, 0 is collapsed. "
        f"{report.provenance_words(found)}"
    )
    return small_table(rows or [{"encoder": "none yet"}], caption=caption)


def budget_table(shown: Shown, store: Any) -> HTML:
    """The budget of each row, planned, and what it took, measured."""
    found = budgets.row_budgets(shown.table, shown.profile, store)
    kind = "phantoms" if shown.phantom else "real images"
    caption = (
        f"Budget of each row, profile {shown.profile.name}, {kind}. Images seen: drawn in all, not "
        "different ones; Rd's with those of its step 1. Weights: what the pretraining moves, heads "
        "and decoders included; what transfers is the same encoder for every row. Wall times "
        "without waiting for data, of runs that shared their machine with others."
    )
    return small_table([_budget(one) for one in found], caption=caption)


def _budget(one: budgets.RowBudget) -> dict[str, str]:
    pretrained = sum(record["wall_seconds"] for record in one.pretraining)
    transferred = sum(record["wall_seconds"] for record in one.transfers)
    line = {"row": one.row.label, "on": MODALITY[one.modality]}
    if one.encoder is None:
        blank = ("updates", "images a step", "images seen", "weights (thousands)")
        line |= dict.fromkeys((*blank, "pretraining (min)", "ms a step"), "–")
    else:
        fields = one.encoder.model_dump()
        last = one.pretraining[0] if one.pretraining else None
        line |= {
            "updates": _chain(fields),
            "images a step": f"{budgets.batch_of(fields)}",
            "images seen": f"{budgets.images_seen(fields):,}",
            "weights (thousands)": f"{budgets.trained_weights(one.encoder) / 1000:.0f}",
            "pretraining (min)": _minutes(pretrained) if last else cells.NOT_YET,
            "ms a step": f"{1000 * last['wall_seconds'] / fields['steps']:.0f}" if last else "",
        }
    missing = "" if len(one.transfers) == one.planned else f" ({len(one.transfers)} of "
    missing = f"{missing}{one.planned} runs)" if missing else ""
    line["transfers (min)"] = (
        f"{_minutes(transferred)}{missing}" if one.transfers else cells.NOT_YET
    )
    line["device"] = ", ".join(one.devices)
    return line


def _minutes(seconds: float) -> str:
    return f"{seconds / 60:.1f}"


def _chain(fields: dict[str, Any]) -> str:
    before = f"{fields['step1']['steps']:,} + " if fields.get("step1") else ""
    return f"{before}{fields['steps']:,}"


def _line(record: Record, name: str, measure: str) -> dict[str, Any]:
    return {
        "encoder": name,
        "updates": f"{record['config']['steps']:,}",
        measure: f"{100 * record['retrieval']:.1f}",
        "before training (%)": f"{100 * record['retrieval_before']:.1f}",
        "among": record["retrieval_among"],
        "late fall of the loss (%)": f"{100 * record['late_gain']:.1f}",
        "far enough": "yes" if record["trained"] else f"no {cells.MARK}",
        "wall time (s)": f"{record['wall_seconds']:.0f}",
    }


def _spread(record: Record) -> str:
    spread = last_spread(record)
    if spread is None:
        return "–"
    return f"{spread:.2f}{' (collapsed)' if collapsed(record) else ''}"


def _short_name(record: Record) -> str:
    config = record["config"]
    return f"{record['title']}, {MODALITY[config['modality']]}, width {config['base']}"


def _name(record: Record) -> str:
    config = record["config"]
    parts = [record["title"], MODALITY[config["modality"]]]
    parts.append(f"{config['patch_grid']}×{config['patch_grid']}")
    if config["clusters"]:
        parts.append(f"C = {config['clusters']}")
    parts.append(f"width {config['base']}")
    return ", ".join(parts)
