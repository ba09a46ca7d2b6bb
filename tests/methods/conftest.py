"""Configs, views and networks whose answers are known."""

import pytest
import torch
from torch import nn

from ldl.config import DataConfig, PretrainConfig
from ldl.data.symmetry import apply_symmetry
from ldl.data.views import ViewPair
from ldl.sphere import unit

SIZE = 32


def make_config(method, **knobs):
    fields = {
        "modality": "fundus",
        "data": DataConfig(source="phantom", size=SIZE),
        "base": 2,
        "steps": 1,
        "crop": SIZE,
        "halve_every": 1,
        "patch_grid": 4,
        "groups": 2,
        "embedding": 6,
        **knobs,
    }
    if method == "rd":
        fields = {"clusters": 3, "step1": make_config("pd+mix", **knobs), **fields}
    return PretrainConfig(method=method, **fields)


@pytest.fixture
def config_for():
    return make_config


@pytest.fixture
def views():
    """Four images; the second views are the first ones turned, each by another symmetry."""
    draw = torch.Generator().manual_seed(3)
    first = torch.randn(4, 3, SIZE, SIZE, generator=draw)
    symmetry = torch.tensor([0, 5, 6, 3])
    return ViewPair(first, apply_symmetry(first, symmetry), symmetry, None, None)


class Colours(nn.Module):
    """Answers with the image itself as embedding, and with shares of its channels as clusters."""

    def __init__(self, clusters=0):
        super().__init__()
        self.clusters, self.seen = clusters, []

    def forward(self, image):
        self.seen.append(image)
        share = image.softmax(1)[:, : self.clusters] if self.clusters else None
        return unit(image, dim=1), share


@pytest.fixture
def colours():
    return Colours
