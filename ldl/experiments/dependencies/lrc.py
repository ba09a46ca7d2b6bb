"""Modules behind LRC's runs on CT: the global encoder, the local branch, fine-tuning."""

from ldl.config_ct import GlobalConfig
from ldl.config_lrc import LocalRegionConfig, OrganConfig
from ldl.experiments.dependencies import comparison
from ldl.experiments.modules import imported

_LOOP = ("ldl.rng", "ldl.sphere", "ldl.data.colour", "ldl.train.loop", "ldl.train.sampler")
_CT = (
    "ldl.data.ct.regions",
    "ldl.data.ct.splits",
    "ldl.data.ct_sources",
    "ldl.data.elastic",
    "ldl.train.feed",
)
_WHOLE = (*_CT, "ldl.train.ct_global", "ldl.models.local_unet")
_SUPERPIXELS = ("ldl.data.superpixels", "ldl.data.superpixel_work")
_LOCAL = (*_SUPERPIXELS, "ldl.train.local_region", "ldl.train.region_probe")
_ORGANS = (
    "ldl.metrics_volume",
    "ldl.models.vit_pyramid",
    "ldl.train.organ_scores",
    "ldl.train.organ_stage",
    "ldl.train.organs",
)


def global_modules(config: GlobalConfig) -> tuple[str, ...]:
    """Of E_g's pretraining by a comparison method."""
    return (*comparison.trained(config), *_WHOLE)


def local_modules(config: LocalRegionConfig) -> tuple[str, ...]:
    """Of the local branch's pretraining."""
    networks = imported("ldl.models.local_unet")
    return (*_LOOP, *_CT, *_LOCAL, *networks, *imported("ldl.losses.local_region"))


def organ_modules(config: OrganConfig) -> tuple[str, ...]:
    """Of fine-tuning; those of all that it starts from come on top."""
    backbone = comparison.BACKBONE.get(config.backbone, ())
    networks = (*imported("ldl.models.organ_net"), *backbone)
    return (*_LOOP, *_CT, *_ORGANS, *networks, *imported("ldl.losses.organ_dice"))
