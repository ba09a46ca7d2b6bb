"""LRC's tables: what is planned, and the numbers that come out of records."""

from pathlib import Path

import numpy as np
import pytest

from ldl.engine.jobs import ordered
from ldl.engine.profiles import profile_named
from ldl.engine.store import RunStore
from ldl.methods import METHODS
from ldl.runs.base import Run
from ldl.runs.lrc import TWO_VIEWS, GlobalConfig
from ldl.tables import TABLES, plan
from ldl.tables import lrc as organs
from ldl.tables.compare import difference, judged
from ldl.tables.lrc import GLOBAL, columns
from ldl.tables.measure import show

DEMO, OPEN, PAPER = (profile_named(name) for name in ("demo", "open", "paper"))
NAMES = ("lrc_table1", "lrc_table2", "lrc_table3")


def cells(name, profile):
    """(row, column) -> runs."""
    return {(cell.row.key, cell.column.key): cell.runs for cell in plan(name, profile)}


def runs(name, profile):
    return [run for cell in plan(name, profile) for run in cell.runs]


def test_table_1_has_every_pretraining_with_and_without_in_six_columns() -> None:
    found = cells("lrc_table1", DEMO)
    for method in GLOBAL:
        for column in columns(DEMO):
            assert (method, column.key) in found
            assert (f"{method}+lrc", column.key) in found
    assert len(found) == 11 * 2 * 6 + 3 * 3 + 3


def test_what_the_second_branch_gives_is_decided_with_more_seeds() -> None:
    found = {key: {run.seed for run in runs} for key, runs in cells("lrc_table1", OPEN).items()}
    for row in ("random", "random+unet", "random+moco2", "random+lrc", "lrc-only"):
        for region in ("abdomen", "thorax", "head_neck"):
            assert found[row, f"{region}-10"] == {0, 1, 2}
    assert found["moco+lrc", "head_neck-10"] == found["random", "head_neck-60"] == {0}
    # Each seed has pretrainings of its own.
    for run in cells("lrc_table1", OPEN)["random+lrc", "head_neck-10"]:
        assert run.local.seed == run.seed


def test_a_pair_differs_in_the_local_branch_alone() -> None:
    found = cells("lrc_table1", DEMO)
    for method in ("random", "moco", "mae"):
        (without,), (with_,) = (found[key, "thorax-10"] for key in (method, f"{method}+lrc"))
        assert with_.local is not None
        assert without.local is None
        assert with_.model_copy(update={"local": None, "local_base": 0}) == without


def test_one_abdominal_pretraining_serves_all_regions() -> None:
    found = runs("lrc_table1", OPEN)
    encoders = [run.encoder for run in found if isinstance(run.encoder, GlobalConfig)]
    assert {one.data.region for one in encoders} == {"abdomen"}
    local = [run.local.model_copy(update={"seed": 0}) for run in found if run.local]
    assert len({one.run_id() for one in local}) == 1


def test_encoders_may_see_more_sets_of_which_they_see_the_training_part() -> None:
    lrc = OPEN.lrc.model_copy(update={"more": ("thorax", "head_neck")})
    more = OPEN.model_copy(update={"lrc": lrc})
    found = [run for run in runs("lrc_table1", more) if run.encoder and run.local]
    for run in found:
        for seen in (run.encoder, run.local):
            assert [one.region for one in seen.more] == ["thorax", "head_neck"]
            assert seen.part == "train"
    ids = {run.run_id() for run in found}
    assert ids.isdisjoint(run.run_id() for run in runs("lrc_table1", OPEN))


@pytest.mark.parametrize("name", NAMES)
def test_no_pretraining_sees_a_test_volume(name: str) -> None:
    for profile in (DEMO, OPEN, PAPER):
        for run in runs(name, profile):
            for seen in (run.encoder, run.local, run.second):
                if isinstance(getattr(seen, "data", None), type(run.data)):
                    assert seen.data.keeps_apart(seen.part, run.data)


