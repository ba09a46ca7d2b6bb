"""Two ranks with half of the batch each train as one rank does with all of it.

    torchrun --standalone --nproc-per-node 2 tests/train/test_ranks.py FILE

writes what the test compares.
"""

import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from ldl.config import DataConfig
from ldl.engine.execute import ensure
from ldl.engine.store import RunStore
from ldl.errors import ConfigError
from ldl.methods import METHODS
from ldl.ranks import across_ranks, gathered, mine, ranks
from ldl.rng import numpy_generator, seed_everything
from ldl.runs.pretrain import ComparisonConfig, PretrainConfig
from ldl.train import loop, pretrain
from ldl.train.comparison import ComparisonStage
from ldl.train.device import Feed, fabric_for
from ldl.train.loop import Plan, fit
from ldl.train.made import How
from ldl.train.pretrain import PretrainStage

STEPS, IMAGES, SIZE = 2, 16, 32
FIELDS = {
    "modality": "fundus",
    "data": DataConfig(source="phantom", size=SIZE),
    "base": 2,
    "steps": STEPS,
    "crop": 32,
    "halve_every": 1,
}


def stages():
    images = numpy_generator(0, "ranks").integers(0, 256, (IMAGES, 3, SIZE, SIZE), dtype=np.uint8)
    feed, rows = Feed(images, torch.device("cpu")), list(range(IMAGES))
    own = {**FIELDS, "groups": 2, "patch_grid": 4}
    below = PretrainConfig(method="pd+mix", **own)
    configs = [
        PretrainConfig(method="pd", **own),
        below,
        PretrainConfig(method="pd+mix+ms", **own),
        PretrainConfig(method="rd", clusters=4, step1=below, **own),
        PretrainConfig(method="rd", clusters=4, step1=below, formulation="paper", **own),
    ]
    for config in configs:
        seed_everything(0, "ranks")
        yield PretrainStage(config, METHODS[config.method].network(config), feed, rows)
    knobs = {"queue": 16, "dim": 8, "norm": "batch"}
    config = ComparisonConfig(method="moco", batch=8, knobs=knobs, **FIELDS)
    seed_everything(0, "ranks")
    net = METHODS["moco"].network(config, IMAGES)
    yield ComparisonStage(config, net, feed, rows, None)


def train_all(file):
    """Two steps of each; rank 0 writes what came of them."""
    torch.set_num_threads(1)
    fabric = fabric_for("cpu")
    kept = {"ranks": torch.tensor(ranks())}
    for number, stage in enumerate(stages()):
        across_ranks(stage.net)
        plan = Plan(STEPS, 0.01, optimizer="sgd")
        folder = file.parent / f"{ranks()}-{number}"
        name = f"{number}-{stage.config.method}"
        then = stage.after_step

        def note(model, step, stage=stage, name=name, then=then):
            if step == 1:
                for part, weight in stage.net.named_parameters():
                    if weight.grad is not None:
                        kept[f"{name}-gradient-{part}"] = weight.grad.clone()
            then(model, step)

        stage.after_step = note
        history = fit(stage, plan, folder=folder, identity={}, fabric=fabric)
        # What a rank has of its images alone is meant over ranks; the rest is the same on each.
        kept[f"{name}-losses"] = gathered(torch.tensor(history.rows)[None]).mean(0)
        for part, values in stage.net.named_buffers():
            if not part.startswith("teacher"):
                kept[f"{name}-buffer-{part}"] = values.clone()
    data = DataConfig(source="phantom", size=SIZE, images=16)
    config = PretrainConfig(method="pd", groups=2, **{**FIELDS, "data": data})
    store = RunStore(file.parent / f"runs-{ranks()}", file.parent / "none")
    record = ensure(config, store, device="cpu", weights=True)
    kept["6-made-record"] = torch.tensor(record["losses"]["patch"])
    assert record["provenance"]["device"].startswith("2 x " if ranks() == 2 else "CPU")
    assert ensure(config, store, device="cpu", weights=True)["losses"] == record["losses"]
    if fabric.is_global_zero:
        save_file(kept, file)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("ranks")
    launcher = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    one, two = folder / "one.safetensors", folder / "two.safetensors"
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "GLOO_SOCKET_IFNAME": "lo"}
    command = [sys.executable, *launcher, __file__, str(two)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    train_all(one)
    one, two = load_file(one), load_file(two)
    assert (int(one.pop("ranks")), int(two.pop("ranks"))) == (1, 2)
    return one, two


@pytest.mark.parametrize(
    ("kind", "bound"), [("losses", 1e-5), ("gradient", 1e-5), ("buffer", 1e-4), ("record", 1e-3)]
)
def test_two_ranks_train_as_one(trained, kind, bound):
    """Losses of two steps, gradients of the first, statistics and queue after the second.

    A record's run has Adam, whose first update is as long whatever rounding made of a gradient.
    """
    one, two = trained
    names = [name for name in one if f"-{kind}" in name]
    assert len(names) >= (1 if kind == "record" else 6)
    for name in names:
        scale = max(1.0, float(one[name].abs().max()))
        worst = float((one[name].double() - two[name].double()).abs().max()) / scale
        # MoCo's gradient is off by 1.2e-5 on one kind of processor, whatever the temperature.
        allowed = 2e-5 if name.startswith("5-moco-gradient") else bound
        assert worst < allowed, f"{name}: {worst:.1e}"


def test_gradients_are_not_small(trained):
    """A bound of 1e-5 says something about them."""
    one, _ = trained
    largest = {}
    for name, value in one.items():
        if "-gradient-" in name:
            method = name.split("-gradient-")[0]
            largest[method] = max(largest.get(method, 0.0), float(value.abs().max()))
    assert len(largest) == 6
    assert min(largest.values()) > 0.01


def test_one_process_has_the_whole_batch():
    batch = torch.rand(6, 3)
    assert ranks() == 1
    assert mine(batch) is batch
    assert gathered(batch) is batch


def test_what_cannot_be_parted_is_refused(
    monkeypatch, tmp_path, fabric, pretrain_config, image_bank
):
    monkeypatch.setattr(loop, "ranks", lambda: 2)
    with pytest.raises(ConfigError, match="without torchrun"):
        fit(
            SimpleNamespace(on_ranks=False),
            Plan(1, 0.1),
            folder=tmp_path,
            identity={},
            fabric=fabric,
        )
    monkeypatch.setattr(pretrain, "ranks", lambda: 3)
    with pytest.raises(ConfigError, match="3 ranks"):
        pretrain.pretrain(pretrain_config(), image_bank(), How(tmp_path, fabric))


if __name__ == "__main__":
    train_all(Path(sys.argv[1]))
