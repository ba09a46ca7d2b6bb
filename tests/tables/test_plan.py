"""Tables as lists of runs: the papers' rows and columns, the right encoders and budgets."""

import pytest

from ldl.engine.jobs import job_named, jobs, ordered
from ldl.engine.profiles import PROFILES, profile_named
from ldl.errors import ConfigError
from ldl.runs.transfer import TransferConfig
from ldl.tables import TABLES, plan, runs_of
from ldl.tables.encoders import Variant, encoder_config, transfer_config, transfer_configs
from ldl.tables.published import published
from ldl.tables.transfer import FUNDUS_ONLY, seeds_of

DEMO, PAPER, OPEN = PROFILES["demo"], PROFILES["paper"], PROFILES["open"]


def test_table2_has_the_papers_rows_in_its_order() -> None:
    printed = list(published("table2")["encoder"])
    assert [row.published for row in TABLES["table2"].rows(DEMO) if row.published] == printed


@pytest.mark.parametrize("profile", PROFILES.values(), ids=PROFILES)
@pytest.mark.parametrize("name", TABLES)
def test_every_printed_number_is_found_and_every_key_is_its_own(name: str, profile) -> None:  # type: ignore[no-untyped-def]
    table = TABLES[name]
    rows, columns = table.rows(profile), table.columns(profile)
    assert len({row.key for row in rows}) == len(rows)
    assert len({column.key for column in columns}) == len(columns)
    for row in rows:
        for column in columns:
            number = table.paper(row, column, profile)
            assert number != number or 0 < number <= 100


@pytest.mark.parametrize("name", TABLES)
def test_demo_has_every_row_and_column(name: str) -> None:
    table = TABLES[name]
    planned = {(cell.row.key, cell.column.key) for cell in table.cells(DEMO)}
    for row in table.rows(DEMO):
        for column in table.columns(DEMO):
            if column.members or column.key in table.without(DEMO):
                continue
            chest = column.group.startswith("Chest") and row.key in FUNDUS_ONLY
            # LRC's own rows have the smaller budget alone, but for the untrained branch.
            own = name == "lrc_table1" and row.published is None and row.key != "random+unet"
            larger = own and column.of.asked != 10
            assert ((row.key, column.key) in planned) != (chest or larger)


@pytest.mark.parametrize("name", TABLES)
def test_every_claim_names_rows_and_a_column_that_exist(name: str) -> None:
    known: set[str] = set()
    columns: set[str] = set()
    for profile in PROFILES.values():
        known |= {row.key for row in TABLES[name].rows(profile)}
        columns |= {column.key for column in TABLES[name].columns(profile)}
    for claim in TABLES[name].claims:
        assert {claim.better, claim.worse} <= known, claim
        assert claim.column in columns, claim
        assert claim.table == name


def test_paper_profile_is_as_published() -> None:
    encoder = encoder_config(Variant("rd", clusters=16), "fundus", PAPER)
    assert encoder is not None
    assert encoder.step1 is not None
    assert (encoder.step1.steps, encoder.steps) == (20_000, 80_000)
    assert (encoder.step1.halve_every, encoder.halve_every) == (10_000, 10_000)
    assert (encoder.crop, encoder.data.size, encoder.base, encoder.groups) == (448, 512, 16, 4)
    shares = [run.label_fraction for run in transfer_configs(Variant("pd"), "scr_lung", PAPER)]
    assert shares == [0.2, 0.4, 0.6, 0.8, 1.0]
    only = transfer_config(Variant("pd"), "siim_pneumothorax", PAPER)
    assert (only.batch_size, only.frozen_epochs, only.full_epochs) == (8, 100, 100)


def test_scratch_comes_with_the_releases_and_with_equal_updates() -> None:
    plain = transfer_config(Variant("scratch"), "stare_vessel", PAPER)
    equal = transfer_config(Variant("scratch", equal_updates=True), "stare_vessel", PAPER)
    assert (plain.frozen_epochs, plain.full_epochs) == (0, 100)
    assert (equal.frozen_epochs, equal.full_epochs) == (0, 200)


def test_no_clusters_is_pd_mix_and_eight_cells_is_the_default_grid() -> None:
    by_key = {row.key: row.variant for row in TABLES["table3"].rows(DEMO)}
    assert by_key["rd/c0"] == by_key["pd+mix/g8"] == Variant("pd+mix")


def test_only_keeps_what_it_names() -> None:
    cells = plan("table2", DEMO, "rd/stare, scratch/scr")
    shares = {f"@{round(100 * one)}" for one in DEMO.xray.label_fractions if one < 1} | {""}
    chest = {f"scr_{name}{end}" for name in ("heart", "lung", "clavicle") for end in shares}
    assert {(cell.row.key, cell.column.key) for cell in cells} == {
        ("rd", "stare_vessel"),
        *(("scratch", key) for key in chest),
    }


def test_what_is_not_there_is_named() -> None:
    with pytest.raises(ConfigError, match="table9"):
        plan("table9", DEMO)
    with pytest.raises(ConfigError, match="matches no row"):
        plan("table2", DEMO, "unheard")
    with pytest.raises(ConfigError, match="demo"):
        profile_named("dmeo")


def test_open_leaves_out_what_is_not_at_hand() -> None:
    assert not any("siim" in cell.column.key for cell in plan("all", OPEN))


def test_runs_come_after_what_they_need_and_once() -> None:
    runs = runs_of("all", DEMO)
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
    run = transfer_config(Variant("scratch"), "stare_vessel", DEMO)
    same = TransferConfig(**{**run.model_dump(), "data": run.data, "seed": 0})
    assert same.run_id() == run.run_id()
    assert run.model_copy(update={"seed": 1}).run_id() != run.run_id()


def test_what_claims_rest_on_may_have_more_seeds_and_no_run_is_made_twice() -> None:
    profile = DEMO.model_copy(update={"own_seeds": (0, 1, 2)})
    table = TABLES["table2"]
    seeds = {}
    for row in table.rows(profile):
        column = next(one for one in table.columns(profile) if one.key == "stare_vessel")
        seeds[row.key] = [run.seed for run in table.runs(row, column, profile)]
    three = {key for key, each in seeds.items() if each == [0, 1, 2]}
    assert three == {"scratch", "scratch-equal", "pd", "pd+mix", "rd"}
    assert all(each == [0] for key, each in seeds.items() if key not in three)
    wide = Variant("pd+mix", architecture="full")
    assert seeds_of(wide, profile) == (0,)
    assert seeds_of(Variant("rd", clusters=8), profile) == (0,)
    assert seeds_of(Variant("rd", clusters=16), profile) == (0, 1, 2)
    assert seeds_of(Variant("pd"), DEMO) == DEMO.seeds