@pytest.mark.parametrize("name", ["smoke", "demo", "open"])
def test_every_global_network_of_a_profile_can_be_made(name: str) -> None:
    found = ordered(plan("lrc_table1", profile_named(name))).values()
    configs = [run for run in found if isinstance(run, GlobalConfig) and run.method != "imagenet"]
    assert len(configs) >= 3
    for config in configs:
        METHODS[config.method].network(config, 64)


def test_the_paper_profile_is_what_the_paper_says() -> None:
    """LRC sections 2 and 3: what is given there."""
    found = [run for run in runs("lrc_table1", PAPER) if run.encoder and run.local]
    assert found
    for run in found:
        assert run.data.spacing == run.local.data.spacing == (2.5, 1.0, 1.0)
        assert (run.loss, run.weight_decay, run.local.weight_decay) == ("dice", 1e-4, 1e-4)
        assert (run.local.features, run.local.samples) == (64, 50)
        encoder = run.encoder
        if not isinstance(encoder, GlobalConfig) or encoder.method == "imagenet":
            continue
        assert encoder.backbone == ("vit" if encoder.method == "mae" else "resnet50")
        assert (encoder.base, encoder.optimizer, encoder.weight_decay) == (64, "sgd", 1e-4)
        assert (encoder.elastic is not None) == (encoder.method in TWO_VIEWS)
        # Nothing is tested on the set that is pretrained on, so that its test volumes serve too.
        assert encoder.part == run.local.part == "all"
        slices = 240_000 * 956 / 1_062
        assert encoder.steps * encoder.batch / slices == pytest.approx(200, rel=0.01)
        assert run.local.steps * run.local.batch / slices == pytest.approx(30, rel=0.01)


def test_imagenet_is_a_stand_in_absent_or_the_weights() -> None:
    for profile, wanted in ((DEMO, {"supervised"}), (OPEN, set()), (PAPER, {"imagenet"})):
        found = cells("lrc_table1", profile).items()
        named = [run for (row, _), all_ in found if "imagenet" in row for run in all_]
        assert {run.encoder.method for run in named} == wanted


def test_a_larger_budget_that_is_not_there_has_no_column() -> None:
    there = [column.key for column in columns(OPEN)]
    assert "abdomen-60" not in there
    heads = {column.key: (column.group, column.label) for column in columns(OPEN)}
    assert heads["thorax-60"] == ("SegTHOR, in the place of Thorax-85", "12 volumes (paper: 60)")
    assert {column.group for column in columns(PAPER)} == {"ABD-110", "Thorax-85", "HaN"}


class Kept(RunStore):
    """A store that answers from a dictionary."""

    def __init__(self, records: dict[str, dict[str, object]], folder: Path) -> None:
        super().__init__(folder, folder)
        self.records = records

    def record(self, run: Run) -> dict[str, object] | None:
        return self.records.get(run.run_id())

    def status(self, run: Run) -> str:  # type: ignore[override]
        return "fresh"


def record_of(run: Run, dsc: list[list[float | None]], loss: str = "dice+ce") -> dict[str, object]:
    volumes = [
        {"id": f"v{k}", "dsc": one, "hd95": [None if d is None else 10.0 for d in one]}
        for k, one in enumerate(dsc)
    ]
    config = {"loss": loss, "data": {"source": "open"}}
    return {"run_id": run.run_id(), "volumes": volumes, "organs": ["a", "b"], "config": config}


BELOW = [[0.2, 0.4], [0.3, None], [0.5, 0.1], [0.4, 0.4]]
ABOVE = [[0.3, 0.5], [0.4, 0.0], [0.6, 0.2], [0.52, 0.48]]


