"""The manifests: strict, complete, and the source of LDL Table 1."""

import re
from pathlib import Path

import pytest
import yaml

from ldl import paths
from ldl.data.manifest import (
    collection_named,
    id_list,
    manifest_named,
    manifests,
    read_manifest,
    task_members,
)
from ldl.errors import DataError
from ldl.tables.published import published
from ldl.tasks import TASKS

NAMES = sorted(one.stem for one in paths.manifests_dir().glob("*.yaml"))
LRC_SETS = {"abdomen1k", "abd110", "thorax85", "han"}


def test_the_lists_are_as_long_as_table1_says() -> None:
    known = {one.table1: (each, one) for each in manifests().values() for one in each.collections}
    for number, row in enumerate(published("table1").itertuples(), start=1):
        manifest, one = known.pop(number)
        assert row.modality == {"fundus": "color_fundus", "xray": "chest_xray"}[manifest.modality]
        if one.purpose == "pretraining":
            assert one.ids is None
            continue
        splits = [member.split for member in id_list(one.ids or "")]
        assert (splits.count("train"), splits.count("test")) == (row.train, row.test)
    assert set(known) == {None}


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
        ({"licens": "x"}, "unknown knob 'licens'; did you mean 'licence'?"),
        ({"homepage": 3}, "Manifest: homepage: Input should be a valid string"),
        ({"modality": "mri"}, "Manifest: modality: Input should be"),
        ({"obtain": {}}, "Manifest: obtain: Value error, give downloads, steps or both"),
        ({"layouts": [{"name": "a", "note": "b", "files": {}}]}, "layout 'a' lacks"),
        ({"subject_pattern": ["x"]}, "Manifest: subject_pattern"),
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
