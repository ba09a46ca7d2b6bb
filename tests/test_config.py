"""Strict configs of every kind of run: what is unknown, mistyped or contradictory is refused in one
line; a config comes back from its own JSON; every knob makes another id."""

import json
import math
import re

import pytest
from pydantic import ValidationError

from ldl.config import DataConfig, build
from ldl.errors import ConfigError
from ldl.runs.lrc import CtConfig, GlobalConfig, LocalRegionConfig, OrganConfig
from ldl.runs.pretrain import ComparisonConfig, PretrainConfig
from ldl.runs.shape import GuideConfig, RefineConfig, ShapeConfig, SynthesisConfig
from ldl.runs.transfer import TransferConfig

DATA = {"source": "phantom", "size": 64}
PRETRAIN = {
    "method": "pd+mix", "modality": "fundus", "data": DATA, "base": 4, "steps": 10, "crop": 64,
    "halve_every": 5,
}  # fmt: skip
RD = {**PRETRAIN, "method": "rd", "clusters": 8, "step1": PRETRAIN}
COMPARISON = {**PRETRAIN, "method": "moco", "batch": 16}
TRANSFER = {"task": "stare_vessel", "data": DATA, "base": 4, "full_epochs": 3}

CT = {"region": "abdomen", "source": "phantom", "size": 48, "budgets": (2, 4)}
LOCAL = {"data": CT, "base": 4, "steps": 10, "batch": 4, "halve_every": 5}
GLOBAL = {
    "method": "moco", "data": CT, "base": 2, "steps": 10, "crop": 32, "batch": 8, "halve_every": 5,
}  # fmt: skip
SECOND = {**GLOBAL, "backbone": "unet", "base": 4}
ORGANS = {"data": CT, "budget": 4, "base": 2, "steps": 10, "validate_every": 5}
BOTH = {**ORGANS, "local_base": 4, "encoder": GLOBAL, "local": LOCAL}

GUIDE = {"region": RD, "prior": "dsa"}
SYNTHESIS = {"images": DATA, "crop": 48, "steps": 4, "segment_steps": 2, "segment_base": 2}
TESTS = {"source": "phantom", "size": 48}
SHAPE = {"data": TESTS, "prior": "dsa", "output": "ori", "guide": GUIDE}
REFINE = {**SHAPE, "output": "refine", "refine": {"steps": 3}}
CYCLE = {"data": TESTS, "prior": "dsa", "output": "cyclegan", "synthesis": SYNTHESIS}

FIELDS = {
    DataConfig: DATA,
    PretrainConfig: PRETRAIN,
    ComparisonConfig: COMPARISON,
    TransferConfig: TRANSFER,
    CtConfig: CT,
    GlobalConfig: GLOBAL,
    LocalRegionConfig: LOCAL,
    OrganConfig: ORGANS,
    GuideConfig: GUIDE,
    RefineConfig: {"steps": 3},
    SynthesisConfig: SYNTHESIS,
    ShapeConfig: SHAPE,
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
        (LocalRegionConfig, "sampels", "samples"),
        (GlobalConfig, "bse", "base"),
        (GuideConfig, "judges_rate", "judge_rate"),
    ],
)
def test_a_misspelt_knob_names_the_nearest(model, wrong, right):
    line = refused(model, {**FIELDS[model], wrong: 1})
    assert f"unknown knob '{wrong}'; did you mean '{right}'?" in line


@pytest.mark.parametrize(
    ("model", "fields", "wrong", "right"),
    [
        (PretrainConfig, {**PRETRAIN, "data": {**DATA, "trian": 6}}, "data.trian", "train"),
        (TransferConfig, {**TRANSFER, "encoder": {**PRETRAIN, "patch_grd": 8}},
         "encoder.patch_grd", "patch_grid"),
        (TransferConfig, {**TRANSFER, "encoder": {**COMPARISON, "bacth": 8}},
         "encoder.bacth", "batch"),
    ],
)  # fmt: skip
def test_a_misspelt_knob_within_is_named_with_its_place(model, fields, wrong, right):
    assert f"'{wrong}'; did you mean '{right}'?" in refused(model, fields)


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


