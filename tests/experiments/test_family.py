"""What the pages compute from the classes of methods and from plans: parts, changes, budgets."""

import re
from types import SimpleNamespace

import numpy as np
import pytest
from ldl.experiments.budget_table import budget_table
from ldl.experiments.pages import gather
from ldl.experiments.sections import changes

from ldl.book.source import notebook_path
from ldl.engine.profiles import PROFILES, Profile
from ldl.engine.store import RunStore
from ldl.experiments import budgets
from ldl.methods import COMPARISONS, METHODS
from ldl.paths import book_dir, repo_root
from ldl.plots.levels import Level, Part, levels_figure
from ldl.report import family
from ldl.report import family_scene as scene
from ldl.tables.encoders import COMPARED
from ldl.tables.plan import plan

MEMBERS = {member.key: member for member in family.members()}


def test_every_method_is_a_member_with_a_file() -> None:
    assert set(MEMBERS) == {*METHODS, *COMPARISONS}
    for member in MEMBERS.values():
        assert (repo_root() / member.file).is_file()
        assert member.idea.endswith(".")


def test_parts_are_what_the_networks_have() -> None:
    parts = {key: member.parts for key, member in MEMBERS.items()}
    assert parts["moco"] == "teacher, queue"
    assert parts["densecl"] == "teacher, two queues"
    assert parts["byol"] == "teacher, predictor"
    assert parts["instdisc"] == "memory of all images"
    assert parts["rd"] == "decoder, clusters"
    assert parts["random"] == "nothing"
    assert [key for key, member in MEMBERS.items() if member.labels] == ["supervised"]


def test_changes_stand_beside_the_originals_values() -> None:
    queue = next(
        one for one in family.changes("moco", ("demo", "open", "paper")) if one.knob == "queue"
    )
    assert queue.original == "65,536"
    assert queue.ours == ("64", "512", "65,536")
    assert "`queue`: 65,536 in the original, 64 in demo" in changes("moco", ("demo",))
    assert changes("embinva", ("demo",)) == "Hyperparameters: all as the original's."


def test_every_method_has_a_section_that_links_its_file_and_cites_its_paper() -> None:
    page = notebook_path("table2_comparison").read_text()
    for key in COMPARED:
        assert f'sections.section("{key}"' in page
        assert f"<../../{MEMBERS[key].file}>`" in page
    glance = notebook_path("method_family").read_text()
    for member in MEMBERS.values():
        if member.key in COMPARISONS or member.key in ("pd", "pd+mix", "rd"):
            assert f"<../../{member.file}>`" in glance, member.key


def test_what_pages_cite_is_in_the_bibliography() -> None:
    known = set(re.findall(r"@\w+\{([^,]+),", (book_dir() / "references.bib").read_text()))
    for path in notebook_path("table2_comparison").parent.glob("*.py"):
        for cited in re.findall(r"\{cite(?::t)?\}`([^`]+)`", path.read_text()):
            assert {one.strip() for one in cited.split(",")} <= known, path.name


def test_comparison_methods_see_as_many_images_as_the_longest_of_ours() -> None:
    store = SimpleNamespace(record=lambda run: None)
    rows = budgets.row_budgets("table2", PROFILES["open"], store)  # type: ignore[arg-type]
    seen = {
        one.row.key: budgets.images_seen(one.encoder.model_dump()) for one in rows if one.encoder
    }
    assert seen["rd"] == 24_000
    assert {seen[key] for key in COMPARED} == {24_000}
    assert seen["pd"] == seen["pd+mix"] == 16_000


def test_weights_that_move_leave_the_teacher_out() -> None:
    config = next(
        c.runs[0].encoder for c in plan("table2", PROFILES["smoke"], "moco/") if c.runs[0].encoder
    )
    net = COMPARISONS["moco"].network(config, 1)  # type: ignore[arg-type]
    moving = sum(p.numel() for p in (*net.encoder.parameters(), *net.head.parameters()))  # type: ignore[union-attr, operator]
    assert budgets.trained_weights(config) == moving  # type: ignore[arg-type]


def test_a_budget_stands_before_anything_is_run(store: RunStore, smoke: Profile) -> None:
    text = budget_table(gather("table2", smoke.name, store), store).data
    assert "not yet run" in text
    assert all(title in text for title in ("Scratch, equal updates", "DenseCL", "4 + 3"))


def test_the_picture_has_every_trained_method_once() -> None:
    named = [member.key for row in scene.ROWS for member in scene.of_row(row)]
    assert sorted(named) == sorted(key for key, member in MEMBERS.items() if member.trains)
    assert all(
        len(line) <= scene.LINE for row in scene.ROWS for line in scene.title(row).splitlines()
    )


def test_a_part_has_its_middle_and_a_figure_draws_it() -> None:
    mask = np.zeros((8, 8), dtype=bool)
    mask[2, 3:6] = True
    assert Part(mask).centre == (4.0, 2.0)
    assert Part((0, 0, 4, 2)).centre == (1.5, 0.5)
    images = [np.zeros((3, 8, 8))] * 3
    parts = [[Part((0, 0, 8, 8))], [Part(mask)], [Part((1, 1, 2, 2), same=False)]]
    figure = levels_figure([Level("image: x", images, ("a", "b", "c"), parts, grid=2)])
    assert len(figure.subfigs) == 1
    with pytest.raises(ValueError, match="zip"):
        levels_figure([Level("image: x", images[:2], ("a", "b", "c"), parts)])
