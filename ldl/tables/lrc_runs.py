"""From a row and a column of LRC's tables, and a profile, to configs of runs."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from ldl.engine.profiles import Profile
from ldl.runs.lrc import (
    TWO_VIEWS,
    CtConfig,
    ElasticConfig,
    GlobalConfig,
    LocalRegionConfig,
    OrganConfig,
    ProbeConfig,
    RegionName,
    SuperpixelConfig,
)
from ldl.runs.pretrain import ComparisonConfig
from ldl.tables.encoders import small_knobs

SAMPLES = 50  # N, the paper's choice in its Table 3
Beside = Literal["alone", "lrc", "moco2", "unet"]


@dataclass(frozen=True)
class Branches:
    """What a segmentation network is made of.

    Attributes:
        method: E_g's pretraining; "scratch" starts it at random.
        beside: what stands beside E_g: nothing, the branch that LRC pretrained, a second network
            that MoCo pretrained, or the same U-Net as it starts.
        samples: N of the local pretraining; None takes all pixels.
        whole: False leaves the global branch out ("LRC only" of Figure 2).
    """

    method: str
    beside: Beside = "alone"
    samples: int | None = SAMPLES
    whole: bool = True


@dataclass(frozen=True)
class Volumes:
    """A region with a number of labelled volumes.

    Attributes:
        labelled: |X_T| here.
        asked: |X_T| in the paper.
    """

    region: RegionName
    labelled: int
    asked: int


_CHECKS = 5  # scores of the validation volumes in a fine-tuning
_HALVINGS = 4
_GENESIS_STRIDE = 32
PHANTOM_VOLUMES = 14
Whole = Literal["resnet50", "vit", "unet"]
# Encoders see phantoms that no table is measured on.
PRETRAINING_SEED = 1


def changed(profile: Profile, **lrc: Any) -> Profile:
    """``profile`` with other values of its LRC budget."""
    return profile.model_copy(update={"lrc": profile.lrc.model_copy(update=lrc)})


def labelled_set(region: RegionName, profile: Profile) -> CtConfig:
    """The set that a region is fine-tuned and tested on."""
    lrc = profile.lrc
    source = lrc.sets[region]
    return CtConfig(
        region=region,
        source=source,
        size=lrc.size,
        spacing=None if source == "phantom" else lrc.spacing,
        volumes=lrc.volumes.get(region, PHANTOM_VOLUMES if source == "phantom" else None),
        slices=lrc.phantom_slices,
        budgets=lrc.split,
        leave_out=source != "phantom",
    )


def pretraining_set(profile: Profile) -> CtConfig:
    """The abdominal set that encoders see; of a labelled set only the part for training."""
    lrc, found = profile.lrc, labelled_set("abdomen", profile)
    if lrc.pretraining == "phantom":
        return found.model_copy(update={"seed": PRETRAINING_SEED})
    return found.model_copy(update={"source": lrc.pretraining})


def global_config(
    method: str, profile: Profile, seed: int = 0
) -> GlobalConfig | ComparisonConfig | None:
    """E_g's pretraining; None starts it at random. MAE is a ViT, as in the paper."""
    if method == "scratch":
        return None
    if method == "imagenet" and profile.lrc.imagenet == "stand-in":
        return _stand_in(profile, seed)
    backbone: Whole = "vit" if method == "mae" else "resnet50"
    return _on_slices(method, backbone, profile.lrc.base, profile, seed)