@pytest.mark.parametrize("missing", list(PRETRAIN))
def test_a_missing_knob_is_named(missing):
    fields = {name: value for name, value in PRETRAIN.items() if name != missing}
    assert f": {missing}: Field required" in refused(PretrainConfig, fields)


OUT_OF_RANGE = {
    PretrainConfig: {
        "base": [0],
        "steps": [0],
        "learning_rate": [0.0, -1e-3, math.nan, math.inf],
        "patch_temperature": [0, math.inf],
        "region_weight": [math.inf],
        "patch_grid": [0],
        "groups": [0],
        "method": ["simclr"],
        "modality": ["mri"],
        "formulation": ["ours"],
        "symmetries": ["all"],
    },
    ComparisonConfig: {
        "method": ["pd", "MoCo"],
        "batch": [3],
        "steps": [-1],
        "halve_every": [0],
        "backbone": ["unet"],
        "knobs": [64],
    },
    TransferConfig: {"full_epochs": [0], "frozen_epochs": [-1], "label_fraction": [0.0, 1.1]},
    DataConfig: {"size": [31], "train": [4], "source": ["web"], "closer": [0.5]},
    CtConfig: {
        "region": ["knee"],
        "source": ["lits"],
        "size": [15],
        "budgets": [()],
        "spacing": [(1.0, 1.0)],
        "slices": [4],
    },
    GlobalConfig: {"modality": ["fundus"], "weight_decay": [-1.0]},
    LocalRegionConfig: {
        "samples": [0],
        "temperature": [0.0],
        "formulation": ["released"],
        "smallest": [0],
    },
    GuideConfig: {"prior": ["mra"], "judge": ["linear"], "judge_rate": [0.0]},
    RefineConfig: {"weight": ["sure"]},
}


@pytest.mark.parametrize(
    ("model", "name", "value"),
    [
        (model, name, value)
        for model, knobs in OUT_OF_RANGE.items()
        for name, values in knobs.items()
        for value in values
    ],
)
def test_a_value_out_of_range_is_refused_and_named(model, name, value):
    assert f"{model.__name__}: {name}" in refused(model, {**FIELDS[model], name: value})


