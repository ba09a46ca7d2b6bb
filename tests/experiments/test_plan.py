"""Tables as lists of runs: the paper's rows and columns, the right encoders and budgets."""

import pytest

from ldl.engine.jobs import job_named, jobs, ordered
from ldl.engine.profiles import PROFILES, profile_named
from ldl.errors import ConfigError
from ldl.runs.transfer import TransferConfig
from ldl.tables.encoders import TABLES, Variant, encoder_config, has, transfer_configs
from ldl.tables.plan import plan
from ldl.tables.published import published
from ldl.tasks import TASKS

DEMO, PAPER, OPEN = PROFILES["demo"], PROFILES["paper"], PROFILES["open"]


def test_table2_has_the_papers_rows_in_its_order() -> None:
    printed = list(published("table2")["encoder"])
    ours = [row.published for row in TABLES["table2"].rows if row.published]
    assert ours == printed


@pytest.mark.parametrize("table", TABLES)
def test_every_published_name_of_a_row_is_printed_once(table: str) -> None:
    keys = {"table2": ["encoder"], "table3": ["section", "setting"]}.get(
        table, ["initialization", "architecture"]
    )
    printed = ["/".join(map(str, row)) for row in published(table)[keys].to_numpy()]
    for row in TABLES[table].rows:
        if row.published:
            assert printed.count(row.published) == 1


def test_demo_has_every_row_and_column() -> None:
    for name, table in TABLES.items():
        planned = [(cell.row.key, cell.task) for cell in plan(name, DEMO)]
        assert planned == [
            (row.key, task) for row in table.rows for task in TASKS if has(row, task)
        ]


def test_paper_profile_is_as_published() -> None:
    encoder = encoder_config(Variant("rd", clusters=16), "fundus", PAPER)
    assert encoder is not None
    assert encoder.step1 is not None
    assert (encoder.step1.steps, encoder.steps) == (20_000, 80_000)
    assert (encoder.step1.halve_every, encoder.halve_every) == (10_000, 10_000)
    assert (encoder.crop, encoder.data.size, encoder.base, encoder.groups) == (448, 512, 16, 4)
    fractions = [run.label_fraction for run in transfer_configs(Variant("pd"), "scr_lung", PAPER)]
    assert fractions == [0.2, 0.4, 0.6, 0.8, 1.0]
    only = transfer_configs(Variant("pd"), "siim_pneumothorax", PAPER)[0]
    assert (only.batch_size, only.frozen_epochs, only.full_epochs) == (8, 100, 100)


def test_scratch_comes_with_the_releases_and_with_equal_updates() -> None:
    plain = transfer_configs(Variant("scratch"), "stare_vessel", PAPER)[0]
    equal = transfer_configs(Variant("scratch", equal_updates=True), "stare_vessel", PAPER)[0]
    assert (plain.frozen_epochs, plain.full_epochs) == (0, 100)
    assert (equal.frozen_epochs, equal.full_epochs) == (0, 200)


def test_no_clusters_is_pd_mix_and_eight_cells_is_the_default_grid() -> None:
    by_key = {row.key: row.variant for row in TABLES["table3"].rows}
    assert by_key["rd/c0"] == by_key["pd+mix/g8"] == Variant("pd+mix")


def test_only_keeps_what_it_names() -> None:
    cells = plan("table2", DEMO, "rd/stare, scratch/scr")
    assert {(cell.row.key, cell.task) for cell in cells} == {
        ("rd", "stare_vessel"),
        ("scratch", "scr_heart"),
        ("scratch", "scr_lung"),
        ("scratch", "scr_clavicle"),
    }


def test_what_is_not_there_is_named() -> None:
    with pytest.raises(ConfigError, match="table9"):
        plan("table9", DEMO)
    with pytest.raises(ConfigError, match="matches no row"):
        plan("table2", DEMO, "unheard")
    with pytest.raises(ConfigError, match="demo"):
        profile_named("dmeo")


def test_open_leaves_out_what_is_not_at_hand() -> None:
    assert "siim_pneumothorax" not in {cell.task for cell in plan("all", OPEN)}


def test_runs_come_after_what_they_need_and_once() -> None:
    runs = ordered(plan("all", DEMO))
    place = {id: number for number, id in enumerate(runs)}
    for id, run in runs.items():
        assert all(place[before.run_id()] < place[id] for before in run.needs())


def test_jobs_hold_every_run_once_and_know_their_parent() -> None:
    cells = plan("all", DEMO)
    listed = jobs(cells)
    members = [run.run_id() for job in listed for run in job.members()]
    assert sorted(members) == sorted(ordered(cells))
    seen: set[str] = set()
    for job in listed:
        assert seen.issuperset(job.parents)
        seen.add(job.id)
    assert any(job.parents for job in listed)
    with pytest.raises(ConfigError, match="no job"):
        job_named("nothing", cells)


def test_ids_ignore_knobs_at_their_defaults() -> None:
    run = transfer_configs(Variant("scratch"), "stare_vessel", DEMO)[0]
    same = TransferConfig(**{**run.model_dump(), "data": run.data, "seed": 0})
    assert same.run_id() == run.run_id()
    assert run.model_copy(update={"seed": 1}).run_id() != run.run_id()
