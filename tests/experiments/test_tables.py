"""What a table computes from records, and what it sets beside it."""

import math

import numpy as np
import pytest
from ldl.experiments.tables import measure, paper_mean, paper_value, table_frame

from ldl.engine.profiles import PROFILES, Profile
from ldl.engine.store import SCHEMA, RunStore
from ldl.runs.base import Run
from ldl.tables.encoders import table_named
from ldl.tables.plan import plan
from ldl.tasks import FUNDUS_TASKS, XRAY_TASKS

ROWS = {row.key: row for row in table_named("table2").rows}


def _save(store: RunStore, run: Run, scores: list[float]) -> None:
    record = {
        "schema": SCHEMA,
        "version": run.stamp(),
        "dsc": scores,
    }
    store.save(run, record)


def test_the_papers_mean_stands_as_printed_where_all_tasks_are_there() -> None:
    assert paper_mean("table2", ROWS["rd"], "xray_mean", XRAY_TASKS) == 82.11
    assert paper_mean("table2", ROWS["rd"], "fundus_mean", FUNDUS_TASKS) == 85.12


def test_a_mean_over_fewer_tasks_stands_beside_the_papers_over_the_same() -> None:
    there = [task for task in XRAY_TASKS if task != "siim_pneumothorax"]
    expected = (94.32 + 97.97 + 92.98) / 3
    assert paper_mean("table2", ROWS["rd"], "xray_mean", there) == pytest.approx(expected)


def test_the_paper_prints_nothing_beside_equal_updates() -> None:
    assert math.isnan(paper_value("table2", ROWS["scratch-equal"], "STARE"))


def test_a_cell_is_the_mean_over_fractions_and_images(store: RunStore) -> None:
    profile = PROFILES["demo"]
    cell = plan("table2", profile, "scratch/scr_heart")[0]
    assert len(cell.runs) == 2
    _save(store, cell.runs[0], [0.2, 0.4])
    assert measure(cell, store) is None, "a cell with a missing run is not measured"
    _save(store, cell.runs[1], [0.6, 0.8])
    found = measure(cell, store)
    assert found is not None
    assert found.value == pytest.approx(50)
    assert (found.low, found.high) == pytest.approx((40, 60))
    assert found.images == 2


def test_a_mean_column_needs_every_task(store: RunStore, smoke: Profile) -> None:
    cells = plan("table2", smoke, "scratch/")
    cells = [cell for cell in cells if cell.row.key == "scratch"]
    for number, cell in enumerate(cells):
        for run in cell.runs:
            _save(store, run, [number / 100])
    frame = table_frame("table2", smoke, store).set_index(["row", "column"])
    fundus = frame.loc[("scratch", "fundus_mean")]
    assert fundus["ours"] == pytest.approx(np.mean(range(8)))
    assert fundus["difference"] == pytest.approx(fundus["ours"] - 79.33)
    assert not frame.loc[("rd", "fundus_mean"), "measured"]
    (store.folder(cells[0].runs[0]) / "record.json").unlink()
    again = table_frame("table2", smoke, store).set_index(["row", "column"])
    assert not again.loc[("scratch", "fundus_mean"), "measured"]
    assert again.loc[("scratch", "xray_mean"), "measured"]
