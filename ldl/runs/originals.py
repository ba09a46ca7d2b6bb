"""How the compared methods train in their papers, and what our scale puts in the place of it.

Data alone: planning reads it, and a method's file says what its hyperparameters mean.
"""

from dataclasses import dataclass
from typing import Any

from ldl.runs.pretrain import OptimizerName, ScheduleName


@dataclass(frozen=True)
class Training:
    """How the original trains.

    Attributes:
        optimizer, schedule: see `ldl.train.loop.Plan`.
        rate: at batches of 256; it grows in proportion to the batch.
        source: where this is said, and what is ours in it.
        weight_decay: of all weights.
        warmup: share of all steps.
    """

    optimizer: OptimizerName
    rate: float
    schedule: ScheduleName
    source: str
    weight_decay: float = 0.0
    warmup: float = 0.0

    def fields(self, batch: int, steps: int) -> dict[str, Any]:
        """For a config of so many steps of so many images."""
        return {
            "optimizer": self.optimizer,
            "schedule": self.schedule,
            "learning_rate": self.rate * batch / 256,
            "warmup": round(self.warmup * steps),
            "weight_decay": self.weight_decay,
        }


# A method that is not named trains as LDL does, as far as is known.
TRAINING: dict[str, Training] = {
    "byol": Training(
        "lars", 0.2, "cosine",
        "Grill et al. 2020, section 3.3: LARS, 0.2, 10 of 1,000 epochs of warm-up", 1.5e-6, 0.01,
    ),
    "densecl": Training(
        "sgd", 0.03, "cosine",
        "Wang et al. 2021, section 4.1: SGD and a cosine; the rate is MoCo v2's", 1e-4,
    ),
    "embinva": Training(
        "sgd", 0.06, "cosine",
        "Ye et al. 2019, section 4.1: SGD, 0.03 at batches of 128; the cosine is ours", 5e-4,
    ),
    "instdisc": Training(
        "sgd", 0.03, "cosine",
        "Wu et al. 2018, section 4: SGD, 0.03, 200 epochs; the cosine is ours", 1e-4,
    ),
    "mae": Training(
        "adam", 1.5e-4, "cosine",
        "He et al. 2022, Table 8: AdamW, 40 of 800 epochs of warm-up; no decay is ours", 0.0, 0.05,
    ),
    "moco": Training(
        "sgd", 0.03, "cosine",
        "He et al. 2020, section 3.3: SGD, 0.03, 200 epochs; the cosine is ours", 1e-4,
    ),
    "mocov2": Training(
        "sgd", 0.03, "cosine",
        "Chen et al. 2020 (MoCo v2), Table 1: as MoCo with a cosine", 1e-4,
    ),
    "rotation": Training(
        "sgd", 0.13, "cosine",
        "Gidaris et al. 2018, section 3.1: SGD, 0.1 at batches of 192; the cosine is ours", 5e-4,
    ),
    "simclr": Training(
        "lars", 0.3, "cosine",
        "Chen et al. 2020, section 2.2: LARS, 0.3, 10 of 100 epochs of warm-up", 1e-6, 0.1,
    ),
    "simsiam": Training("sgd", 0.05, "cosine", "Chen & He 2021, section 3: SGD, 0.05", 1e-4),
}  # fmt: skip

_MOMENTUM: dict[str, tuple[int | float | str, str]] = {
    "queue": (512, "65,536 keys are twenty times the images at hand; a sixth of them is 512"),
    "momentum": (0.99, "with 0.999 the teacher would stay near its random start"),
}
# Method -> knob -> (our value, why the original's does not fit). The ``paper`` profile ignores it.
SMALL: dict[str, dict[str, tuple[int | float | str, str]]] = {
    "byol": {
        "hidden": (256, "heads of 4,096 would have ten times the weights of the encoder"),
        "dim": (64, "the features have 32 to 128 numbers, ResNet-50's have 2,048"),
        "momentum": (0.99, "with 0.996 the teacher would stay near its random start"),
    },
    "densecl": _MOMENTUM,
    "instdisc": {
        "objective": (
            "softmax",
            "cheap for 3,000 images; NCE's Z from a random bank is far too small",
        )
    },
    "mae": {
        "width": (64, "wide decoders outweigh encoders of 48 or 96 dimensions"),
        "depth": (2, "the original's Table 1a loses little with fewer layers"),
        "heads": (4, "16 dimensions a head"),
    },
    "moco": _MOMENTUM,
    "mocov2": _MOMENTUM,
    "relative-location": {
        "smallest": (0.9, "in images of 64 or 112 pixels smaller patches would show nothing"),
        "width": (128, "the features have 32 to 128 numbers, the original's 256 x 36"),
    },
    "simclr": {
        "temperature": (0.5, "the paper's best for small images; 0.1 needs large batches (B.9)")
    },
    "simsiam": {
        "dim": (128, "the features have 32 to 128 numbers, ResNet-50's have 2,048"),
        "bottleneck": (32, "a quarter of the dimensions, as in the original"),
    },
}


def small(method: str) -> dict[str, int | float | str]:
    """Our values of the hyperparameters that `SMALL` replaces."""
    return {name: value for name, (value, _) in SMALL.get(method, {}).items()}
