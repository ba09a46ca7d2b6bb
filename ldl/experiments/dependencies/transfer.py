"""Modules behind a transfer."""

from ldl.config import TransferConfig
from ldl.experiments.dependencies.pretraining import SHARED

_TRANSFER = (
    *SHARED,
    "ldl.losses.dice",
    "ldl.models.segmentation",
    "ldl.metrics",
    "ldl.train.transfer",
)


def modules(config: TransferConfig) -> tuple[str, ...]:
    """The same for every task; its encoder's come on top."""
    return _TRANSFER
