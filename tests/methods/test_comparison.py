"""What is common to all comparison methods: names, levels, knobs, and what our scale changes."""

import pytest
import torch

from ldl.errors import ConfigError
from ldl.methods import METHODS
from ldl.methods.base import Comparison, NoKnobs, encoder_of
from ldl.models.backbones import Encoder, ResNet50, ViT
from ldl.runs.pretrain import SMALL, TRAINING, ComparisonName, small
from ldl.tables.transfer import COMPARED

LEVELS = {"image", "patch", "pixel", "region", "image and pixel", "none"}


COMPARISONS = {name: one for name, one in METHODS.items() if one.compared}


@pytest.fixture(params=list(COMPARISONS))
def method(request):
    return METHODS[request.param]


def test_every_name_of_a_config_is_a_method_and_the_other_way_round():
    assert set(COMPARISONS) == set(ComparisonName.__args__)


def test_the_titles_of_table_2_are_those_of_the_methods():
    assert {name: METHODS[name].title for name in COMPARED} == COMPARED


def test_a_method_says_what_it_is(method):
    assert isinstance(method, Comparison)
    assert method.level in LEVELS
    assert method.title == method.title.strip() != ""
    assert any(digit.isdigit() for digit in method.paper) or "section" in method.paper
    assert method.idea.endswith(".")
    assert len(method.idea.splitlines()) == 1
    assert method.__doc__, "what was changed for our scale belongs into the docstring"
    assert method.Knobs is NoKnobs or method.Knobs.__doc__


def test_what_is_planned_is_of_methods_there_are():
    assert {*SMALL, *TRAINING} <= set(COMPARISONS)


def test_titles_are_told_apart():
    titles = [method.title for method in COMPARISONS.values()]
    assert len(set(titles)) == len(titles)


def test_what_our_scale_changes_is_a_knob_with_a_reason(method, comparison_config):
    defaults = method.Knobs().model_dump()
    key = next(key for key, value in COMPARISONS.items() if value is method)
    for name, (value, why) in SMALL.get(key, {}).items():
        assert value != defaults[name], f"{name}: no change"
        assert len(why) > 10
    knobs = method.knobs(comparison_config(key, **small(key)))
    assert knobs.model_dump() == {**defaults, **small(key)}


def test_without_knobs_the_originals_hold(method, comparison_config):
    name = next(key for key, value in COMPARISONS.items() if value is method)
    assert method.knobs(comparison_config(name)) == method.Knobs()


def test_a_knob_that_the_method_does_not_have_is_refused_in_one_line(method, comparison_config):
    name = next(key for key, value in COMPARISONS.items() if value is method)
    with pytest.raises(ConfigError, match="tmeperature") as caught:
        method.knobs(comparison_config(name, tmeperature=0.1))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "knobs"),
    [
        ("moco", {"queue": 0}),
        ("moco", {"queue": 0.5}),
        ("moco", {"momentum": 1.5}),
        ("moco", {"temperature": 0}),
        ("mocov2", {"temperature": "low"}),
        ("instdisc", {"objective": "triplet"}),
        ("mae", {"hidden": 1.0}),
    ],
)
def test_a_value_that_a_knob_cannot_have_is_refused_and_named(name, knobs, comparison_config):
    with pytest.raises(ConfigError, match=next(iter(knobs))) as caught:
        METHODS[name].knobs(comparison_config(name, **knobs))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("name", "kind"), [("vgg", Encoder), ("resnet50", ResNet50), ("vit", ViT)])
def test_the_encoder_is_the_one_that_the_config_asks_for(name, kind, comparison_config):
    config = comparison_config("moco").model_copy(update={"backbone": name, "modality": "xray"})
    encoder = encoder_of(config)
    assert isinstance(encoder, kind)
    with torch.no_grad():
        assert encoder.eval()(torch.rand(1, 1, 32, 32))[-1].shape[1] == encoder.channels[-1]
