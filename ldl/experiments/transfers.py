"""One task, several starts: the records, the networks and what they predict, to look at."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray

from ldl.config import build
from ldl.data.sources import task_bank
from ldl.engine.execute import ensure
from ldl.engine.profiles import profile_named
from ldl.engine.store import Record, RunStore
from ldl.experiments.encoder_configs import variant_of
from ldl.experiments.examples import may_be_shown
from ldl.experiments.rows import Variant
from ldl.experiments.verdicts import verdict
from ldl.models import SegmentationNet
from ldl.runs.transfer import TransferConfig
from ldl.tables.encoders import encoder_config, transfer_configs
from ldl.tasks import task_named
from ldl.train import checkpoint
from ldl.train.feed import Feed
from ldl.train.transfer import TEST_BATCH, THRESHOLD, predict

EQUAL = "scratch, equal updates"


@dataclass(frozen=True)
class Pictures:
    """The test images of a task as they may be shown: grey in place of what may not.

    Attributes:
        images: (N, C, H, W) uint8.
        masks: (N, H, W) uint8 in {0, 1}.
        words: what they are, for a caption.
    """

    images: NDArray[np.uint8]
    masks: NDArray[np.uint8]
    words: str


@dataclass(frozen=True)
class Start:
    """One way to start a segmentation network, and how it ended."""

    config: TransferConfig
    record: Record
    store: RunStore

    @cached_property
    def pictures(self) -> Pictures:
        """The test images, in the order of the record's scores."""
        bank = task_bank(self.config.data, self.config.task)
        rows = bank.rows("test")
        images, masks = np.array(bank.images[rows]), np.array(bank.masks[rows])
        if self.config.data.source == "phantom":
            return Pictures(images, masks, "Images: phantoms.")
        manifest = may_be_shown(self.config.task)
        if manifest:
            words = f"Real images: {manifest.title} ({manifest.licence.name})."
            return Pictures(images, masks, words)
        grey = np.full_like(images, 96)
        return Pictures(grey, masks, "The licence does not let these images be shown: masks only.")

    @cached_property
    def predictions(self) -> NDArray[np.bool_]:
        """(N, H, W) the network's segmentation of the test images."""
        bank = task_bank(self.config.data, self.config.task)
        net = SegmentationNet(self.config.base, bank.images.shape[1], self.config.border)
        net.load_state_dict(checkpoint.load(self.store.weights(self.config))[0])
        feed = Feed(bank.images, torch.device("cpu"))
        found: NDArray[np.bool_] = (
            predict(net, feed, bank.rows("test"), TEST_BATCH) > THRESHOLD
        ).numpy()
        return found

    @property
    def verdict(self) -> str:
        """Whether its encoder was pretrained far enough; empty from scratch."""
        record = self.store.record(self.config.encoder) if self.config.encoder else None
        return verdict(record) if record else ""


def config_of(
    task: str, variant: Variant, profile: str, *, seed: int = 0, label_fraction: float = 1.0
) -> TransferConfig:
    """The transfer that ``profile`` plans, with another seed and share of the labels.

    Raises:
        ConfigError: unknown task or profile, or a value out of range.
    """
    planned = transfer_configs(variant, task_named(task).key, profile_named(profile))[0]
    encoder = encoder_config(variant, task_named(task).modality, profile_named(profile), seed)
    fields = {name: getattr(planned, name) for name in TransferConfig.model_fields}
    return build(
        TransferConfig,
        {**fields, "seed": seed, "label_fraction": label_fraction, "encoder": encoder},
    )


def compare(
    task: str, method: str, profile: str, *, seed: int = 0, label_fraction: float = 1.0
) -> dict[str, Start]:
    """Scratch, scratch at equal updates, and ``method``, on one task; trained where missing.

    Raises:
        ConfigError: unknown method, task or profile.
    """
    variants = {
        "scratch": Variant("scratch"),
        EQUAL: Variant("scratch", equal_updates=True),
        method: variant_of(method),
    }
    store = RunStore()
    starts = {}
    for name, variant in variants.items():
        config = config_of(task, variant, profile, seed=seed, label_fraction=label_fraction)
        starts[name] = Start(config, ensure(config, store, weights=True), store)
    return starts
