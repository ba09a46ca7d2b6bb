"""Strict configs: what is unknown, mistyped or contradictory is refused in one line."""

import json
import math
import re

import pytest
from pydantic import ValidationError

from ldl.config import DataConfig, build
from ldl.errors import ConfigError
from ldl.runs.pretrain import ComparisonConfig, PretrainConfig
from ldl.runs.transfer import TransferConfig

DATA = {"source": "phantom", "size": 64}
PRETRAIN = {
    "method": "pd+mix",
    "modality": "fundus",
    "data": DATA,
    "base": 4,
    "steps": 10,
    "crop": 64,
    "halve_every": 5,
}
RD = {**PRETRAIN, "method": "rd", "clusters": 8, "step1": PRETRAIN}
COMPARISON = {
    "method": "moco",
    "modality": "fundus",
    "data": DATA,
    "base": 4,
    "steps": 10,
    "crop": 64,
    "batch": 16,
    "halve_every": 5,
}
TRANSFER = {"task": "stare_vessel", "data": DATA, "base": 4, "full_epochs": 3}
FIELDS = {
    PretrainConfig: PRETRAIN,
    ComparisonConfig: COMPARISON,
    TransferConfig: TRANSFER,
    DataConfig: DATA,
}


def refused(model, fields):
    with pytest.raises(ConfigError) as caught:
        build(model, fields)
    line = str(caught.value)
    assert "\n" not in line
    assert len(line) < 400
    return line


@pytest.mark.parametrize(
    ("model", "wrong", "right"),
    [
        (PretrainConfig, "learnin_rate", "learning_rate"),
        (PretrainConfig, "patch_gird", "patch_grid"),
        (PretrainConfig, "cluster", "clusters"),
        (PretrainConfig, "Temperature", "patch_temperature"),
        (ComparisonConfig, "bacth", "batch"),
        (ComparisonConfig, "back_bone", "backbone"),
        (ComparisonConfig, "knob", "knobs"),
        (TransferConfig, "frozen_epoch", "frozen_epochs"),
        (TransferConfig, "lable_fraction", "label_fraction"),
        (DataConfig, "image", "images"),
    ],
)
def test_a_misspelt_knob_names_the_nearest(model, wrong, right):
    fields = FIELDS[model]
    line = refused(model, {**fields, wrong: 1})
    assert f"unknown knob '{wrong}'; did you mean '{right}'?" in line


def test_a_misspelt_knob_of_the_data_is_named_with_its_place():
    line = refused(PretrainConfig, {**PRETRAIN, "data": {**DATA, "trian": 6}})
    assert "'data.trian'; did you mean 'train'?" in line


@pytest.mark.parametrize(
    ("encoder", "wrong", "right"),
    [(PRETRAIN, "patch_grd", "patch_grid"), (COMPARISON, "bacth", "batch")],
)
def test_a_misspelt_knob_of_the_encoder_names_the_nearest(encoder, wrong, right):
    line = refused(TransferConfig, {**TRANSFER, "encoder": {**encoder, wrong: 8}})
    assert f"'encoder.{wrong}'; did you mean '{right}'?" in line


@pytest.mark.parametrize(("wrong", "right"), [("methd", "method"), ("halve_evry", "halve_every")])
def test_a_misspelt_knob_that_is_required_names_the_nearest(wrong, right):
    fields = {wrong if name == right else name: value for name, value in PRETRAIN.items()}
    assert f"'{wrong}'; did you mean '{right}'?" in refused(PretrainConfig, fields)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("base", "16"),
        ("base", 16.0),
        ("base", True),
        ("base", None),
        ("learning_rate", "1e-3"),
        ("steps", [10]),
        ("method", 1),
        ("data", 64),
        ("step1", "none"),
        ("seed", 0.5),
    ],
)
def test_a_mistyped_knob_is_refused_and_named_with_what_was_given(name, value):
    line = refused(PretrainConfig, {**PRETRAIN, name: value})
    assert line.startswith(f"PretrainConfig: {name}")
    assert repr(value) in line