def shown(folder: Path, **rows: tuple[list[list[float | None]], str]):
    """Table 1 of `DEMO` with the given scores of abdomen, 10 volumes."""
    planned = cells("lrc_table1", DEMO)
    records = {}
    for row, (dsc, loss) in rows.items():
        (run,) = planned[row, "abdomen-10"]
        records[run.run_id()] = record_of(run, dsc, loss)
    return show("lrc_table1", DEMO, Kept(records, folder))


def verdict(table, better: str, worse: str):
    wanted = (better, worse, "abdomen-10")
    claims = TABLES["lrc_table1"].claims
    claim = next(one for one in claims if (one.better, one.worse, one.column) == wanted)
    (found,) = judged(table, [claim])
    return found


def test_a_difference_is_paired_by_volume_over_organs_that_both_scored(tmp_path: Path) -> None:
    table = shown(tmp_path, **{"moco": (BELOW, "dice+ce"), "moco+lrc": (ABOVE, "dice+ce")})
    assert table.number("moco", "abdomen-10") == pytest.approx(100 * np.mean([0.3, 0.3, 0.3, 0.4]))
    found = verdict(table, "moco+lrc", "moco")
    # The second volume lacks organ b: the other network's false alarm there is not compared.
    assert found.found is not None
    assert found.found.value == pytest.approx(10.0)
    assert (found.found.seeds, found.found.cases) == (1, 4)
    assert found.verdict == "higher (one seed)"
    assert found.paper == pytest.approx(75.3 - 72.1)
    assert verdict(table, "mae+lrc", "mae").verdict == "not yet run"


def test_nothing_is_judged_on_a_loss_that_loses_organs(tmp_path: Path) -> None:
    table = shown(tmp_path, **{"moco": (BELOW, "organs"), "moco+lrc": (ABOVE, "dice+ce")})
    assert verdict(table, "moco+lrc", "moco").verdict == "loss without background"


def test_lost_organs_stand_apart_from_the_mean_over_kept_ones(tmp_path: Path) -> None:
    gave_up = [[0.2, 0.0], [0.3, None], [0.5, 0.001], [0.4, 0.0]]
    table = shown(tmp_path, **{"moco": (gave_up, "dice+ce"), "moco+lrc": (ABOVE, "dice+ce")})
    one, other = (table.cells[key, "abdomen-10"] for key in ("moco+lrc", "moco"))
    assert organs.lost(other.records[0]) == ("b",)
    assert organs.lost(one.records[0]) == ()
    column = columns(DEMO)[0]
    np.testing.assert_allclose(organs.kept(other.records[0], column), [20, 30, 50, 40])
    kept = difference(one, other, lambda *both: organs.gaps(*both, only_kept=True))
    assert kept.value == pytest.approx(100 * np.mean([0.1, 0.1, 0.1, 0.12]))


def test_seeds_that_one_row_lacks_are_averaged(tmp_path: Path) -> None:
    (run,) = cells("lrc_table1", DEMO)["moco", "abdomen-10"]
    three = [record_of(run, [[d + shift, 0.5] for d in (0.2, 0.4)]) for shift in (0.0, 0.1, 0.2)]
    one = [record_of(run, [[0.2, 0.5], [0.4, 0.5]])]
    np.testing.assert_allclose(organs.gaps(three, one), [[5.0, 5.0]])
    assert organs.gaps(three, three).shape == (3, 2)


def test_table_3_prints_the_papers_numbers_beside_ours(tmp_path: Path) -> None:
    (run,) = cells("lrc_table3", DEMO)["moco+lrc", "abdomen-10"]
    store = Kept({run.run_id(): record_of(run, ABOVE)}, tmp_path)
    frame = show("lrc_table3", DEMO, store).frame.set_index("row")
    assert frame.loc["moco+lrc", "paper"] == pytest.approx(73.2)
    assert frame.loc["moco+lrc/n10", "paper"] == pytest.approx(69.5)
    assert np.isnan(frame.loc["moco+lrc/n200", "paper"])
    assert frame["measured"].tolist() == [row == "moco+lrc" for row in frame.index]
