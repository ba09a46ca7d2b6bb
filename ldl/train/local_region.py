"""Pretraining the local branch: Localized Region Contrast (LRC section 2.1)."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ldl.data.colour import normalise, to_float
from ldl.data.ct import CtBank
from ldl.data.ct_sources import pretraining_rows, region_maps
from ldl.data.elastic import draw_elastic
from ldl.data.superpixel_bank import RegionBank
from ldl.errors import DataError
from ldl.losses.local_region import local_region_contrast
from ldl.models.local_unet import LocalUNet
from ldl.rng import generator, seed_everything, sent
from ldl.runs.lrc import LocalRegionConfig
from ldl.train.ct_global import bank_of, data_of
from ldl.train.device import Fabric
from ldl.train.feed import Feed
from ldl.train.loop import History, Plan, fit
from ldl.train.made import How, Made, curves
from ldl.train.region_probe import region_retrieval
from ldl.train.sampler import EpochSampler


@dataclass(frozen=True)
class LocallyTrained:
    """A trained local branch and what was seen on the way.

    Attributes:
        net: its ``encoder`` is E_l, its ``decoder`` D_l; both transfer.
        history: losses.
        retrieval_before, retrieval: of regions of validation slices, see
            `ldl.train.region_probe.region_retrieval`.
        among: number of those regions.
    """

    net: LocalUNet
    history: History
    retrieval_before: float
    retrieval: float
    among: int


class LocalRegionStage:
    """Draws slices with their regions, bends both alike, and contrasts the regions of a slice.

    Slice and bent slice go through the network together, so that batch normalisation tells nothing
    about them. As in the paper the elastic transform is all that differs between the two, but for
    ``intensity``.
    """

    def __init__(
        self,
        config: LocalRegionConfig,
        net: nn.Module,
        slices: Feed,
        regions: Feed,
        rows: list[int],
    ) -> None:
        self.config, self.net, self.slices, self.regions = config, net, slices, regions
        self.generator = generator(config.seed, "local region")
        self.sampler = EpochSampler(rows, config.batch, self.generator, whole=False)

    def trainable(self) -> Iterable[Any]:
        """Everything, as one group for the optimizer."""
        group = {"params": list(self.net.parameters()), "weight_decay": self.config.weight_decay}
        return [group]

    def losses(self, model: nn.Module) -> dict[str, Tensor]:
        """L_l of the next batch."""
        config, rows = self.config, self.sampler.draw()
        images, regions = to_float(self.slices[rows]), self.regions[rows]
        view = draw_elastic(images, regions, config.elastic, self.generator)
        bent = self._retouched(view.images)
        features = model(normalise(torch.cat([images, bent])))
        query, positive = features.chunk(2)
        loss = local_region_contrast(
            query,
            positive,
            regions,
            view.regions,
            samples=config.samples,
            temperature=config.temperature,
            formulation=config.formulation,
            generator=self.generator,
            smallest=config.smallest,
            normalise=config.normalise,
        )
        return {"local": loss}

    def _retouched(self, images: Tensor) -> Tensor:
        """Each image with another contrast about its own mean, and another brightness."""
        if not self.config.intensity:
            return images
        drawn = 2 * torch.rand(2, len(images), 1, 1, 1, generator=self.generator) - 1
        contrast, brightness = sent(1 + self.config.intensity * drawn, images)
        mean = images.mean(dim=(1, 2, 3), keepdim=True)
        return ((images - mean) * contrast + mean * brightness).clamp(0, 1)

    def after_step(self, model: nn.Module, step: int) -> None:
        """Nothing to do."""

    def state(self) -> dict[str, Tensor]:
        """The rest of the sampler's epoch."""
        return {"order": self.sampler.order}

    def restore(self, state: dict[str, Tensor]) -> None:
        """Put the sampler's epoch back."""
        self.sampler.order = state["order"]


def pretrain_local(
    config: LocalRegionConfig,
    bank: CtBank,
    maps: RegionBank,
    *,
    folder: Path,
    fabric: Fabric,
    identity: dict[str, Any] | None = None,
    progress: bool = False,
) -> LocallyTrained:
    """Pretrain as ``config`` says, on the slices of the volumes that its part may see.

    Args:
        config: what to train.
        bank: slices, (N, 1, size, size) uint8; its volumes are split.
        maps: superpixels of the same slices.
        folder: for the checkpoint.
        fabric: device and precision.
        identity: further fields that a checkpoint must agree with.
        progress: show a progress bar.

    Raises:
        DataError: region maps of another bank.
        TrainingError: see :func:`ldl.train.loop.fit`.
    """
    if maps.source != bank.fingerprint:
        raise DataError(f"{maps.name}: superpixels of other slices than {bank.name}'s; make anew")
    learned, watched = (rows.tolist() for rows in pretraining_rows(bank, config.part))
    seed_everything(config.seed, "initialise", "local region")
    net = LocalUNet(config.base, bank.images.shape[1], config.features, config.border)
    net.to(memory_format=torch.channels_last).to(fabric.device)  # type: ignore[call-overload]
    slices, regions = (Feed(one, fabric.device) for one in (bank.images, maps.regions))
    before, among = region_retrieval(net, slices, regions, watched, config, fabric)
    history = fit(
        LocalRegionStage(config, net, slices, regions, learned),
        Plan(config.steps, config.learning_rate, config.halve_every),
        folder=folder,
        identity={
            "config": config.model_dump(mode="json"),
            "regions": maps.fingerprint,
            **(identity or {}),
        },
        fabric=fabric,
        title=config.run_id(),
        progress=progress,
    )
    after, _ = region_retrieval(net, slices, regions, watched, config, fabric)
    return LocallyTrained(net, history, before, after, among)


def make_local(run: LocalRegionConfig, how: How) -> Made:
    """The local branch's pretraining; the weights are those of E_l and D_l."""
    bank = bank_of(run, how)
    maps = region_maps(bank, run.superpixels, workers=1, progress=how.progress)
    done = pretrain_local(
        run,
        bank,
        maps,
        folder=how.folder,
        fabric=how.fabric,
        identity=how.identity(bank.fingerprint),
        progress=how.progress,
    )
    counts = [int(one.max()) + 1 for one in np.asarray(maps.regions)]
    superpixels = {
        "fingerprint": maps.fingerprint,
        "seconds_per_slice": round(maps.seconds_per_slice, 6),
        "regions_per_slice": round(float(np.mean(counts)), 2),
    }
    fields = {
        "losses": curves(done.history),
        "retrieval": round(done.retrieval, 5),
        "retrieval_before": round(done.retrieval_before, 5),
        "retrieval_among": done.among,
        "parameters": sum(p.numel() for p in done.net.parameters()),
    }
    data = data_of(bank, superpixels=superpixels)
    return Made(done.net.state_dict(), data, done.history.seconds, fields)