@pytest.mark.parametrize(
    ("model", "changes", "said"),
    [
        (DataConfig, {"source": "open", "closer": 2.0}, "only phantoms can be drawn closer"),
        (PretrainConfig, {"crop": 40}, "crop 40 must be a multiple of 16"),
        (PretrainConfig, {"crop": 80}, "within 64"),
        (PretrainConfig, {"patch_grid": 7}, "patch_grid 7 must divide crop 64"),
        (PretrainConfig, {"clusters": 8}, "clusters"),
        (PretrainConfig, {**RD, "clusters": 0}, "clusters"),
        (PretrainConfig, {**RD, "step1": None}, "step1"),
        (PretrainConfig, {"step1": PRETRAIN}, "step1"),
        (PretrainConfig, {**RD, "border": "replicate"}, "is not that of step1, zeros"),
        (ComparisonConfig, {"crop": 40}, "crop 40 must be a multiple of 16"),
        (ComparisonConfig, {"crop": 80}, "within 64"),
        (ComparisonConfig, {"backbone": "vit", "border": "replicate"}, "replicate is for a vgg"),
        (TransferConfig, {"crop": 40}, "crop 40 must be a multiple of 16"),
        (TransferConfig, {"crop": 80}, "within 64"),
        (TransferConfig, {"data": {**DATA, "size": 40}}, "multiple of 16"),
        (TransferConfig, {"base": 8, "encoder": PRETRAIN}, "base 4"),
        (TransferConfig, {"base": 8, "encoder": COMPARISON}, "base 4"),
        (TransferConfig, {"task": "scr_lung", "encoder": PRETRAIN}, "fundus"),
        (TransferConfig, {"task": "scr_lung", "encoder": COMPARISON}, "fundus"),
        (TransferConfig, {"encoder": {**COMPARISON, "backbone": "resnet50"}},
         "encoder is a resnet50; these tasks start from a vgg"),
        (TransferConfig, {"border": "replicate", "encoder": PRETRAIN},
         "border replicate is not that of the encoder, zeros"),
        (TransferConfig, {"task": "stare"},
         "unknown task 'stare'; known tasks: chasedb1_vessel, hrf_vessel"),
        (LocalRegionConfig, {"elastic": {"cells": 6, "strength": 0.5}}, "folds"),
        (LocalRegionConfig, {"superpixels": {"scale": 0.0}}, "superpixels.scale"),
        (GlobalConfig, {"crop": 40}, "multiple of 16"),
        (GlobalConfig, {"crop": 64}, "within 48"),
        (GlobalConfig, {"backbone": "unet", "method": "byol"},
         "'unet' is trained by 'moco' or 'mocov2'"),
        (OrganConfig, {"backbone": "none"}, "needs a local branch"),
        (OrganConfig, {"budget": 5}, "budget 5 is not within"),
        (OrganConfig, {**BOTH, "second": SECOND}, "second takes the place of local"),
        (OrganConfig, {**BOTH, "base": 3}, "encoder (resnet50, base 2) does not fit"),
        (OrganConfig, {**BOTH, "backbone": "vgg"}, "encoder (resnet50, base 2) does not fit"),
        (OrganConfig, {**BOTH, "local_base": 0}, "local (base 4"),
        (OrganConfig, {**BOTH, "features": 32}, "features 64"),
        (OrganConfig, {**BOTH, "border": "replicate"}, "encoder was pretrained with border"),
        (OrganConfig, {**BOTH, "local": {**LOCAL, "border": "replicate"}},
         "local was pretrained with border"),
        (OrganConfig, {"local_base": 4, "second": {**SECOND, "base": 2}}, "second (unet, base 2)"),
        (OrganConfig, {"local_base": 2, "second": GLOBAL}, "second (resnet50, base 2)"),
        (GuideConfig, {"region": PRETRAIN}, "method 'rd'"),
        (GuideConfig, {"region": {**RD, "modality": "xray"}}, "fundus"),
        (SynthesisConfig, {"crop": 40}, "multiple of 16"),
        (SynthesisConfig, {"crop": 80}, "within 64"),
        (ShapeConfig, {"guide": None}, "needs 'guide'"),
        (ShapeConfig, {"refine": {"steps": 2}}, "has no 'refine'"),
        (ShapeConfig, {**REFINE, "refine": None}, "needs 'refine'"),
        (ShapeConfig, {**CYCLE, "guide": GUIDE}, "has no 'guide'"),
        (ShapeConfig, {**CYCLE, "guide": None, "synthesis": None}, "needs 'synthesis'"),
        (ShapeConfig, {**CYCLE, "guide": None, "output": "synseg"}, "segment_steps"),
        (ShapeConfig, {"prior": "octa"}, "does not fit prior"),
        (ShapeConfig, {"seed": 1}, "seed"),
        (ShapeConfig, {"data": {**TESTS, "size": 50}}, "multiple of 16"),
    ],
)  # fmt: skip
def test_knobs_that_contradict_each_other_are_refused(model, changes, said):
    assert said in refused(model, {**FIELDS[model], **changes})


