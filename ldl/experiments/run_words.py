"""A run in a listing: its table's title, its length and what came out, whatever kind it is."""

import numpy as np

from ldl.engine.store import Record
from ldl.experiments.rows import TABLES
from ldl.experiments.verdicts import is_comparison

# Tables of other measurements than transfers.
TITLES = {
    "table5": "Shape-guided segmentation, shapes from DSA",
    "table6": "Shape-guided segmentation, shapes from OCTA",
    "table7": "One-shot localization",
    "lrc_table1": "LRC: global pretraining with and without it",
    "lrc_table2": "LRC: which branch is added",
    "lrc_table3": "LRC: samples of a region",
}


def title_of(table: str) -> str:
    """What a table is of; its name where nobody gave it a title."""
    return TABLES[table].title if table in TABLES else TITLES.get(table, table)


def updates_of(record: Record) -> str:
    """Optimiser steps of a run, empty where nothing is trained."""
    steps = record.get("updates") or record["config"].get("steps")
    return f"{steps:,}" if isinstance(steps, int) and steps else ""


def result_of(record: Record) -> str:
    """The one number of a run: Dice, patches or images found, points found."""
    scores = record.get("dsc")
    if isinstance(scores, list) and all(isinstance(one, float) for one in scores):
        return f"DSC {100 * np.mean(scores):.1f}"
    if "volumes" in record:
        organs = [one for volume in record["volumes"] for one in volume["dsc"] if one is not None]
        return f"DSC {100 * np.mean(organs):.1f}"
    if "supports" in record:
        hits = [support["mean_accuracy"] for support in record["supports"]]
        return f"{100 * np.mean(hits):.1f} of points"
    if isinstance(record.get("retrieval"), float):
        return f"{100 * record['retrieval']:.1f} of {_found(record)}"
    return ""


def _found(record: Record) -> str:
    """What a pretraining finds again."""
    if "method" not in record["config"]:
        return "regions"
    return "images" if is_comparison(record) else "patches"
