"""LRC's tables: what is planned, and the numbers that come out of records."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from ldl.engine.jobs import jobs, ordered
from ldl.engine.profiles import profile_named
from ldl.engine.store import RunStore
from ldl.experiments.lrc import claims, figure2, own, pairs, picture, table1, table2, table3
from ldl.experiments.lrc.numbers import compared, measured
from ldl.experiments.lrc.rows import GLOBAL, columns
from ldl.experiments.plan import plan
from ldl.runs.lrc import GlobalConfig, OrganConfig
from ldl.train.ct_global import global_network

DEMO, OPEN, PAPER = (profile_named(name) for name in ("demo", "open", "paper"))


def test_table_1_has_every_pretraining_with_and_without_in_six_columns() -> None:
    found = {(cell.row.key, cell.task) for cell in plan("lrc_table1", DEMO)}
    for method in GLOBAL:
        for column in columns(DEMO):
            assert (method, column.key) in found
            assert (f"{method}+lrc", column.key) in found
    assert len(found) == 11 * 2 * 6 + 2 * 3


def test_a_pair_differs_in_the_local_branch_alone() -> None:
    cells = {(cell.row.key, cell.task): cell for cell in table1.cells(DEMO)}
    for method in ("random", "moco", "mae"):
        (without,), (with_,) = (cells[key, "thorax-10"].runs for key in (method, f"{method}+lrc"))
        assert with_.local is not None
        assert without.local is None
        plain = with_.model_copy(update={"local": None, "local_base": 0})
        assert plain == without


def test_one_abdominal_pretraining_serves_all_regions() -> None:
    encoders = [run.encoder for cell in table1.cells(OPEN) for run in cell.runs if run.encoder]
    assert {one.data.region for one in encoders if isinstance(one, GlobalConfig)} == {"abdomen"}
    local = [run.local.run_id() for c in table1.cells(OPEN) for run in c.runs if run.local]
    assert len(set(local)) == 1


def test_no_pretraining_sees_a_test_volume() -> None:
    for profile in (DEMO, OPEN, PAPER):
        for table in (table1, table2, table3):
            for run in (run for cell in table.cells(profile) for run in cell.runs):
                for seen in (run.encoder, run.local, run.second):
                    if isinstance(getattr(seen, "data", None), type(run.data)):
                        assert seen.data.keeps_apart(seen.part, run.data)


@pytest.mark.parametrize("name", ["smoke", "demo", "open"])
def test_every_global_network_of_a_profile_can_be_made(name: str) -> None:
    runs = ordered(plan("lrc_table1", profile_named(name))).values()
    configs = [run for run in runs if isinstance(run, GlobalConfig) and run.method != "imagenet"]
    assert len(configs) >= 3
    for config in configs:
        global_network(config, 64)


def test_imagenet_is_a_stand_in_absent_or_the_weights() -> None:
    def starts(profile: object) -> set[object]:
        cells = table1.cells(profile)  # type: ignore[arg-type]
        return {
            r.encoder.method for c in cells for r in c.runs if r.encoder and "imagenet" in c.row.key
        }

    assert starts(DEMO) == {"supervised"}
    assert starts(OPEN) == set()
    assert starts(PAPER) == {"imagenet"}


def test_the_larger_budget_that_is_not_there_is_the_same_run() -> None:
    by_key = {(cell.row.key, cell.task): cell.runs for cell in table1.cells(OPEN)}
    assert by_key["moco", "abdomen-10"] == by_key["moco", "abdomen-60"]
    assert by_key["moco", "head_neck-10"] != by_key["moco", "head_neck-60"]


def test_runs_come_after_all_that_they_need() -> None:
    runs = ordered(plan("lrc_table2", DEMO))
    places = {id: place for place, id in enumerate(runs)}
    for id, run in runs.items():
        for before in run.needs():
            assert places[before.run_id()] < places[id]
    made = jobs(plan("lrc_table2", DEMO))
    seen: set[str] = set()
    for job in made:
        assert set(job.parents) <= seen
        seen.add(job.id)
    assert {run.run_id() for job in made for run in job.members()} == set(runs)


def record_for(run: OrganConfig, dsc: list[list[float | None]]) -> dict[str, object]:
    return {
        "volumes": [
            {"id": f"v{k}", "dsc": one, "hd95": [None if d is None else 10.0 for d in one]}
            for k, one in enumerate(dsc)
        ],
        "organs": ["a", "b"],
    }


class Kept(RunStore):
    """A store that answers from a dictionary."""

    def __init__(self, records: dict[str, dict[str, object]], folder: Path) -> None:
        super().__init__(folder, folder)
        self.records = records

    def record(self, run: object) -> dict[str, object] | None:
        return self.records.get(run.run_id())  # type: ignore[attr-defined]

    def status(self, run: object) -> str:  # type: ignore[override]
        return "fresh"


@pytest.fixture
def store(tmp_path: Path) -> Kept:
    cells = {(cell.row.key, cell.task): cell.runs[0] for cell in table1.cells(DEMO)}
    cells |= {(c.row.key, c.task): c.runs[0] for c in table3.cells(DEMO)}
    below = [[0.2, 0.4], [0.3, None], [0.5, 0.1], [0.4, 0.4]]
    above = [[0.3, 0.5], [0.4, 0.0], [0.6, 0.2], [0.52, 0.48]]
    records = {
        cells["moco", "abdomen-10"].run_id(): record_for(cells["moco", "abdomen-10"], below),
        cells["moco+lrc", "abdomen-10"].run_id(): record_for(cells["moco", "abdomen-10"], above),
    }
    return Kept(records, tmp_path)


def test_a_difference_is_paired_by_volume_over_organs_that_both_scored(store: Kept) -> None:
    cells = {(cell.row.key, cell.task): cell for cell in table1.cells(DEMO)}
    without = measured(cells["moco", "abdomen-10"], store)
    with_ = measured(cells["moco+lrc", "abdomen-10"], store)
    assert without is not None
    assert with_ is not None
    assert without.mean == pytest.approx(100 * np.mean([0.3, 0.3, 0.3, 0.4]))
    found = compared(with_, without)
    # The second volume lacks organ b: the other network's false alarm there is not compared.
    assert found.difference == pytest.approx(10.0)
    assert found.n == 4


def test_frames_say_what_is_missing_and_claims_are_counted(store: Kept) -> None:
    frame = pairs.table1_frame(DEMO, store)
    assert len(frame) == 66
    line = frame[frame["measured"]]
    assert len(line) == 1
    assert line["verdict"].item() == "higher"
    assert line["paper_without"].item() == 72.1
    assert line["paper_with"].item() == 75.3
    assert "1 measured cells" in claims.summary(frame)
    first = claims.column_counts(frame)[0]
    assert first["higher with LRC, here"] == "1 of 1"
    # Counted by hand in the printed table: all but MAE.
    assert first["higher with LRC, the paper"] == "10 of 11"
    assert claims.column_counts(frame)[1]["higher with LRC, here"] == "not yet run"
    assert len(own.against_untrained(own.own_frame(DEMO, store))) == 0


def test_organs_that_were_given_up_are_counted(store: Kept) -> None:
    cell = {(c.row.key, c.task): c for c in table1.cells(DEMO)}["moco", "abdomen-10"]
    scores = measured(cell, store)
    assert scores is not None
    assert scores.lost == 0
    assert dataclasses.replace(scores, dsc=scores.dsc * [1, 0]).lost == 1
    line = pairs.table1_frame(DEMO, store)
    assert "In 0 of 1 pairs" in claims.lost_words(line)


def test_table_3_prints_the_papers_numbers_beside_ours(store: Kept) -> None:
    frame = pairs.table3_frame(DEMO, store).set_index("samples")
    assert frame.loc[50, "paper"] == pytest.approx(73.2)
    assert frame.loc[10, "paper"] == pytest.approx(69.5)
    assert np.isnan(frame.loc[200, "paper"])
    assert frame.loc[50, "measured"]
    assert not frame.loc[10, "measured"]


def test_labels_survive_packing() -> None:
    labels = np.random.default_rng(0).integers(0, 12, (48, 48)).astype(np.uint8)
    assert np.array_equal(picture.unpacked(picture.packed(labels), 48), labels)


def test_background_is_not_painted() -> None:
    image = np.full((4, 4), 100, np.uint8)
    labels = np.zeros((4, 4), np.uint8)
    labels[0, 0] = 3
    shown = figure2.painted(image, labels)
    assert (shown[1:] == 100).all()
    assert (shown[0, 0] != 100).any()
