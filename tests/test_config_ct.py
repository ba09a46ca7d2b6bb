"""Configs of CT banks and of global pretraining on them."""

import json
import re
from typing import get_args

import pytest

from ldl.config import DataConfig, build
from ldl.errors import ConfigError
from ldl.runs.lrc import CtConfig, GlobalConfig, RegionName, SourceName
from ldl.runs.pretrain import ComparisonConfig
from ldl.tasks import REGIONS, SETS

CT = {"region": "abdomen", "source": "phantom", "size": 48}
GLOBAL = {
    "method": "moco",
    "data": CT,
    "base": 4,
    "steps": 10,
    "crop": 32,
    "batch": 8,
    "halve_every": 5,
}


def ct(**fields):
    return build(CtConfig, {**CT, **fields})


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
    from ldl.data.ct_sources import slice_bank

    monkeypatch.setenv("LDL_CACHE", str(tmp_path))
    few = {"volumes": 4, "slices": 8, "budgets": (1, 2)}
    one, other = (slice_bank(ct(size=size, **few)) for size in (32, 34))
    assert [v.split for v in one.volumes] == [v.split for v in other.volumes]
    moved = slice_bank(ct(size=32, **{**few, "seed": 3}))
    assert {v.content for v in moved.volumes} & {v.content for v in one.volumes} == set()


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"region": "knee"}, "region"),
        ({"source": "lits"}, "source"),
        ({"size": 16}, "size"),
        ({"budgets": ()}, "budgets"),
        ({"spacing": (1.0, 1.0)}, "spacing"),
        ({"slices": 4}, "slices"),
    ],
)
def test_a_value_out_of_range_is_refused_and_named(fields, said):
    with pytest.raises(ConfigError, match=rf"CtConfig: {said}") as caught:
        ct(**fields)
    assert "\n" not in str(caught.value)


def test_a_global_config_is_a_comparison_on_one_channel():
    config = build(GlobalConfig, GLOBAL)
    assert isinstance(config, ComparisonConfig)
    assert (config.channels, config.modality, config.backbone) == (1, "ct", "resnet50")
    assert config.step1 is None


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"crop": 40}, "multiple of 16"),
        ({"crop": 64}, "within 48"),
        ({"backbone": "unet", "method": "byol"}, "'unet' is trained by 'moco' or 'mocov2'"),
        ({"modality": "fundus"}, "modality"),
        ({"weight_decay": -1.0}, "weight_decay"),
        ({"bse": 2}, "did you mean 'base'"),
    ],
)
def test_contradictions_of_a_global_config_are_refused(fields, said):
    with pytest.raises(ConfigError, match=said):
        build(GlobalConfig, {**GLOBAL, **fields})


def test_run_ids_are_plain_file_names_and_every_knob_makes_another():
    changes = {
        "data": {**CT, "budgets": [2, 4]},
        "base": 8,
        "steps": 11,
        "part": "all",
        "backbone": "vgg",
        "weight_decay": 0.0,
        "knobs": {"queue": 8},
        "seed": 1,
    }
    base = build(GlobalConfig, GLOBAL)
    assert re.fullmatch(
        r"pretrain-moco-ct-abdomen-phantom-resnet50-b4-s0-[0-9a-f]{8}", base.run_id()
    )
    ids = {build(GlobalConfig, {**GLOBAL, k: v}).run_id() for k, v in changes.items()}
    assert len(ids | {base.run_id()}) == len(changes) + 1


def test_a_config_comes_back_from_its_own_json():
    fields = {**GLOBAL, "data": {**CT, "spacing": (2.5, 1.0, 1.0), "budgets": (2, 4)}}
    config = build(GlobalConfig, fields)
    again = build(GlobalConfig, json.loads(config.model_dump_json()))
    assert again == config
    assert again.run_id() == config.run_id()


def test_configs_of_photographs_are_as_they_were():
    """CT added no field to them: ids of records already made stay."""
    data = DataConfig(source="phantom", size=64)
    fields = {**GLOBAL, "modality": "fundus", "data": data}
    config = build(ComparisonConfig, fields)
    assert config.run_id() == "pretrain-moco-fundus-phantom-b4-s0-1d6b545b"
    with pytest.raises(ConfigError, match="modality"):
        build(ComparisonConfig, {**fields, "modality": "ct"})