@pytest.mark.parametrize(
    ("model", "fields", "slug"),
    [
        (PretrainConfig, PRETRAIN, "pretrain-pd-mix-fundus-phantom-g8-c0-b4-s0"),
        (PretrainConfig, RD, "pretrain-rd-fundus-phantom-g8-c8-b4-s0"),
        (ComparisonConfig, COMPARISON, "pretrain-moco-fundus-phantom-b4-s0"),
        (ComparisonConfig, {**COMPARISON, "knobs": {"queue": 64, "momentum": 0.9, "a": "b"}},
         "pretrain-moco-fundus-phantom-b4-s0"),
        (TransferConfig, TRANSFER, "transfer-scratch-stare_vessel-phantom-f100-s0"),
        (TransferConfig, {**TRANSFER, "encoder": PRETRAIN}, "transfer-pd-mix-stare_vessel-"),
        (TransferConfig, {**TRANSFER, "encoder": RD}, "transfer-rd-stare_vessel-"),
        (TransferConfig, {**TRANSFER, "encoder": COMPARISON}, "transfer-moco-stare_vessel-"),
        (GlobalConfig, {**GLOBAL, "data": {**CT, "spacing": (2.5, 1.0, 1.0)}},
         "pretrain-moco-ct-abdomen-phantom-resnet50-b2-s0"),
        (LocalRegionConfig, LOCAL, "pretrain-lrc-ct-abdomen-phantom-n50-paper-b4-s0"),
        (LocalRegionConfig, {**LOCAL, "samples": None}, "pretrain-lrc-ct-abdomen-phantom-nall-"),
        (OrganConfig, ORGANS, "organs-scratch-alone-abdomen-phantom-v4-s0"),
        (OrganConfig, {**ORGANS, "encoder": GLOBAL}, "organs-moco-alone-abdomen-"),
        (OrganConfig, BOTH, "organs-moco-lrc-abdomen-"),
        (OrganConfig, {**ORGANS, "local_base": 4, "second": SECOND},
         "organs-scratch-moco2-abdomen-"),
        (OrganConfig, {**ORGANS, "local_base": 4}, "organs-scratch-unet-abdomen-"),
        (OrganConfig, {**ORGANS, "backbone": "none", "local_base": 4, "local": LOCAL},
         "organs-only-lrc-abdomen-"),
        (GuideConfig, GUIDE, "guide-dsa-phantom-paper-c8-b4-s0"),
        (ShapeConfig, SHAPE, "shape-ori-paper-dsa-phantom-s0"),
        (ShapeConfig, {**SHAPE, "output": "clu"}, "shape-clu-paper-dsa-phantom-s0"),
        (ShapeConfig, REFINE, "shape-refine-even-paper-dsa-"),
        (ShapeConfig, {**REFINE, "refine": {"steps": 3, "weight": "uncertain"}},
         "shape-refine-uncertain-paper-dsa-phantom-s0"),
        (ShapeConfig, {**SHAPE, "guide": {**GUIDE, "judge": "released"}}, "shape-ori-released-"),
        (ShapeConfig, CYCLE, "shape-cyclegan-dsa-phantom-s0"),
    ],
)  # fmt: skip
def test_an_id_says_what_a_run_is_and_comes_back_from_its_json(model, fields, slug):
    """Whole, as in a record, with all defaults written out too."""
    config = build(model, fields)
    assert config.run_id().startswith(slug)
    assert re.fullmatch(r"[a-z0-9_-]{20,120}", config.run_id())
    for told in (json.loads(config.model_dump_json()), config.model_dump()):
        again = build(model, told)
        assert again == config
        assert again.run_id() == config.run_id()


KNOBS = {
    PretrainConfig: {
        "modality": "xray", "data": {**DATA, "seed": 1}, "base": 5, "steps": 11, "crop": 32,
        "halve_every": 6, "embedding": 16, "patch_grid": 4, "groups": 2, "learning_rate": 0.01,
        "patch_temperature": 0.2, "formulation": "paper", "symmetries": "dihedral",
        "border": "replicate", "scale": "native", "statistics": "unmixed", "seed": 1,
    },
    ComparisonConfig: {
        "method": "mocov2", "modality": "xray", "data": {**DATA, "seed": 1}, "base": 5, "steps": 11,
        "crop": 32, "batch": 8, "halve_every": 6, "learning_rate": 0.01, "optimizer": "sgd",
        "schedule": "cosine", "warmup": 5, "backbone": "resnet50", "weight_decay": 1e-4,
        "border": "replicate", "scale": "native", "knobs": {"queue": 64}, "seed": 1,
    },
    GlobalConfig: {
        "data": {**CT, "budgets": [2, 5]}, "base": 8, "steps": 11, "part": "all", "backbone": "vgg",
        "weight_decay": 0.0, "knobs": {"queue": 8}, "seed": 1,
    },
    OrganConfig: {
        "data": {**CT, "seed": 1}, "budget": 2, "base": 3, "steps": 11, "validate_every": 4,
        "backbone": "vgg", "batch": 4, "learning_rate": 0.01, "halve_every": 5, "weight_decay": 0.0,
        "elastic": None, "local_base": 2, "features": 32, "validation": 1, "test": 1, "seed": 1,
        "encoder": GLOBAL,
    },
    LocalRegionConfig: {
        "samples": None, "temperature": 0.2, "formulation": "distinct", "normalise": False,
        "smallest": 1, "superpixels": {"scale": 30.0}, "elastic": {"strength": 0.01},
        "features": 32, "part": "all",
    },
    TransferConfig: {"encoder": PRETRAIN, "label_fraction": 0.5, "seed": 1},
}  # fmt: skip


