"""Configs of CT: which banks they are, and that nothing is pretrained on what it is tested on."""

from typing import get_args

import pytest

from ldl.config import build
from ldl.errors import ConfigError
from ldl.runs.lrc import CtConfig, OrganConfig, RegionName, SourceName
from ldl.tasks import REGIONS, SETS

CT = {"region": "abdomen", "source": "phantom", "size": 48, "budgets": (2, 4)}
LOCAL = {"data": CT, "base": 4, "steps": 10, "batch": 4, "halve_every": 5}
GLOBAL = {"method": "moco", "crop": 32, **LOCAL, "base": 2, "batch": 8}
BRANCHES = {"encoder": GLOBAL, "local": LOCAL, "second": {**GLOBAL, "backbone": "unet", "base": 4}}
ORGANS = {
    "data": CT, "budget": 4, "base": 2, "steps": 10, "validate_every": 5, "local_base": 4,
}  # fmt: skip


def ct(**fields):
    return build(CtConfig, {"region": "abdomen", "source": "phantom", "size": 48, **fields})


def test_regions_and_sources_are_those_of_the_banks():
    assert get_args(RegionName) == REGIONS
    assert set(get_args(SourceName)) == {"phantom", "open", *SETS}


def test_open_is_the_regions_stand_in():
    assert ct(source="open").set_name() == "btcv"
    assert ct(source="open", region="head_neck").set_name() == "openkbp"
    assert ct(source="abdomen1k").set_name() == "abdomen1k"


@pytest.mark.parametrize(
    ("mine", "part", "tested", "apart"),
    [
        ({}, "train", {}, True),
        ({}, "all", {}, False),
        ({"seed": 1}, "all", {}, True),
        ({"source": "btcv"}, "train", {"source": "open"}, True),
        ({"source": "btcv"}, "all", {"source": "open"}, False),
        ({"source": "btcv", "seed": 1}, "train", {"source": "open"}, False),
        ({"source": "btcv", "volumes": 9}, "train", {"source": "open"}, False),
        ({"source": "btcv", "budgets": (2, 4)}, "train", {"source": "open"}, False),
        ({"source": "btcv", "budgets": (5, 60)}, "train", {"source": "open"}, True),
        ({"source": "btcv", "size": 96}, "train", {"source": "open"}, True),
        ({"source": "abdomen1k"}, "all", {"source": "open"}, True),
        ({"source": "open"}, "all", {"source": "open", "region": "thorax"}, True),
    ],
)
def test_a_pretraining_is_kept_apart_from_test_volumes(mine, part, tested, apart):
    assert ct(**mine).keeps_apart(part, ct(**tested)) is apart


def test_what_keeps_configs_apart_keeps_their_volumes_apart(tmp_path, monkeypatch):
    """Equal fields give equal splits, whatever the size of the slices."""
    from ldl.data.ct import slice_bank

    monkeypatch.setenv("LDL_CACHE", str(tmp_path))
    few = {"volumes": 4, "slices": 8, "budgets": (1, 2)}
    one, other = (slice_bank(ct(size=size, **few)) for size in (32, 34))
    assert [v.split for v in one.volumes] == [v.split for v in other.volumes]
    moved = slice_bank(ct(size=32, **{**few, "seed": 3}))
    assert {v.content for v in moved.volumes} & {v.content for v in one.volumes} == set()


@pytest.mark.parametrize(
    ("change", "mended"),
    [
        ({"part": "all"}, {"data": {**CT, "seed": 7}}),
        ({"data": {**CT, "volumes": 9}}, {"data": {**CT, "seed": 7}}),
        ({"part": "all", "data": {**CT, "region": "thorax"}, "more": [CT]},
         {"more": [{**CT, "seed": 7}]}),
    ],
)  # fmt: skip
@pytest.mark.parametrize("name", BRANCHES)
def test_pretraining_on_test_volumes_is_refused(name, change, mended):
    """Of the set itself or of a further one."""
    branch = {**BRANCHES[name], **change}
    said = f"{name} was pretrained on volumes of the set it is tested on"
    with pytest.raises(ConfigError, match=said):
        build(OrganConfig, {**ORGANS, name: branch})
    assert build(OrganConfig, {**ORGANS, name: {**branch, **mended}}).seed == 0
