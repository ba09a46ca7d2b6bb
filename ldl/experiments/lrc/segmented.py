"""A phantom volume segmented by a short fine-tuning of the local branch, to scroll through."""

from dataclasses import dataclass

import numpy as np
from filelock import FileLock

from ldl.data.ct import CtBank
from ldl.data.ct_sources import slice_bank
from ldl.experiments.lrc.live import Live, kept
from ldl.runs.lrc import CtConfig, OrganConfig, RegionName
from ldl.train.device import fabric_for
from ldl.train.loop import Plan, fit
from ldl.train.organ_scores import mean_dsc, segment
from ldl.train.organ_stage import OrganStage, VolumeFeed
from ldl.train.organs import organ_network

Array = np.ndarray


@dataclass(frozen=True)
class Segmented:
    """A test volume with what the network says about it.

    Attributes:
        config: the fine-tuning.
        bank: its slices.
        volume: id of a test volume.
        prediction: (Z, S, S) uint8.
        dsc: mean over its organs.
    """

    config: OrganConfig
    bank: CtBank
    volume: str
    prediction: Array
    dsc: float

    @property
    def words(self) -> str:
        """What the prediction is, for captions."""
        one = self.config
        return (
            f"Prediction: the local branch alone, fine-tuned on {one.budget} volumes for "
            f"{one.steps} steps of {one.batch} slices; mean DSC of this test volume {self.dsc:.2f}."
        )


def tuning(before: Live, region: RegionName, profile: str) -> OrganConfig:
    """A short fine-tuning of the local branch on other phantoms than it was pretrained on."""
    small = profile == "smoke"
    pretrained = before.config
    data = CtConfig(
        region=region,
        source="phantom",
        size=pretrained.data.size,
        volumes=4 if small else 8,
        slices=8 if small else 24,
        seed=pretrained.data.seed + 1,
        budgets=(1,) if small else (4,),
    )
    return OrganConfig(
        data=data,
        budget=1 if small else 4,
        base=1,
        backbone="none",
        local_base=pretrained.base,
        features=pretrained.features,
        steps=4 if small else 120,
        validate_every=4 if small else 40,
        batch=3 if small else 6,
        learning_rate=5e-3,
        local=pretrained,
        seed=pretrained.seed,
    )


def segmented(before: Live, region: RegionName, profile: str) -> Segmented:
    """Fine-tune (or take what an earlier call kept) and segment the first test volume."""
    config = tuning(before, region, profile)
    bank, fabric = slice_bank(config.data), fabric_for("cpu")
    data = VolumeFeed(bank, config, fabric.device)
    net = organ_network(config, bank, None, before.done.net.state_dict())
    stage, folder = OrganStage(config, net, data), kept(config)
    with FileLock(folder.with_suffix(".lock")):
        fit(
            stage,
            Plan(config.steps, config.learning_rate, config.halve_every),
            folder=folder,
            identity={"config": config.model_dump(mode="json")},
            fabric=fabric,
            title=config.run_id(),
        )
    net.load_state_dict(stage.best)
    net.eval()
    entry = bank.part("test")[0]
    rows = np.arange(entry.first, entry.first + entry.count)
    found = segment(net, data.slices, rows)
    return Segmented(config, bank, entry.id, found, mean_dsc(bank, rows, found))


def to_scroll(region: RegionName, *, size: int, slices: int, seed: int) -> CtBank:
    """Phantoms to look at; the volumes come in their order, the first is shown."""
    return slice_bank(
        CtConfig(
            region=region,
            source="phantom",
            size=size,
            volumes=1,
            slices=slices,
            seed=seed,
            budgets=(1,),
        )
    )
