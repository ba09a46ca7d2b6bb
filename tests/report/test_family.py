"""What the pages compute from the classes of methods and from plans: parts, changes, budgets."""

import re

import numpy as np
import pytest

from ldl.book.source import notebook_path
from ldl.methods import COMPARISONS, METHODS
from ldl.paths import book_dir, repo_root
from ldl.plots.levels import Level, Part, levels_figure
from ldl.report import family
from ldl.report import family_scene as scene

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
    assert queue.ours == ("64", "512", "16,384")
    assert family.changes("embinva", ("demo",)) == []


def test_what_pages_cite_is_in_the_bibliography() -> None:
    known = set(re.findall(r"@\w+\{([^,]+),", (book_dir() / "references.bib").read_text()))
    for path in notebook_path("table2_comparison").parent.glob("*.py"):
        for cited in re.findall(r"\{cite(?::t)?\}`([^`]+)`", path.read_text()):
            assert {one.strip() for one in cited.split(",")} <= known, path.name


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
