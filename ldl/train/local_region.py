"""Pretraining the local branch: Localized Region Contrast (LRC section 2.1)."""

import numpy as np
import torch
from torch import Tensor, nn

from ldl.data.colour import normalise, to_float
from ldl.data.ct import CtBank, pretraining_rows
from ldl.data.elastic import draw_elastic
from ldl.data.superpixels import RegionBank, prepare_superpixels
from ldl.errors import DataError
from ldl.losses.local_region import local_region_contrast, shared_regions, whole_means
from ldl.models.organ_net import LocalUNet
from ldl.rng import generator, seed_everything, sent
from ldl.runs.lrc import LocalRegionConfig
from ldl.sphere import unit
from ldl.train.ct_global import bank_of, data_of
from ldl.train.device import Fabric, Feed, placed
from ldl.train.loop import EpochStage, Plan
from ldl.train.made import How, Learned, Made
from ldl.train.pretrain import evaluating


class LocalRegionStage(EpochStage):
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
        super().__init__(net, rows, config.batch, generator(config.seed, "local region"))
        self.config, self.slices, self.regions = config, slices, regions
        self.weight_decay = config.weight_decay

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


@torch.no_grad()
def region_retrieval(
    net: nn.Module,
    slices: Feed,
    regions: Feed,
    rows: list[int],
    config: LocalRegionConfig,
    fabric: Fabric,
) -> tuple[float, int]:
    """Share of regions whose nearest region in the bent slice is their own, and how many there are.

    Region vectors are means over all pixels; the elastic transforms come from a fixed seed; the
    network is in eval mode. 0 where no slice has two regions.
    """
    draw = generator(config.seed, "region probe")
    right = among = 0
    for start in range(0, len(rows), config.batch):
        picked = torch.tensor(rows[start : start + config.batch])
        images, maps = to_float(slices[picked]), regions[picked]
        view = draw_elastic(images, maps, config.elastic, draw)
        with evaluating(net), fabric.autocast():
            features = net(normalise(torch.cat([images, view.images])))
        query, positive = features.chunk(2)
        found, present = nearest_regions(query, positive, maps, view.regions, config.smallest)
        own = torch.arange(found.shape[1], device=found.device)
        right += int(((found == own) & present).sum())
        among += int(present.sum())
    return right / max(among, 1), among


def nearest_regions(
    query: Tensor, positive: Tensor, query_regions: Tensor, positive_regions: Tensor, smallest: int
) -> tuple[Tensor, Tensor]:
    """Each region's nearest one in the other view, by the angle of their means.

    Args:
        query: (B, D, H, W) features of the slices.
        positive: the same of the bent slices.
        query_regions: (B, H, W) region ids, negative for none.
        positive_regions: the same after the transform.
        smallest: pixels that a region needs in both views.

    Returns:
        (B, K) int64 numbers of the nearest regions and (B, K) bool, which numbers exist.
    """
    slots = shared_regions(query_regions, positive_regions, smallest)
    count = slots.present.shape[1]
    first = unit(whole_means(query, slots.first, count))
    second = unit(whole_means(positive, slots.second, count))
    similarity = (first @ second.mT).masked_fill(~slots.present[:, None], -2)
    return similarity.argmax(dim=2), slots.present


def pretrain_local(config: LocalRegionConfig, bank: CtBank, maps: RegionBank, how: How) -> Learned:
    """Pretrain as ``config`` says, on the slices of the volumes that its part may see.

    Args:
        bank: slices, (N, 1, size, size) uint8; its volumes are split.
        maps: superpixels of the same slices.
    """
    if maps.source != bank.fingerprint:
        raise DataError(f"{maps.name}: superpixels of other slices than {bank.name}'s; make anew")
    learned, watched = (rows.tolist() for rows in pretraining_rows(bank, config.part))
    seed_everything(config.seed, "initialise", "local region")
    net = LocalUNet(config.base, bank.images.shape[1], config.features, config.border)
    placed(net, how.fabric)
    slices, regions = (Feed(one, how.fabric.device) for one in (bank.images, maps.regions))
    before, among = region_retrieval(net, slices, regions, watched, config, how.fabric)
    stage = LocalRegionStage(config, net, slices, regions, learned)
    plan = Plan(config.steps, config.learning_rate, config.halve_every)
    history = how.fit(config, stage, plan, bank.fingerprint, regions=maps.fingerprint)
    after, _ = region_retrieval(net, slices, regions, watched, config, how.fabric)
    return Learned(net, history, before, after, among)


def make_local(run: LocalRegionConfig, how: How) -> Made:
    """The local branch's pretraining; the weights are those of E_l and D_l."""
    bank = bank_of(run, how)
    maps = prepare_superpixels(bank, run.superpixels, workers=1, progress=how.progress is True)
    done = pretrain_local(run, bank, maps, how)
    counts = [int(one.max()) + 1 for one in np.asarray(maps.regions)]
    superpixels = {
        "fingerprint": maps.fingerprint,
        "seconds_per_slice": round(maps.seconds_per_slice, 6),
        "regions_per_slice": round(float(np.mean(counts)), 2),
    }
    parameters = sum(p.numel() for p in done.net.parameters())
    fields = {**done.fields(), "parameters": parameters}
    data = data_of(bank, superpixels=superpixels)
    return Made(done.net.state_dict(), data, done.history.seconds, fields)
