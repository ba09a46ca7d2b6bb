"""How the compared methods train in their papers, and what our scale puts in the place of it.

The values stand in ``originals.yaml``; a method's file says what its hyperparameters mean.
"""

from dataclasses import dataclass
from importlib.resources import files
from typing import Any

import yaml

from ldl.runs.pretrain import OptimizerName, ScheduleName


@dataclass(frozen=True)
class Training:
    """How the original trains, see ``originals.yaml``."""

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


_READ = yaml.safe_load(files("ldl.runs").joinpath("originals.yaml").read_text(encoding="utf-8"))
TRAINING = {method: Training(**one) for method, one in _READ["training"].items()}
# Method -> knob -> (our value, why the original's does not fit).
SMALL: dict[str, dict[str, tuple[int | float | str, str]]] = {
    method: {knob: tuple(one) for knob, one in knobs.items()}
    for method, knobs in _READ["small"].items()
}


def small(method: str) -> dict[str, int | float | str]:
    """Our values of the hyperparameters that `SMALL` replaces."""
    return {name: value for name, (value, _) in SMALL.get(method, {}).items()}
