"""The manifests: strict, complete, and the source of LDL Table 1."""

import re
from pathlib import Path

import pandas as pd
import pytest
import yaml

from ldl import paths
from ldl.data.manifest import (
    collection_named,
    id_list,
    manifest_named,
    manifests,
    read_manifest,
    table1,
    task_members,
)
from ldl.errors import DataError
from ldl.tables.published import published
from ldl.tasks import TASKS

NAMES = sorted(one.stem for one in paths.manifests_dir().glob("*.yaml"))
LRC_SETS = {"abdomen1k", "abd110", "thorax85", "han"}


def test_table1_is_the_papers() -> None:
    printed = published("table1").astype({"train": "Int64", "test": "Int64"})
    pd.testing.assert_frame_equal(table1(), printed)
    assert len(table1()) == 14


def test_every_paper_set_and_stand_in_has_a_manifest() -> None:
    known = set(manifests())
    assert known >= LRC_SETS
    named = {other for one in manifests().values() for other in one.stands_in_for}
    assert named <= known
    assert {one.name for one in manifests().values() if "abd110" in one.stands_in_for} == {"btcv"}


@pytest.mark.parametrize("key", TASKS)
def test_task_has_a_collection_of_its_modality(key: str) -> None:
    manifest, collection = collection_named(key)
    assert manifest.modality == TASKS[key].modality
    assert collection.purpose == "segmentation"
    assert collection.label


@pytest.mark.parametrize("key", TASKS)
def test_validation_is_the_first_fifth_of_the_authors_training_list(key: str) -> None:
    manifest, collection = collection_named(key)
    listed = id_list(collection.ids or "")
    members = task_members(manifest, collection)
    train = [one.id for one in listed if one.split == "train"]
    held = [one.id for one in members if one.split == "validation"]
    assert held == train[: len(train) // 5]
    assert [one.id for one in members if one.split != "test"] == train
    assert [one.id for one in members if one.split == "test"] == [
        one.id for one in listed if one.split == "test"
    ]


@pytest.mark.parametrize("name", NAMES)
def test_manifest_is_whole(name: str) -> None:
    manifest = manifest_named(name)
    bibliography = (paths.book_dir() / "references.bib").read_text()
    assert re.search(rf"@\w+{{{manifest.citation},", bibliography)
    assert manifest.homepage.startswith("http")
    assert manifest.layouts
    assert manifest.collections
    for one in manifest.collections:
        lists = {one.ids, *(layout.members for layout in manifest.layouts)} - {None}
        for listed in lists:
            for member in id_list(str(listed)):
                fields = manifest.fields(member.id, member.split)
                for layout in manifest.layouts:
                    for templates in layout.files.values():
                        assert all(template.format(**fields) for template in templates)


def test_redistribution_is_refused_where_the_licence_refuses() -> None:
    allowed = {name for name, one in manifests().items() if one.licence.redistribution}
    assert not allowed & {"rite", "scr", "siim_pneumothorax", "btcv", "eyepacs"}


def _changed(tmp_path: Path, **changes: object) -> Path:
    content = yaml.safe_load((paths.manifests_dir() / "stare.yaml").read_text()) | changes
    path = tmp_path / "stare.yaml"
    path.write_text(yaml.safe_dump(content))
    return path


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"licens": "x"}, "field licens: unknown, did you mean licence?"),
        ({"homepage": 3}, "field homepage: Input should be a valid string"),
        ({"modality": "mri"}, "field modality: Input should be"),
        ({"obtain": {}}, "field obtain: Value error, give downloads, steps or both"),
        ({"layouts": [{"name": "a", "note": "b", "files": {}}]}, "layout 'a' lacks"),
        ({"subject_pattern": ["x"]}, "field subject_pattern"),
    ],
)
def test_wrong_field_is_named(tmp_path: Path, changes: dict[str, object], said: str) -> None:
    with pytest.raises(DataError, match=re.escape(said)) as caught:
        read_manifest(_changed(tmp_path, **changes))
    assert "stare.yaml" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_damaged_yaml_is_one_line(tmp_path: Path) -> None:
    path = tmp_path / "stare.yaml"
    path.write_text("name: [stare\n  title: : :")
    with pytest.raises(DataError, match="not a readable yaml manifest") as caught:
        read_manifest(path)
    assert "\n" not in str(caught.value)


def test_unknown_names_are_answered_with_the_known_ones() -> None:
    with pytest.raises(DataError, match=r"unknown data set 'star'; known: .*stare"):
        manifest_named("star")
    with pytest.raises(DataError, match="no manifest has a collection"):
        collection_named("star")