@pytest.mark.parametrize(
    ("model", "name", "value"),
    [
        (PretrainConfig, "base", 0),
        (PretrainConfig, "steps", 0),
        (PretrainConfig, "learning_rate", 0.0),
        (PretrainConfig, "learning_rate", -1e-3),
        (PretrainConfig, "learning_rate", math.nan),
        (PretrainConfig, "patch_temperature", 0),
        (PretrainConfig, "patch_grid", 0),
        (PretrainConfig, "groups", 0),
        (PretrainConfig, "method", "simclr"),
        (PretrainConfig, "modality", "mri"),
        (PretrainConfig, "formulation", "ours"),
        (PretrainConfig, "symmetries", "all"),
        (ComparisonConfig, "method", "pd"),
        (ComparisonConfig, "method", "MoCo"),
        (ComparisonConfig, "batch", 3),
        (ComparisonConfig, "steps", -1),
        (ComparisonConfig, "halve_every", 0),
        (ComparisonConfig, "backbone", "unet"),
        (ComparisonConfig, "knobs", 64),
        (TransferConfig, "full_epochs", 0),
        (TransferConfig, "frozen_epochs", -1),
        (TransferConfig, "label_fraction", 0.0),
        (TransferConfig, "label_fraction", 1.1),
        (DataConfig, "size", 31),
        (DataConfig, "train", 4),
        (DataConfig, "source", "web"),
        (DataConfig, "closer", 0.5),
    ],
)
def test_a_value_out_of_range_is_refused_and_named(model, name, value):
    fields = FIELDS[model]
    assert f": {name}: " in refused(model, {**fields, name: value})


def test_originals_cannot_be_seen_from_closer():
    assert "only phantoms can be drawn closer" in refused(
        DataConfig, {"source": "open", "size": 64, "closer": 2.0}
    )


@pytest.mark.parametrize("name", ["learning_rate", "patch_temperature", "region_weight"])
def test_infinity_is_no_value(name):
    assert name in refused(PretrainConfig, {**PRETRAIN, name: math.inf})


@pytest.mark.parametrize("missing", list(PRETRAIN))
def test_a_missing_knob_is_named(missing):
    fields = {name: value for name, value in PRETRAIN.items() if name != missing}
    assert f": {missing}: Field required" in refused(PretrainConfig, fields)


@pytest.mark.parametrize(
    ("model", "fields", "said"),
    [
        (PretrainConfig, {**PRETRAIN, "crop": 40}, "crop 40 must be a multiple of 16"),
        (PretrainConfig, {**PRETRAIN, "crop": 80}, "within 64"),
        (PretrainConfig, {**PRETRAIN, "patch_grid": 7}, "patch_grid 7 must divide crop 64"),
        (PretrainConfig, {**PRETRAIN, "clusters": 8}, "clusters"),
        (PretrainConfig, {**RD, "clusters": 0}, "clusters"),
        (PretrainConfig, {**RD, "step1": None}, "step1"),
        (PretrainConfig, {**PRETRAIN, "step1": PRETRAIN}, "step1"),
        (ComparisonConfig, {**COMPARISON, "crop": 40}, "crop 40 must be a multiple of 16"),
        (ComparisonConfig, {**COMPARISON, "crop": 80}, "within 64"),
        (TransferConfig, {**TRANSFER, "base": 8, "encoder": COMPARISON}, "base 4"),
        (TransferConfig, {**TRANSFER, "task": "scr_lung", "encoder": COMPARISON}, "fundus"),
        (
            TransferConfig,
            {**TRANSFER, "encoder": {**COMPARISON, "backbone": "resnet50"}},
            "encoder is a resnet50; these tasks start from a vgg",
        ),
        (PretrainConfig, {**RD, "border": "replicate"}, "is not that of step1, zeros"),
        (
            ComparisonConfig,
            {**COMPARISON, "backbone": "vit", "border": "replicate"},
            "border replicate is for a vgg",
        ),
        (
            TransferConfig,
            {**TRANSFER, "border": "replicate", "encoder": PRETRAIN},
            "border replicate is not that of the encoder, zeros",
        ),
        (TransferConfig, {**TRANSFER, "crop": 40}, "crop 40 must be a multiple of 16"),
        (TransferConfig, {**TRANSFER, "crop": 80}, "within 64"),
        (TransferConfig, {**TRANSFER, "data": {**DATA, "size": 40}}, "multiple of 16"),
        (TransferConfig, {**TRANSFER, "base": 8, "encoder": PRETRAIN}, "base 4"),
        (TransferConfig, {**TRANSFER, "task": "scr_lung", "encoder": PRETRAIN}, "fundus"),
    ],
)
def test_knobs_that_contradict_each_other_are_refused(model, fields, said):
    assert said in refused(model, fields)


def test_an_unknown_task_is_refused_with_the_known_ones():
    line = "unknown task 'stare'; known tasks: chasedb1_vessel, hrf_vessel"
    with pytest.raises(ConfigError, match=re.escape(line)):
        build(TransferConfig, {**TRANSFER, "task": "stare"})


@pytest.mark.parametrize(
    ("model", "fields"),
    [
        (PretrainConfig, PRETRAIN),
        (PretrainConfig, RD),
        (TransferConfig, TRANSFER),
        (TransferConfig, {**TRANSFER, "encoder": RD}),
        (ComparisonConfig, COMPARISON),
        (ComparisonConfig, {**COMPARISON, "knobs": {"queue": 64, "momentum": 0.9, "a": "b"}}),
        (TransferConfig, {**TRANSFER, "encoder": COMPARISON}),
    ],
)
def test_a_config_comes_back_from_its_own_json(model, fields):
    config = build(model, fields)
    again = build(model, json.loads(config.model_dump_json()))
    assert again == config
    assert again.run_id() == config.run_id()


