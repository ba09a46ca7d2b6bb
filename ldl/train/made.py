"""What goes into the making of a run, and what comes out."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor

from ldl.data.bank import Bank
from ldl.runs.base import Run
from ldl.train.device import Fabric
from ldl.train.loop import EpochStage, History, Plan, Progress, fit

CURVE_POINTS = 100
Weights = dict[str, Tensor]


def _of_data(fingerprint: str) -> dict[str, Any]:
    return {"data": fingerprint}


def _nothing(run: Run | None) -> None:
    return None


@dataclass(frozen=True)
class How:
    """Where and on what a run is made; folder and device are enough outside of the store.

    Attributes:
        identity: fields that a checkpoint must agree with beside the config, from the data's hash.
        before: the weights of a run that this one needs, made now if they are missing; None of no
            run.
    """

    folder: Path
    fabric: Fabric
    identity: Callable[[str], dict[str, Any]] = field(default=_of_data)
    before: Callable[[Run | None], Weights | None] = field(default=_nothing)
    progress: Progress = False

    def fit(
        self, run: Run, stage: EpochStage, plan: Plan, data: str, phase: str = "", **identity: Any
    ) -> History:
        """Train ``stage`` as a part of ``run``, see :func:`ldl.train.loop.fit`.

        Args:
            data: the hash of what is trained on.
            phase: of a run with several, each with a checkpoint of its own.
        """
        return fit(
            stage,
            plan,
            folder=self.folder / phase,
            identity={"config": run.model_dump(mode="json"), **identity, **self.identity(data)},
            fabric=self.fabric,
            title=f"{run.run_id()} {phase}".rstrip(),
            progress=self.progress,
        )


@dataclass(frozen=True)
class Made:
    """What came out of a run.

    Attributes:
        weights: that later runs take over; None where nothing was trained.
        data: the record's line about its data.
        seconds: of the work, interruptions left out.
        fields: of the record.
    """

    weights: Weights | None
    data: dict[str, Any]
    seconds: float
    fields: dict[str, Any]


def data_line(bank: Bank) -> dict[str, Any]:
    """A record's line about a bank all of whose images are used."""
    return {"name": bank.name, "fingerprint": bank.fingerprint, "images": len(bank.ids)}


def binned(values: np.ndarray) -> list[float]:
    """Means of at most 100 bins, in the order of the steps."""
    parts = np.array_split(values, min(CURVE_POINTS, len(values))) if len(values) else []
    return [round(float(part.mean()), 5) for part in parts]


def curves(history: History) -> dict[str, list[float]]:
    """Loss curves as means of at most 100 bins, by name, with the steps at the bins' ends.

    Of no steps there are no curves.
    """
    if not history.rows:
        return {"step": []}
    rows = np.asarray(history.rows)
    parts = np.array_split(rows, min(CURVE_POINTS, len(rows)))
    ends = np.cumsum([len(part) for part in parts])
    means = np.stack([part.mean(axis=0) for part in parts])
    named = {
        name: [round(float(v), 5) for v in means[:, k]] for k, name in enumerate(history.names)
    }
    return {"step": [int(end) for end in ends], **named}


@dataclass(frozen=True)
class Learned:
    """A trained network, its losses, and how much of what was held out is found again.

    Attributes:
        retrieval_before: by the weights that the training began with.
        among: how many things could be taken for the right one.
        retrieval_start: by the random network, where the training began with other weights.
        spread: of a comparison method's outputs, one value a step.
        named: share of held-out labels named right, of the random network and of this one, where
            the method learns labels.
    """

    net: Any
    history: History
    retrieval_before: float
    retrieval: float
    among: int
    retrieval_start: float | None = None
    spread: Sequence[float] = ()
    named: tuple[float, float] | None = None

    def fields(self) -> dict[str, Any]:
        """For a record."""
        return {
            "losses": curves(self.history),
            "retrieval": round(self.retrieval, 5),
            "retrieval_before": round(self.retrieval_before, 5),
            "retrieval_among": self.among,
            **({"named": [round(one, 5) for one in self.named]} if self.named else {}),
        }
