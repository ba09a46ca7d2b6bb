"""A step never waits for its device: on tensors without values what waits fails, or is seen."""

import traceback

import numpy as np
import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from ldl.config import DataConfig
from ldl.methods import METHODS
from ldl.rng import sent
from ldl.runs.pretrain import ComparisonConfig, PretrainConfig
from ldl.train.comparison import ComparisonStage
from ldl.train.device import Feed
from ldl.train.pretrain import PretrainStage

IMAGES, SIZE = 16, 64
SIZES = {
    "modality": "fundus",
    "data": DataConfig(source="phantom", size=SIZE),
    "base": 2,
    "steps": 1,
    "crop": 48,
    "halve_every": 1,
}


class Waits(TorchDispatchMode):
    """Lists operations that mix host and device, copies to the device that do not return at once.

    The device is "meta", whose tensors have no values: .item(), bool(), nonzero and copies back to
    the host raise by themselves, in the forward and in the backward pass.
    """

    def __init__(self):
        super().__init__()
        self.found = []

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        out = func(*args, **kwargs)
        given = [one for one in tree_leaves((args, kwargs)) if isinstance(one, torch.Tensor)]
        made = [one for one in tree_leaves(out) if isinstance(one, torch.Tensor)]
        copied = func in (torch.ops.aten._to_copy.default, torch.ops.aten.copy_.default)
        # A number beside a map is an argument of the kernel.
        host = [one for one in given if one.device.type == "cpu" and (one.ndim or copied)]
        if host and any(one.device.type == "meta" for one in [*given, *made]):
            at_once = kwargs.get("non_blocking", False) or (len(args) > 2 and args[2] is True)
            stack = traceback.extract_stack()
            # kornia asks whether the device is CUDA, and only then does not wait.
            at_once |= any(frame.name == "_to_device_nonblocking" for frame in stack)
            if not (copied and at_once):
                lines = [frame for frame in stack if "/ldl/" in frame.filename]
                self.found.append((str(func), *(f"{f.filename}:{f.lineno}" for f in lines[-1:])))
        return out


def resident_feed():
    """A bank that lies on the device whole."""
    feed = Feed(np.zeros((IMAGES, 3, SIZE, SIZE), dtype=np.uint8), torch.device("meta"))
    feed.whole = torch.zeros(IMAGES, 3, SIZE, SIZE, dtype=torch.uint8, device="meta")
    return feed


def own_stage(method):
    fields = {**SIZES, "method": method, "groups": 2}
    if method == "rd":
        below = PretrainConfig(**{**fields, "method": "pd+mix"})
        fields |= {"clusters": 4, "step1": below}
    config = PretrainConfig(**fields)
    net = METHODS[method].network(config).to("meta")
    return PretrainStage(config, net, resident_feed(), list(range(IMAGES)))


def compared_stage(method):
    config = ComparisonConfig(**SIZES, method=method, batch=8, knobs={"queue": 16})
    net = METHODS[method].network(config, IMAGES).to("meta")
    return ComparisonStage(config, net, resident_feed(), list(range(IMAGES)), None)


@pytest.mark.parametrize("method", ["pd", "pd+mix", "rd", "pd+mix+ms", "pd+mix+ms+cs"])
def test_a_step_does_not_wait_for_the_device(method):
    stage = own_stage(method)
    with Waits() as watch:
        torch.stack(list(stage.losses(stage.net).values())).sum().backward()
    assert watch.found == []


@pytest.mark.parametrize("method", ["moco", "mocov2"])
def test_neither_does_one_with_a_queue(method):
    stage = compared_stage(method)
    with Waits() as watch:
        torch.stack(list(stage.losses(stage.net).values())).sum().backward()
        stage.after_step(stage.net, 1)
    assert watch.found == []


@pytest.mark.parametrize(
    "wait",
    [
        lambda x: x.sum().item(),
        lambda x: bool(x.sum() > 0),
        lambda x: x.nonzero(),
        lambda x: x.cpu(),
        lambda x: x + torch.ones(3),
    ],
)
def test_what_waits_or_mixes_raises(wait):
    with pytest.raises((RuntimeError, NotImplementedError)):
        wait(torch.zeros(3, device="meta"))


def test_a_hidden_copy_is_seen():
    on_device = torch.zeros(3, device="meta")
    with Waits() as watch:
        torch.ones(3).to("meta")
        on_device[torch.tensor([0, 2])]
        assert len(watch.found) == 2
        sent(torch.ones(3), on_device)
    assert len(watch.found) == 2


def test_what_is_sent_keeps_whole_numbers_and_takes_the_type_of_floating_ones():
    like = torch.zeros(2, dtype=torch.float64)
    assert sent(torch.ones(3), like).dtype == torch.float64
    assert sent(torch.ones(3, dtype=torch.int64), like).dtype == torch.int64
    assert sent(torch.ones(3), torch.zeros(2, dtype=torch.uint8)).dtype == torch.float32
