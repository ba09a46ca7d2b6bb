"""Tables 5 and 6: rows of the papers and our own, made into records, and read back."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from ldl.experiments.shape import claims
from ldl.experiments.shape.rows import COLUMNS, ROWS, TABLES, guide_config, shape_configs
from ldl.experiments.shape.scores import MEAN, Row56, all_measured, paper_number, shape_frame

from ldl.engine.execute import ensure
from ldl.engine.jobs import jobs, ordered
from ldl.engine.profiles import PROFILES, Profile
from ldl.engine.store import RunStore
from ldl.tables.encoders import Variant, ldl_config
from ldl.tables.plan import plan, table_names
from ldl.tables.published import published
from ldl.train.shape import restore, scoring

DEMO, OPEN, PAPER = PROFILES["demo"], PROFILES["open"], PROFILES["paper"]
BY_KEY = {row.key: row for row in ROWS}


def test_rows_are_the_papers_six_and_our_own() -> None:
    for table in TABLES.values():
        printed = published(table)
        assert [row.published for row in ROWS if row.published] == list(printed["method"])
        assert list(printed.columns[1:-1]) == list(COLUMNS.values())
    assert [row.key for row in ROWS if not row.published] == [
        "refine_confident", "released_ori", "released_clu"
    ]  # fmt: skip


def test_the_tables_are_planned_in_order_with_at_least_three_seeds() -> None:
    names = table_names()
    assert names.index("table5") + 1 == names.index("table6") < names.index("table7")
    for profile in (DEMO, OPEN, PAPER):
        for cell in plan("table5", profile) + plan("table6", profile):
            assert len({run.seed for run in cell.runs}) >= 3
    assert len(plan("table5", DEMO, "out_ori/chase")) == 1


def test_a_run_is_scored_on_all_sets_and_made_once() -> None:
    cells = plan("table5", DEMO, "out_ori/")
    assert len({cell.runs for cell in cells}) == 1
    made = [run for run in ordered(cells).values() if run.run_id().startswith("shape")]
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
    refined = shape_configs(BY_KEY["refine_uncer"], "dsa", PAPER)[0].refine
    assert refined is not None
    assert (refined.augmentations, refined.learning_rate, refined.weight) == (
        30, 1e-3, "uncertain"
    )  # fmt: skip


def test_what_a_row_needs_and_its_job() -> None:
    cells = plan("table6", DEMO)
    listed = jobs(cells)
    members = [run.run_id() for job in listed for run in job.members()]
    assert sorted(members) == sorted(ordered(cells))
    guided = shape_configs(BY_KEY["refine"], "octa", DEMO)[0]
    assert guided.needs() == (guided.guide,)
    assert guided.guide is not None
    assert guided.guide.needs() == (guided.guide.step1,)
    assert shape_configs(BY_KEY["synseg"], "octa", DEMO)[0].needs() == ()


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> RunStore:
    """Every run of Table 5 under ``smoke``."""
    root = tmp_path_factory.mktemp("shape")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LDL_CACHE", str(root / "cache"))
        patch.setenv("LDL_RESULTS", str(root / "results"))
        store = RunStore(root / "cache" / "runs", root / "results")
        for run in ordered(plan("table5", PROFILES["smoke"])).values():
            ensure(run, store, device="cpu", weights=True)
    return store


def test_records_hold_scores_and_the_watch(made: RunStore, smoke: Profile) -> None:
    for row in ROWS:
        for run in shape_configs(row, "dsa", smoke):
            record = made.record(run)
            assert record is not None
            assert made.status(run) == "fresh"
            assert list(record["tests"]) == sorted(COLUMNS)
            for test in record["tests"].values():
                assert len(test["dsc"]) == len(test["ids"]) == smoke.tasks.test
                assert all(0 <= score <= 1 for score in test["dsc"])
            assert record["collapse"] in ("", "empty", "full", "fixed", "blob", "speckle")
            assert record["reference"]["width"] > 1
            assert (made.weights(run).exists()) == run.trains
            assert record["kind"] == "shape"
    guide = made.record(guide_config("dsa", smoke, 0))
    assert guide is not None
    assert set(guide["watch"]) == {"judge", "believed_reference", "believed_target", "share"}
    assert len(guide["watch"]["share"]) == len(guide["losses"]["step"])
    assert "collapse" in guide
    assert not list(made.work.glob("**/checkpoint.safetensors"))


def test_predictions_read_back_are_those_that_were_scored(made: RunStore, smoke: Profile) -> None:
    from ldl.data.field import field_masks
    from ldl.metrics import dsc

    for key in ("out_clu", "refine", "synseg"):
        run = shape_configs(BY_KEY[key], "dsa", smoke)[0]
        assert restore.is_there(run, made)
        images, truth = restore.first_tests(run, "rite_vessel", 2)
        found = restore.regions(run, images, made)
        record = made.record(run)
        assert record is not None
        scores = dsc(found, truth & field_masks(images))
        assert scores == pytest.approx(record["tests"]["rite_vessel"]["dsc"][:2], abs=1e-5)
    baseline = shape_configs(BY_KEY["cyclegan"], "dsa", smoke)[0]
    photographs = restore.synthetic(baseline, torch.zeros(2, 1, 32, 32), made)
    assert photographs.shape == (2, 3, 32, 32)
    assert photographs.dtype == np.uint8


def test_frame_has_every_cell_beside_the_papers(made: RunStore, smoke: Profile) -> None:
    rows = all_measured("dsa", smoke, made)
    frame = shape_frame("dsa", rows)
    assert len(frame) == len(ROWS) * (len(COLUMNS) + 1)
    assert frame["measured"].all()
    line = frame[(frame["row"] == "out_clu") & (frame["column"] == "RITE")].iloc[0]
    assert line["paper"] == 66.97
    assert line["difference"] == pytest.approx(line["ours"] - 66.97)
    assert not shape_frame("octa", {})["measured"].any()
    assert paper_number("octa", BY_KEY["refine_uncer"], MEAN) == 65.85
    assert np.isnan(paper_number("octa", BY_KEY["released_ori"], MEAN))


def row_of(key: str, base: float, by_seed: tuple[float, ...] = (0.0, 1.0, -1.0)) -> Row56:
    draw = np.random.default_rng(0)
    images = draw.normal(0, 5, (1, 20))
    scores = {column: base + images + np.array(by_seed)[:, None] for column in COLUMNS.values()}
    return Row56(BY_KEY[key], scores, ("", "", "blob"), (), False)


def test_leads_are_paired_and_judged_by_interval_and_seeds() -> None:
    better, worse = row_of("out_clu", 60.0), row_of("out_ori", 50.0)
    found = claims.lead(better, worse)
    # Images are hard for both rows alike: paired, their spread is gone.
    assert found.value == pytest.approx(10)
    assert (found.low, found.high) == pytest.approx((10, 10))
    assert found.verdict == "ahead"
    assert claims.lead(worse, better).verdict == "behind"
    shaken = row_of("out_clu", 50.5, (3.0, -3.0, 0.0))
    assert claims.lead(shaken, worse).verdict == "undecided"


def test_printed_leads_are_the_papers() -> None:
    gap, sets = claims.printed_lead(claims.CLAIMS[0], "dsa") or (0.0, 0)
    assert gap == pytest.approx(66.80 - 16.46)
    assert sets == 4
    last = next(c for c in claims.CLAIMS if (c.better, c.worse) == ("refine_uncer", "refine"))
    assert (claims.printed_lead(last, "octa") or (0, 0))[1] == 3
    assert claims.printed_lead(claims.ABLATIONS[0], "dsa") is None


def test_no_verdict_about_the_paper_on_phantoms() -> None:
    rows = {"out_clu": row_of("out_clu", 60.0), "out_ori": row_of("out_ori", 50.0)}
    real = claims.claim_table(claims.CLAIMS, "dsa", rows, phantom=False).data
    phantom = claims.claim_table(claims.CLAIMS, "dsa", rows, phantom=True).data
    assert "reproduces: +10.0" in real
    assert "reproduces" not in phantom
    assert "no evidence" in phantom


def test_no_verdict_between_rows_that_collapsed_altogether() -> None:
    sound = {"out_clu": row_of("out_clu", 60.0), "out_ori": row_of("out_ori", 50.0)}
    lost = {key: replace(row, collapses=("empty",) * 3) for key, row in sound.items()}

    def told(rows: dict[str, Row56]) -> str:
        return str(claims.claim_table(claims.CLAIMS, "dsa", rows, phantom=False).data)

    assert "every run of both collapsed: +10.0" in told(lost)
    assert "reproduces" not in told(lost)
    # Where one of the two is vessel-like there is something to compare.
    assert "reproduces: +10.0" in told({**lost, "out_clu": sound["out_clu"]})


def test_scores_are_inside_the_field_of_view(smoke: Profile) -> None:
    run = shape_configs(BY_KEY["out_ori"], "dsa", smoke)[0]
    found = scoring.scores(lambda images: torch.ones(images[:, 0].shape), run, torch.device("cpu"))
    assert found["collapse"] == "full"
    for test in found["tests"].values():
        assert test["share"] == 1
        # A region that is everything has DSC 2 s / (1 + s) where s of the field is vessel.
        expected = 2 * test["truth_share"] / (1 + test["truth_share"])
        assert np.mean(test["dsc"]) == pytest.approx(expected, abs=0.02)


def test_seeds_may_share_the_first_step_of_table_2() -> None:
    shared = OPEN.model_copy(
        update={"shape": OPEN.shape.model_copy(update={"own_step1": False, "steps1": None})}
    )
    firsts = {guide_config("dsa", shared, seed).step1 for seed in (0, 1)}
    assert firsts == {ldl_config(Variant("pd+mix"), "fundus", shared)}
    assert guide_config("dsa", shared, 1).seed == 1
    own = shared.model_copy(update={"shape": shared.shape.model_copy(update={"own_step1": True})})
    assert len({guide_config("dsa", own, seed).step1 for seed in (0, 1)}) == 2
