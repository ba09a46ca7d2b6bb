"""Configs of LRC: what contradicts itself, and what would test on seen volumes, is refused."""

import json
import re

import pytest

from ldl.config import build
from ldl.errors import ConfigError
from ldl.runs.lrc import LocalRegionConfig, OrganConfig

CT = {"region": "abdomen", "source": "phantom", "size": 48, "budgets": (2, 4)}
LOCAL = {"data": CT, "base": 4, "steps": 10, "batch": 4, "halve_every": 5}
GLOBAL = {
    "method": "moco",
    "data": CT,
    "base": 2,
    "steps": 10,
    "crop": 32,
    "batch": 8,
    "halve_every": 5,
}
SECOND = {**GLOBAL, "backbone": "unet", "base": 4}
ORGANS = {"data": CT, "budget": 4, "base": 2, "steps": 10, "validate_every": 5}
WITH = {**ORGANS, "local_base": 4, "encoder": GLOBAL, "local": LOCAL}


def refused(model, fields):
    with pytest.raises(ConfigError) as caught:
        build(model, fields)
    line = str(caught.value)
    assert "\n" not in line
    return line


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"samples": 0}, "samples"),
        ({"temperature": 0.0}, "temperature"),
        ({"formulation": "released"}, "formulation"),
        ({"smallest": 0}, "smallest"),
        ({"elastic": {"cells": 6, "strength": 0.5}}, "folds"),
        ({"superpixels": {"scale": 0.0}}, "superpixels.scale"),
        ({"sampels": 5}, "unknown knob 'sampels'"),
    ],
)
def test_a_local_config_refuses_what_it_does_not_know(fields, said):
    assert said in refused(LocalRegionConfig, {**LOCAL, **fields})


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"backbone": "none"}, "needs a local branch"),
        ({"budget": 5}, "budget 5 is not within"),
        ({**WITH, "second": SECOND}, "second takes the place of local"),
        ({**WITH, "base": 3}, "encoder (resnet50, base 2) does not fit"),
        ({**WITH, "backbone": "vgg"}, "encoder (resnet50, base 2) does not fit"),
        ({**WITH, "local_base": 0}, "local (base 4"),
        ({**WITH, "features": 32}, "features 64"),
        ({**WITH, "border": "replicate"}, "encoder was pretrained with border 'zeros'"),
        ({**WITH, "local": {**LOCAL, "border": "replicate"}}, "local was pretrained with border"),
        ({"local_base": 4, "second": {**SECOND, "base": 2}}, "second (unet, base 2)"),
        ({"local_base": 2, "second": GLOBAL}, "second (resnet50, base 2)"),
    ],
)
def test_branches_that_do_not_fit_are_refused(fields, said):
    assert said in refused(OrganConfig, {**ORGANS, **fields})


@pytest.mark.parametrize("name", ["encoder", "local", "second"])
@pytest.mark.parametrize("change", [{"part": "all"}, {"data": {**CT, "volumes": 9}}])
def test_pretraining_on_test_volumes_is_refused(name, change):
    branch = {"encoder": GLOBAL, "local": LOCAL, "second": SECOND}[name]
    fields = {**ORGANS, "local_base": 4, name: {**branch, **change}}
    line = refused(OrganConfig, fields)
    assert f"{name} was pretrained on volumes of the set it is tested on" in line
    elsewhere = {**branch, **change, "data": {**CT, "seed": 7}}
    assert build(OrganConfig, {**fields, name: elsewhere}).seed == 0


@pytest.mark.parametrize("name", ["encoder", "local", "second"])
def test_pretraining_on_test_volumes_of_a_further_set_is_refused(name):
    branch = {"encoder": GLOBAL, "local": LOCAL, "second": SECOND}[name]
    branch = {**branch, "data": {**CT, "region": "thorax"}, "part": "all"}
    fields = {**ORGANS, "local_base": 4}
    line = refused(OrganConfig, {**fields, name: {**branch, "more": [CT]}})
    assert f"{name} was pretrained on volumes of the set it is tested on" in line
    assert build(OrganConfig, {**fields, name: {**branch, "more": [{**CT, "seed": 7}]}})


@pytest.mark.parametrize(
    ("fields", "branch", "slug"),
    [
        ({}, "alone", "organs-scratch-alone-"),
        ({"encoder": GLOBAL}, "alone", "organs-moco-alone-"),
        (WITH, "lrc", "organs-moco-lrc-"),
        ({"local_base": 4, "second": SECOND}, "moco2", "organs-scratch-moco2-"),
        ({"local_base": 4}, "unet", "organs-scratch-unet-"),
        ({"backbone": "none", "local_base": 4, "local": LOCAL}, "lrc", "organs-only-lrc-"),
    ],
)
def test_the_run_id_says_what_stands_side_by_side(fields, branch, slug):
    config = build(OrganConfig, {**ORGANS, **fields})
    assert config.branch == branch
    assert config.run_id().startswith(f"{slug}abdomen-phantom-v4-s0-")
    assert re.fullmatch(r"[a-z0-9_-]{20,120}", config.run_id())


def test_every_knob_makes_another_run_id():
    changes = {
        "data": {**CT, "seed": 1},
        "budget": 2,
        "base": 3,
        "steps": 11,
        "validate_every": 4,
        "backbone": "vgg",
        "batch": 4,
        "learning_rate": 0.01,
        "halve_every": 5,
        "weight_decay": 0.0,
        "elastic": None,
        "local_base": 2,
        "features": 32,
        "validation": 1,
        "test": 1,
        "seed": 1,
        "encoder": GLOBAL,
    }
    ids = {build(OrganConfig, {**ORGANS, k: v}).run_id() for k, v in changes.items()}
    assert len(ids | {build(OrganConfig, ORGANS).run_id()}) == len(changes) + 1
    longer = {**WITH, "local": {**LOCAL, "steps": 11}}
    assert build(OrganConfig, WITH).run_id() != build(OrganConfig, longer).run_id()


def test_every_knob_of_the_local_branch_makes_another_run_id():
    changes = {
        "samples": None,
        "temperature": 0.2,
        "formulation": "distinct",
        "normalise": False,
        "smallest": 1,
        "superpixels": {"scale": 30.0},
        "elastic": {"strength": 0.01},
        "features": 32,
        "part": "all",
    }
    configs = [build(LocalRegionConfig, {**LOCAL, k: v}) for k, v in changes.items()]
    base = build(LocalRegionConfig, LOCAL)
    assert len({one.run_id() for one in [*configs, base]}) == len(changes) + 1
    assert base.run_id().startswith("pretrain-lrc-ct-abdomen-phantom-n50-paper-b4-s0-")
    assert "-nall-" in configs[0].run_id()


@pytest.mark.parametrize(("model", "fields"), [(LocalRegionConfig, LOCAL), (OrganConfig, WITH)])
def test_a_config_comes_back_from_its_own_json(model, fields):
    config = build(model, fields)
    again = build(model, json.loads(config.model_dump_json()))
    assert again == config
    assert again.run_id() == config.run_id()
    assert build(model, config.model_dump()).run_id() == config.run_id()