@pytest.mark.parametrize("model", KNOBS)
def test_every_knob_makes_another_run_id(model):
    fields, changes = FIELDS[model], KNOBS[model]
    ids = {build(model, {**fields, knob: value}).run_id() for knob, value in changes.items()}
    assert len(ids | {build(model, fields).run_id()}) == len(changes) + 1
    if model is ComparisonConfig:
        assert set(changes) == set(ComparisonConfig.model_fields)


@pytest.mark.parametrize(
    ("model", "fields", "within"),
    [
        (PretrainConfig, RD, "step1"),
        (TransferConfig, {**TRANSFER, "encoder": PRETRAIN}, "encoder"),
        (OrganConfig, BOTH, "local"),
    ],
)
def test_a_longer_run_within_makes_another_run_id(model, fields, within):
    longer = {**fields, within: {**fields[within], "steps": 99}}
    assert build(model, fields).run_id() != build(model, longer).run_id()


def test_the_order_of_knobs_does_not_matter_and_their_values_do():
    one, same, other = (
        build(ComparisonConfig, {**COMPARISON, "knobs": knobs}).run_id()
        for knobs in ({"queue": 64, "dim": 8}, {"dim": 8, "queue": 64}, {"queue": 64, "dim": 9})
    )
    assert one == same
    assert one != other


@pytest.mark.parametrize(
    ("model", "fields", "id"),
    [
        (PretrainConfig, PRETRAIN, "pretrain-pd-mix-fundus-phantom-g8-c0-b4-s0-02b93990"),
        (ComparisonConfig, COMPARISON, "pretrain-moco-fundus-phantom-b4-s0-fb3c51b6"),
    ],
)
def test_ids_of_records_already_made_stay_as_they_are(model, fields, id):
    """A knob's new default, or another way to hash, would orphan every committed record."""
    assert build(model, fields).run_id() == id


def test_a_config_cannot_be_changed():
    with pytest.raises(ValidationError):
        build(PretrainConfig, PRETRAIN).steps = 11


def test_channels_follow_the_modality():
    assert build(PretrainConfig, PRETRAIN).channels == 3
    assert build(PretrainConfig, {**PRETRAIN, "modality": "xray"}).channels == 1


def test_an_encoder_is_read_as_what_it_is():
    for fields, kind in ((PRETRAIN, PretrainConfig), (COMPARISON, ComparisonConfig)):
        assert type(build(TransferConfig, {**TRANSFER, "encoder": fields}).encoder) is kind


def test_a_global_config_is_a_comparison_on_one_channel():
    config = build(GlobalConfig, GLOBAL)
    assert isinstance(config, ComparisonConfig)
    assert (config.channels, config.modality, config.backbone) == (1, "ct", "resnet50")
    assert config.step1 is None


def test_the_papers_values_of_shape_guidance_are_the_defaults():
    guide = build(GuideConfig, GUIDE)
    assert (guide.judge, guide.judge_base, guide.judge_rate, guide.masks) == ("paper", 16, 5e-5, 10)
    assert guide.region.learning_rate == 1e-3
    assert build(RefineConfig, {"steps": 1}).augmentations == 30
    original = build(SynthesisConfig, SYNTHESIS)
    assert (original.base, original.blocks, original.pool, original.cycle_weight) == (64, 9, 50, 10)
    assert (original.learning_rate, original.batch) == (2e-4, 1)
