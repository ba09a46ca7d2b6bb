"""The pretrainings behind LRC's tables, and which of them collapsed."""

from typing import Any

from ldl.engine.store import Record
from ldl.experiments.lrc.page import Gathered
from ldl.experiments.lrc.rows import GLOBAL, Branches
from ldl.runs.lrc import OrganConfig
from ldl.tables.encoders import Cell
from ldl.train.comparison import LEAST_SPREAD

MARK = "†"


def collapsed(record: Record) -> bool:
    """Whether a method's outputs ended up alike; the local branch has no such number."""
    spread = record.get("spread") or [LEAST_SPREAD]
    return bool(spread[-1] < LEAST_SPREAD)


def collapsed_methods(gathered: Gathered) -> set[str]:
    """Labels of the rows whose global encoder collapsed."""
    return {label for label, record in _whole(gathered).items() if collapsed(record)}


def encoder_rows(gathered: Gathered) -> list[dict[str, Any]]:
    """One line for each pretraining with a record, the global ones first."""
    rows = [_line(label, record) for label, record in _whole(gathered).items()]
    return [*rows, *(_line("LRC's local branch", one) for one in _local(gathered))]


def _line(label: str, record: Record) -> dict[str, Any]:
    config, spread = record["config"], record.get("spread")
    losses: list[float] = next((v for k, v in record["losses"].items() if k != "step"), [])
    return {
        "pretraining": label + (f" {MARK}" if collapsed(record) else ""),
        "data": record["data"]["name"],
        "steps": f"{config['steps']:,}",
        "slices seen": f"{config['steps'] * config['batch']:,}",
        "loss, first": losses[0] if losses else float("nan"),
        "loss, last": losses[-1] if losses else float("nan"),
        "spread": spread[-1] if spread else float("nan"),
        "found before": f"{100 * record['retrieval_before']:.1f} %",
        "found after": f"{100 * record['retrieval']:.1f} %",
        "among": f"{record['retrieval_among']:,}",
        "minutes": record["wall_seconds"] / 60,
    }


def _whole(gathered: Gathered) -> dict[str, Record]:
    found: dict[str, Record] = {}
    for cell in gathered.cells:
        for run in cell.runs:
            record = gathered.store.record(run.encoder) if run.encoder else None
            if record:
                found.setdefault(_label(cell), record)
    return found


def _label(cell: Cell[OrganConfig]) -> str:
    assert isinstance(cell.row.variant, Branches), "a row of LRC"
    return GLOBAL[cell.row.key.split("+")[0].split("/")[0]]


def _local(gathered: Gathered) -> list[Record]:
    runs = {run.local.run_id(): run.local for c in gathered.cells for run in c.runs if run.local}
    return [record for one in runs.values() if (record := gathered.store.record(one))]


def words(gathered: Gathered) -> str:
    """A caption: what the columns mean, and which rows rest on a collapsed encoder."""
    bad = collapsed_methods(gathered)
    mark = (
        f" {MARK} its outputs ended up alike (spread below {LEAST_SPREAD}): as a baseline this row "
        f"is a poor start, not what the method can do ({', '.join(sorted(bad))})."
        if bad
        else ""
    )
    return (
        "Pretrainings behind the rows. Spread: standard deviation of the normalised outputs times "
        "the root of their dimension, 1 for even, 0 for collapsed. Found: how often a view of a "
        "validation slice (of LRC: a region) finds its other view first among the given number; "
        f"slices that lie side by side look alike.{mark}"
    )
