"""Tables 5 and 6: rows of the papers and our own, made into records, and read back."""

from typing import Any

import numpy as np
import pytest
import torch

from ldl.data.preprocess import field_masks
from ldl.engine.execute import ensure
from ldl.engine.jobs import ordered
from ldl.engine.profiles import PROFILES, Profile
from ldl.engine.store import RunStore
from ldl.metrics import dsc
from ldl.report import shape as restore
from ldl.runs.shape import PriorName, ShapeConfig
from ldl.tables import TABLES as ALL
from ldl.tables import plan, runs_of
from ldl.tables.encoders import Variant, ldl_config
from ldl.tables.measure import show
from ldl.tables.published import published
from ldl.tables.shape import COLUMNS, PRINTED, ROWS, TABLES, Guided, guide_config, shape_runs
from ldl.train import shape

DEMO, OPEN, PAPER = PROFILES["demo"], PROFILES["open"], PROFILES["paper"]
BY_KEY = {row.key: row for row in ROWS}


def runs(key: str, prior: PriorName, profile: Profile) -> tuple[ShapeConfig, ...]:
    table = ALL[TABLES[prior]]
    found: Any = table.runs(BY_KEY[key], table.columns(profile)[0], profile)
    return found


def test_rows_are_the_papers_six_and_our_own() -> None:
    for table in TABLES.values():
        printed = published(table)
        assert [row.published for row in ROWS if row.published] == list(printed["method"])
        assert list(printed.columns[1:-1]) == list(COLUMNS.values())
    assert [row.key for row in ROWS if not row.published] == [
        "top_hat", "refine_confident", "released_ori", "released_clu"
    ]  # fmt: skip
    assert [row.key for row in PRINTED if not row.published] == ["top_hat"]
    assert ALL["table5"].rows(DEMO) == PRINTED


def test_the_tables_are_planned_with_at_least_three_seeds_where_something_is_trained() -> None:
    for profile in (OPEN, PAPER):
        for cell in plan("table5", profile) + plan("table6", profile):
            seeds = {run.seed for run in cell.runs}
            once = cell.row.variant.once or cell.row.key == "top_hat"
            assert len(seeds) == 1 if once else len(seeds) >= 3
    assert len(plan("table5", DEMO, "out_ori/chase")) == 1


def test_a_run_is_scored_on_all_sets_and_made_once() -> None:
    cells = plan("table5", DEMO, "out_ori/")
    assert len({cell.runs for cell in cells}) == 1
    made = [run for run in ordered(cells).values() if run.kind == "shape"]
    assert len(made) == len(DEMO.shape.seeds)


def test_paper_profile_is_as_published() -> None:
    guide = guide_config("dsa", PAPER, 0)
    region, first = guide.region, guide.step1
    assert first is not None
    assert (region.clusters, region.groups, region.base, region.crop) == (8, 3, 16, 448)
    assert (first.steps, region.steps, first.halve_every, region.halve_every) == (
        20_000, 80_000, 10_000, 10_000
    )  # fmt: skip
    assert (region.learning_rate, guide.judge_rate, guide.judge_base) == (1e-3, 5e-5, 16)
    assert (guide.masks, guide.data.images) == (10, 10_000)
    refined = runs("refine_uncer", "dsa", PAPER)[0].refine
    assert refined is not None
    assert (refined.augmentations, refined.learning_rate, refined.weight) == (
        30, 1e-3, "uncertain"
    )  # fmt: skip


def test_what_a_row_needs() -> None:
    guided = runs("refine", "octa", DEMO)[0]
    assert guided.needs() == (guided.guide,)
    assert guided.guide is not None
    assert guided.guide.needs() == (guided.guide.step1,)
    assert runs("synseg", "octa", DEMO)[0].needs() == ()


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> RunStore:
    """Every run of Table 5 under ``smoke``."""
    root = tmp_path_factory.mktemp("shape")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LDL_CACHE", str(root / "cache"))
        patch.setenv("LDL_RESULTS", str(root / "results"))
        store = RunStore(root / "cache" / "runs", root / "results")
        for run in runs_of("table5", PROFILES["smoke"]).values():
            ensure(run, store, device="cpu", weights=True)
    return store


def test_records_hold_scores_and_the_watch(made: RunStore, smoke: Profile) -> None:
    for row in ROWS:
        for run in runs(row.key, "dsa", smoke):
            record = made.record(run)
            assert record is not None
            assert made.status(run) == "fresh"
            assert list(record["tests"]) == sorted(COLUMNS)
            for test in record["tests"].values():
                assert len(test["dsc"]) == len(test["ids"]) == smoke.tasks.test
                assert all(0 <= score <= 1 for score in test["dsc"])
            assert record["reference"]["width"] > 1
            assert (made.weights(run).exists()) == run.trains
            assert record["kind"] == "shape"
    guide = made.record(guide_config("dsa", smoke, 0))
    assert guide is not None
    assert {"judge", "believed_reference", "believed_target", "share"} <= set(guide["watch"])
    assert len(guide["watch"]["share"]) == len(guide["losses"]["step"])
    assert "collapse" in guide
    assert not list(made.work.glob("**/checkpoint.safetensors"))