def test_a_config_cannot_be_changed():
    config = build(PretrainConfig, PRETRAIN)
    with pytest.raises(ValidationError):
        config.steps = 11


def test_channels_follow_the_modality():
    assert build(PretrainConfig, PRETRAIN).channels == 3
    assert build(PretrainConfig, {**PRETRAIN, "modality": "xray"}).channels == 1


def test_every_knob_makes_another_run_id():
    base = build(PretrainConfig, PRETRAIN).run_id()
    changes = {
        "modality": "xray",
        "data": {**DATA, "seed": 1},
        "base": 5,
        "steps": 11,
        "crop": 32,
        "halve_every": 6,
        "embedding": 16,
        "patch_grid": 4,
        "groups": 2,
        "learning_rate": 0.01,
        "patch_temperature": 0.2,
        "formulation": "paper",
        "symmetries": "dihedral",
        "border": "replicate",
        "scale": "native",
        "statistics": "unmixed",
        "seed": 1,
    }
    ids = {build(PretrainConfig, {**PRETRAIN, k: v}).run_id() for k, v in changes.items()}
    assert len(ids | {base}) == len(changes) + 1
    rd = build(PretrainConfig, RD).run_id()
    longer = {**RD, "step1": {**PRETRAIN, "steps": 99}}
    assert rd != build(PretrainConfig, longer).run_id()
    fine = {**TRANSFER, "encoder": PRETRAIN}
    other = {**TRANSFER, "encoder": {**PRETRAIN, "steps": 11}}
    ids = {build(TransferConfig, fields).run_id() for fields in (TRANSFER, fine, other)}
    assert len(ids) == 3


def test_defaults_written_out_do_not_change_the_run_id():
    whole = build(PretrainConfig, PRETRAIN).model_dump()
    assert build(PretrainConfig, whole).run_id() == build(PretrainConfig, PRETRAIN).run_id()


def test_ids_of_records_already_made_stay_as_they_are():
    """A knob's new default, or another way to hash, would orphan every committed record."""
    pretrain = build(PretrainConfig, PRETRAIN).run_id()
    assert pretrain == "pretrain-pd-mix-fundus-phantom-g8-c0-b4-s0-02b93990"


def test_every_knob_of_a_comparison_makes_another_run_id():
    base = build(ComparisonConfig, COMPARISON).run_id()
    changes = {
        "method": "mocov2",
        "modality": "xray",
        "data": {**DATA, "seed": 1},
        "base": 5,
        "steps": 11,
        "crop": 32,
        "batch": 8,
        "halve_every": 6,
        "learning_rate": 0.01,
        "optimizer": "sgd",
        "schedule": "cosine",
        "warmup": 5,
        "backbone": "resnet50",
        "weight_decay": 1e-4,
        "border": "replicate",
        "scale": "native",
        "knobs": {"queue": 64},
        "seed": 1,
    }
    ids = {build(ComparisonConfig, {**COMPARISON, k: v}).run_id() for k, v in changes.items()}
    assert len(ids | {base}) == len(changes) + 1
    assert set(changes) == set(ComparisonConfig.model_fields)


def test_the_order_of_knobs_does_not_matter_and_their_values_do():
    one, same, other = (
        build(ComparisonConfig, {**COMPARISON, "knobs": knobs}).run_id()
        for knobs in (
            {"queue": 64, "dim": 8},
            {"dim": 8, "queue": 64},
            {"queue": 64, "dim": 9},
        )
    )
    assert one == same
    assert one != other


def test_an_encoder_is_read_as_what_it_is():
    for fields, kind in ((PRETRAIN, PretrainConfig), (COMPARISON, ComparisonConfig)):
        config = build(TransferConfig, {**TRANSFER, "encoder": fields})
        assert type(config.encoder) is kind
        assert config.run_id().startswith(f"transfer-{fields['method'].replace('+', '-')}-")


def test_ids_of_comparisons_already_made_stay_as_they_are():
    run = build(ComparisonConfig, COMPARISON).run_id()
    assert run == "pretrain-moco-fundus-phantom-b4-s0-fb3c51b6"


@pytest.mark.parametrize("fields", [PRETRAIN, RD, COMPARISON])
def test_run_ids_are_plain_file_names(fields):
    for config in (
        build(ComparisonConfig if "batch" in fields else PretrainConfig, fields),
        build(TransferConfig, {**TRANSFER, "encoder": fields}),
    ):
        assert re.fullmatch(r"[a-z0-9_-]{20,120}", config.run_id())
