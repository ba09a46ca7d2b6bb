"""The encoders behind a table, LDL's and the others': two tables, because two things are measured.

LDL's encoders are asked for patches among the patches of a batch, the others for whole images among
the images held out.
"""

from typing import Any

from IPython.display import HTML

from ldl.engine.store import Record
from ldl.experiments import cells, report
from ldl.experiments.pages import Shown
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
    rows = [
        _line(record, _short_name(record), "images found (%)", spread=_spread(record))
        for record in found
    ]
    caption = (
        "Share of held-out images whose nearest neighbour, among the first views of all of them by "
        "the encoder's pooled features, is their own; both views are drawn as for InstDisc, for "
        "every method. Spread: standard deviation of the unit vectors that the method compares, at "
        "the end; 1 is all over the sphere, 0 is collapsed. "
        f"{report.provenance_words(found)}"
    )
    return small_table(rows or [{"encoder": "none yet"}], caption=caption)


def _line(record: Record, name: str, measure: str, **more: str) -> dict[str, Any]:
    return {
        "encoder": name,
        measure: f"{100 * record['retrieval']:.1f}",
        "before training (%)": f"{100 * record['retrieval_before']:.1f}",
        "among": record["retrieval_among"],
        **more,
        "late fall of the loss (%)": f"{100 * record['late_gain']:.1f}",
        "far enough": "yes" if record["trained"] else f"no {cells.MARK}",
        "updates": f"{record['config']['steps']:,}",
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
