"""Configs, views and networks whose answers are known."""

import pytest
import torch
from torch import nn

from ldl import phantoms
from ldl.config import DataConfig
from ldl.data.bank import Bank
from ldl.data.sampling import apply_symmetry
from ldl.data.views import ViewPair
from ldl.methods import METHODS
from ldl.methods.base import Batch
from ldl.runs.pretrain import ComparisonConfig, PretrainConfig
from ldl.sphere import unit
from ldl.train.comparison import pretrain_comparison
from ldl.train.device import fabric_for
from ldl.train.made import How

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


@pytest.fixture(scope="session")
def photographs():
    """Forty fundus phantoms, (40, 3, 48, 48) uint8; 35 of them are trained on."""
    images = phantoms.pretraining_images("fundus", count=40, size=48, seed=0)
    return Bank("photographs", images, tuple(map(str, range(40))), "seed-0")


def make_comparison(method, *, crop=SIZE, batch=8, base=2, steps=50, seed=0, **knobs):
    return ComparisonConfig(
        method=method,
        modality="fundus",
        data=DataConfig(source="phantom", size=48),
        base=base,
        steps=steps,
        crop=crop,
        batch=batch,
        halve_every=1000,
        knobs=knobs,
        seed=seed,
    )


@pytest.fixture
def comparison_config():
    return make_comparison


@pytest.fixture
def one_step(photographs):
    """A method's network for 35 images and the losses of one batch of eight under it."""

    def make(config, labels=None):
        torch.manual_seed(config.seed)
        method = METHODS[config.method]
        net = method.network(config, 35)
        rows = torch.arange(config.batch)
        batch = Batch(torch.from_numpy(photographs.images[: config.batch]), rows, labels)
        outcome = method.losses(net, batch, config, torch.Generator().manual_seed(config.seed))
        return net, outcome

    return make


@pytest.fixture
def trained(photographs, tmp_path):
    """What pretraining on the phantoms gives."""

    def make(config, labels=None):
        return pretrain_comparison(
            config,
            photographs,
            How(tmp_path / config.run_id(), fabric_for("cpu")),
            labels=labels,
        )

    return make
