"""A pretraining that a test kills; run as ``python killed_run.py FOLDER``, slow enough to hit."""

import sys
import time
from pathlib import Path

import numpy as np
import torch

from ldl.config import DataConfig
from ldl.data.bank import Bank
from ldl.runs.pretrain import PretrainConfig
from ldl.train import loop
from ldl.train.device import fabric_for
from ldl.train.made import How, Learned
from ldl.train.pretrain import PretrainStage, pretrain


def run(folder: Path, steps: int = 40) -> Learned:
    images = np.random.default_rng(0).integers(0, 256, (16, 3, 32, 32), dtype=np.uint8)
    config = PretrainConfig(
        method="pd+mix",
        modality="fundus",
        data=DataConfig(source="phantom", size=32),
        base=2,
        steps=steps,
        crop=32,
        halve_every=9,
        patch_grid=4,
        groups=1,
    )
    bank = Bank("noise", images, tuple(map(str, range(16))), "")
    return pretrain(config, bank, How(folder, fabric_for("cpu")))


if __name__ == "__main__":
    torch.set_num_threads(1)
    loop.SECONDS_BETWEEN_CHECKPOINTS = 0.0
    PretrainStage.after_step = lambda self, model, step: time.sleep(0.05)
    run(Path(sys.argv[1]))
