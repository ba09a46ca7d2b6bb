"""Configs of shape guidance: what contradicts itself is refused in one line; ids are stable."""

import json

import pytest

from ldl.config import build
from ldl.errors import ConfigError
from ldl.runs.shape import GuideConfig, RefineConfig, ShapeConfig, SynthesisConfig

DATA = {"source": "phantom", "size": 64}
FIRST = {
    "method": "pd+mix", "modality": "fundus", "data": DATA, "base": 2, "steps": 4, "crop": 48,
    "halve_every": 2,
}  # fmt: skip
REGION = {**FIRST, "method": "rd", "clusters": 8, "step1": FIRST}
GUIDE = {"region": REGION, "prior": "dsa"}
SYNTHESIS = {"images": DATA, "crop": 48, "steps": 4, "segment_steps": 2, "segment_base": 2}
TESTS = {"source": "phantom", "size": 48}
SHAPE = {"data": TESTS, "prior": "dsa", "output": "ori", "guide": GUIDE}
REFINE = {**SHAPE, "output": "refine", "refine": {"steps": 3}}
CYCLE = {"data": TESTS, "prior": "dsa", "output": "cyclegan", "synthesis": SYNTHESIS}


def refused(model, fields):
    with pytest.raises(ConfigError) as caught:
        build(model, fields)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize(
    ("model", "fields", "said"),
    [
        (GuideConfig, {**GUIDE, "region": FIRST}, "method 'rd'"),
        (GuideConfig, {**GUIDE, "region": {**REGION, "modality": "xray"}}, "fundus"),
        (GuideConfig, {**GUIDE, "prior": "mra"}, "prior"),
        (GuideConfig, {**GUIDE, "judge": "linear"}, "judge"),
        (GuideConfig, {**GUIDE, "judge_rate": 0.0}, "judge_rate"),
        (GuideConfig, {**GUIDE, "judges_rate": 1e-3}, "judges_rate"),
        (RefineConfig, {"steps": 3, "weight": "sure"}, "weight"),
        (SynthesisConfig, {**SYNTHESIS, "crop": 40}, "multiple of 16"),
        (SynthesisConfig, {**SYNTHESIS, "crop": 80}, "within 64"),
        (ShapeConfig, {**SHAPE, "guide": None}, "needs 'guide'"),
        (ShapeConfig, {**SHAPE, "refine": {"steps": 2}}, "has no 'refine'"),
        (ShapeConfig, {**REFINE, "refine": None}, "needs 'refine'"),
        (ShapeConfig, {**CYCLE, "guide": GUIDE}, "has no 'guide'"),
        (ShapeConfig, {**CYCLE, "synthesis": None}, "needs 'synthesis'"),
        (ShapeConfig, {**CYCLE, "output": "synseg"}, "segment_steps"),
        (ShapeConfig, {**SHAPE, "prior": "octa"}, "does not fit prior"),
        (ShapeConfig, {**SHAPE, "seed": 1}, "seed"),
        (ShapeConfig, {**SHAPE, "data": {**TESTS, "size": 50}}, "multiple of 16"),
    ],
)
def test_what_contradicts_itself_is_refused(model, fields, said):
    assert said in refused(model, fields)


def test_paper_values_are_the_defaults():
    guide = build(GuideConfig, GUIDE)
    assert (guide.judge, guide.judge_base, guide.judge_rate, guide.masks) == ("paper", 16, 5e-5, 10)
    assert guide.region.learning_rate == 1e-3
    assert build(RefineConfig, {"steps": 1}).augmentations == 30
    original = build(SynthesisConfig, SYNTHESIS)
    assert (original.base, original.blocks, original.pool, original.cycle_weight) == (64, 9, 50, 10)
    assert (original.learning_rate, original.batch) == (2e-4, 1)


def test_ids_say_what_a_run_is_and_differ_by_every_knob():
    runs = [
        build(ShapeConfig, SHAPE),
        build(ShapeConfig, {**SHAPE, "output": "clu"}),
        build(ShapeConfig, REFINE),
        build(ShapeConfig, {**REFINE, "refine": {"steps": 3, "weight": "uncertain"}}),
        build(ShapeConfig, {**SHAPE, "guide": {**GUIDE, "judge": "released"}}),
        build(ShapeConfig, CYCLE),
    ]
    ids = [run.run_id() for run in runs]
    assert len(set(ids)) == len(ids)
    assert ids[0].startswith("shape-ori-paper-dsa-phantom-s0-")
    assert ids[3].startswith("shape-refine-uncertain-paper-dsa-phantom-s0-")
    assert build(GuideConfig, GUIDE).run_id().startswith("guide-dsa-phantom-paper-c8-b2-s0-")


@pytest.mark.parametrize("fields", [SHAPE, REFINE, CYCLE])
def test_a_config_comes_back_from_its_record(fields):
    run = build(ShapeConfig, fields)
    again = ShapeConfig.model_validate_json(json.dumps(run.model_dump(mode="json")))
    assert again == run
    assert again.run_id() == run.run_id()
    assert again.trains == (run.output not in ("ori", "clu"))