def _on_slices(
    method: str, backbone: Whole, base: int, profile: Profile, seed: int
) -> GlobalConfig:
    lrc = profile.lrc
    steps = lrc.longer.get(method, lrc.whole_steps)
    return GlobalConfig(
        method=method,  # type: ignore[arg-type]
        data=pretraining_set(profile),
        more=tuple(labelled_set(one, profile) for one in lrc.more),
        base=base,
        steps=0 if method == "imagenet" else steps,
        # Its U-Net halves a crop five times; elsewhere whole slices are seen.
        crop=lrc.size - lrc.size % _GENESIS_STRIDE if method == "genesis" else lrc.size,
        batch=lrc.whole_batch,
        halve_every=max(1, steps // 2),
        learning_rate=lrc.whole_rate,
        optimizer=lrc.optimizer,
        schedule=lrc.schedule,
        warmup=round(lrc.warm * steps),
        backbone=backbone,
        part=lrc.part,
        elastic=ElasticConfig() if lrc.elastic and method in TWO_VIEWS else None,
        knobs={**small_knobs(method, profile, lrc.queue), **lrc.knobs.get(method, {})},
        seed=seed,
    )


def _stand_in(profile: Profile, seed: int) -> ComparisonConfig:
    """In the place of ImageNet's weights: grades of fundus phantoms, colour images of no CT."""
    lrc = profile.lrc
    return ComparisonConfig(
        method="supervised",
        modality="fundus",
        data=profile.pretraining,
        base=lrc.base,
        steps=lrc.whole_steps,
        crop=min(lrc.size, profile.pretraining.size) // 16 * 16,
        batch=lrc.whole_batch,
        halve_every=max(1, lrc.whole_steps // 2),
        learning_rate=lrc.whole_rate,
        backbone="resnet50",
        knobs=small_knobs("supervised", profile),
        seed=seed,
    )


def second_config(profile: Profile, seed: int = 0) -> GlobalConfig:
    """Table 2's second network: the local branch's encoder under MoCo."""
    return _on_slices("moco", "unet", profile.lrc.local_base, profile, seed)


# Changes to the local pretext, for slices of so many pixels a side: what could make it less easy.
_HARDER: dict[str, Any] = {
    "formulation": "distinct",
    "intensity": 0.4,
    "elastic": ElasticConfig(strength=0.07, turn=20, shift=0.12),
}
PRETEXTS: dict[str, Callable[[int], dict[str, Any]]] = {
    "paper": lambda size: {},
    "larger": lambda size: {"superpixels": SuperpixelConfig(min_size=size // 4)},
    "harder": lambda size: _HARDER,
    "larger+harder": lambda size: {**PRETEXTS["larger"](size), **_HARDER},
}


def local_config(
    samples: int | None, profile: Profile, seed: int = 0, pretext: str = "paper"
) -> LocalRegionConfig:
    """The local branch's pretraining; ``pretext`` is one of `PRETEXTS`."""
    lrc = profile.lrc
    return LocalRegionConfig(
        data=pretraining_set(profile),
        more=tuple(labelled_set(one, profile) for one in lrc.more),
        base=lrc.local_base,
        steps=lrc.local_steps,
        batch=lrc.batch,
        halve_every=max(1, lrc.local_steps // 2),
        learning_rate=lrc.local_rate,
        features=lrc.features,
        samples=samples,
        part=lrc.part,
        seed=seed,
        **{**lrc.local, **PRETEXTS[pretext](lrc.size)},
    )


def organ_config(
    variant: Branches, column: Volumes, profile: Profile, seed: int = 0
) -> OrganConfig:
    """One fine-tuning."""
    lrc = profile.lrc
    encoder = global_config(variant.method, profile, seed) if variant.whole else None
    vit = variant.method == "mae"
    return OrganConfig(
        data=labelled_set(column.region, profile),
        budget=column.labelled,
        base=lrc.base,
        steps=lrc.tune_steps,
        validate_every=max(1, lrc.tune_steps // _CHECKS),
        backbone=("vit" if vit else "resnet50") if variant.whole else "none",
        batch=lrc.batch,
        learning_rate=lrc.tune_rate,
        halve_every=max(1, lrc.tune_steps // _HALVINGS),
        loss=lrc.loss,
        draw=lrc.draw,
        schedule=lrc.tune_schedule,
        warmup=round(lrc.warm * lrc.tune_steps),
        local_base=0 if variant.beside == "alone" else lrc.local_base,
        features=lrc.features,
        validation=lrc.validated,
        test=lrc.tested,
        seed=seed,
        encoder=encoder,
        local=local_config(variant.samples, profile, seed) if variant.beside == "lrc" else None,
        second=second_config(profile, seed) if variant.beside == "moco2" else None,
    )


def probe_config(encoder: str, profile: Profile, seed: int = 0) -> ProbeConfig:
    """What a pretraining's frozen network says of organs.

    Args:
        encoder: a method of the global branch, "moco2" for Table 2's second network, or "lrc", with
            another of `PRETEXTS` after a slash; after a method's, "short" trains it no longer than
            the others, and "random" does so from a queue of random vectors.
    """
    name, _, other = encoder.partition("/")
    if name == "lrc":
        local = local_config(SAMPLES, profile, seed, other or "paper")
        return ProbeConfig(encoder=local, heads=profile.lrc.probe_steps)
    if other:
        profile = changed(profile, longer={})
    if other == "random":
        knobs = {**profile.lrc.knobs[name], "fill": "random"}
        profile = changed(profile, knobs={**profile.lrc.knobs, name: knobs})
    if name == "moco2":
        return ProbeConfig(encoder=second_config(profile, seed), heads=profile.lrc.probe_steps)
    pretrained = global_config(name, profile, seed)
    assert isinstance(pretrained, GlobalConfig), f"{name} is not pretrained on CT"
    return ProbeConfig(encoder=pretrained, heads=profile.lrc.probe_steps)