def test_predictions_read_back_are_those_that_were_scored(made: RunStore, smoke: Profile) -> None:
    for key in ("out_clu", "refine", "synseg"):
        run = runs(key, "dsa", smoke)[0]
        assert restore.is_there(run, made)
        images, truth = restore.first_tests(run, "rite_vessel", 2)
        found = restore.regions(run, images, made)
        record = made.record(run)
        assert record is not None
        scores = dsc(found, truth & field_masks(images))
        assert scores == pytest.approx(record["tests"]["rite_vessel"]["dsc"][:2], abs=1e-5)
    baseline = runs("cyclegan", "dsa", smoke)[0]
    photographs = restore.synthetic(baseline, torch.zeros(2, 1, 32, 32), made)
    assert photographs.shape == (2, 3, 32, 32)
    assert photographs.dtype == np.uint8


def test_a_network_learns_from_a_filter_without_any_guide(smoke: Profile, cache: Any) -> None:
    run = shape_runs(Guided("refine", filtered=True), "dsa", smoke)[0]
    assert run.trains
    assert run.repeat == 0
    assert run.needs() == ()
    store = RunStore()
    record = ensure(run, store)
    assert record["labelled_images"] == smoke.shape.refine_images
    assert 0 < record["labelled_share"] < 0.5
    images, truth = restore.first_tests(run, "rite_vessel", 2)
    found = restore.regions(run, images, store)
    assert dsc(found, truth & field_masks(images)) == pytest.approx(
        record["tests"]["rite_vessel"]["dsc"][:2], abs=1e-5
    )
    with pytest.raises(ValueError, match="needs 'guide'"):
        type(run).model_validate(run.model_dump() | {"floor": None})


def test_frame_has_every_cell_beside_the_papers(made: RunStore, smoke: Profile) -> None:
    frame = show("table5", smoke, made).frame
    assert len(frame) == len(ROWS) * (len(COLUMNS) + 1)
    assert frame["measured"].all()
    line = frame[(frame["row"] == "out_clu") & (frame["column"] == "rite_vessel")].iloc[0]
    assert line["paper"] == 66.97
    assert line["difference"] == pytest.approx(line["ours"] - 66.97)
    printed = show("table6", smoke, RunStore(made.work / "none", made.committed)).frame
    assert not printed["measured"].any()
    means = printed[printed["column"] == "mean"].set_index("row")["paper"]
    assert means["refine_uncer"] == 65.85
    assert np.isnan(means["released_ori"])


def test_scores_are_inside_the_field_of_view(smoke: Profile) -> None:
    run = runs("out_ori", "dsa", smoke)[0]
    found = shape.scores(lambda images: torch.ones(images[:, 0].shape), run, torch.device("cpu"))
    assert found["collapse"] == "full"
    for test in found["tests"].values():
        assert test["share"] == 1
        # A region that is everything has DSC 2 s / (1 + s) where s of the field is vessel.
        expected = 2 * test["truth_share"] / (1 + test["truth_share"])
        assert np.mean(test["dsc"]) == pytest.approx(expected, abs=0.02)


def test_seeds_may_share_the_first_step_of_table_2() -> None:
    plain = {"own_step1": False, "steps1": None, "game": "paper", "images": None}
    shape = DEMO.shape.model_copy(update=plain)
    shared = DEMO.model_copy(update={"shape": shape})
    firsts = {guide_config("dsa", shared, seed).step1 for seed in (0, 1)}
    assert firsts == {ldl_config(Variant("pd+mix"), "fundus", shared)}
    assert guide_config("dsa", shared, 1).seed == 1
    own = shared.model_copy(update={"shape": shape.model_copy(update={"own_step1": True})})
    assert len({guide_config("dsa", own, seed).step1 for seed in (0, 1)}) == 2


def test_seeds_of_the_mended_game_may_share_a_first_step_at_their_own_scale() -> None:
    assert not OPEN.shape.own_step1
    first, second = (guide_config("dsa", OPEN, seed).step1 for seed in (0, 1))
    assert first is not None
    assert first == second == guide_config("octa", OPEN, 2).step1
    assert (first.seed, first.scale, first.steps) == (0, "native", OPEN.shape.steps1)
