"""Tiny banks and configs; one thread, so that equal runs are equal whatever the machine."""

import numpy as np
import pytest
import torch

from ldl.config import DataConfig
from ldl.data.bank import Bank
from ldl.data.ct import CtBank, CtEntry
from ldl.runs.pretrain import PretrainConfig
from ldl.runs.transfer import TransferConfig
from ldl.train import loop
from ldl.train.device import fabric_for

SIZE = 32


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def fabric():
    return fabric_for("cpu")


@pytest.fixture
def save_every_step(monkeypatch):
    monkeypatch.setattr(loop, "SECONDS_BETWEEN_CHECKPOINTS", -1.0)


def noise(count, channels, seed):
    """Coarse patterns, so that patches of an image differ and survive a small turn."""
    draw = np.random.default_rng(seed)
    coarse = draw.integers(0, 256, (count, channels, 8, 8), dtype=np.uint8)
    return coarse.repeat(SIZE // 8, axis=2).repeat(SIZE // 8, axis=3)


@pytest.fixture
def image_bank():
    def make(count=24, channels=3, seed=1):
        ids = tuple(f"image-{k}" for k in range(count))
        return Bank("patterns", noise(count, channels, seed), ids, f"seed-{seed}")

    return make


@pytest.fixture
def task_bank():
    def make(validation=2, train=5, test=3, channels=3, seed=1):
        draw = np.random.default_rng(seed)
        count = validation + train + test
        y, x = np.mgrid[:SIZE, :SIZE]
        centre, radius = draw.uniform(10, 22, (2, count, 1, 1)), draw.uniform(4, 9, (count, 1, 1))
        masks = ((x - centre[0]) ** 2 + (y - centre[1]) ** 2 < radius**2).astype(np.uint8)
        images = noise(count, channels, seed) // 2 + masks[:, None] * 100
        splits = ("validation",) * validation + ("train",) * train + ("test",) * test
        ids = tuple(f"disc-{k}" for k in range(count))
        return Bank("discs", images, ids, f"seed-{seed}", splits, masks)

    return make


@pytest.fixture
def pretrain_config():
    def make(method="pd", **knobs):
        fields = {
            "modality": "fundus",
            "data": DataConfig(source="phantom", size=SIZE),
            "base": 2,
            "steps": 7,
            "crop": SIZE,
            "halve_every": 3,
            "patch_grid": 4,
            "groups": 2,
            "embedding": 6,
            **knobs,
        }
        if method == "rd":
            fields = {"clusters": 3, "step1": make("pd+mix", **knobs), **fields}
        return PretrainConfig(method=method, **fields)

    return make


@pytest.fixture
def transfer_config():
    def make(**knobs):
        fields = {
            "task": "stare_vessel",
            "data": DataConfig(source="phantom", size=SIZE),
            "base": 2,
            "frozen_epochs": 2,
            "full_epochs": 2,
            **knobs,
        }
        return TransferConfig(**fields)

    return make


def patient(number, slices):
    """A grey body with a bright organ on the right and a dark one on the left, (Z, S, S) each."""
    draw = np.random.default_rng(number)
    y, x = np.mgrid[:SIZE, :SIZE]
    place = draw.uniform(-2, 2, (2, 2))
    image = np.where((x - 16) ** 2 + (y - 16) ** 2 < 196, 110, 0)
    label = np.zeros((SIZE, SIZE), np.uint8)
    for organ, (column, grey) in enumerate(((10, 220), (22, 40)), start=1):
        inside = (x - column - place[organ - 1, 0]) ** 2 + (y - 16 - place[organ - 1, 1]) ** 2 < 22
        image, label = np.where(inside, grey, image), np.where(inside, organ, label)
    noisy = image + draw.integers(0, 12, (slices, SIZE, SIZE))
    # The lowest slice shows no organ.
    labels = np.repeat(label[None].astype(np.uint8), slices, axis=0)
    labels[0], noisy[0] = 0, draw.integers(90, 110, (SIZE, SIZE))
    return noisy.clip(0, 255).astype(np.uint8), labels


@pytest.fixture
def ct_bank():
    """Patients of `patient`; train volumes first, then validation, then test."""

    def make(train=3, validation=1, test=2, slices=4, first=0, labelled=True):
        parts = ["train"] * train + ["validation"] * validation + ["test"] * test
        scans = [patient(first + k, slices) for k in range(len(parts))]
        affine = tuple(tuple(row) for row in np.eye(4).tolist())
        places = [parts[:k].count(part) for k, part in enumerate(parts)]
        volumes = tuple(
            CtEntry(
                f"p{first + k}", k * slices, slices, (5.0, 2.0, 2.0), affine, 0.0, f"c{first + k}",
                part, place,
            )
            for k, (part, place) in enumerate(zip(parts, places, strict=True))
        )  # fmt: skip
        images, labels = (np.concatenate(each) for each in zip(*scans, strict=True))
        return CtBank(
            name="patients",
            region="abdomen",
            images=images[:, None],
            labels=labels if labelled else None,
            organs=("bright", "dark"),
            volumes=volumes,
            window=(-125, 275),
            fingerprint=f"patients-{first}-{parts}",
            note="",
            left_out={},
        )

    return make
