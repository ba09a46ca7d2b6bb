"""LRC Tables 1 to 3: multi-organ segmentation with and without a local branch (its section 3).

Table 2 holds LRC against a second MoCo network of equal size, Table 3 varies N, the vectors that a
region's mean is taken over. Rows of our own tell the second branch from its pretraining.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ldl.engine.profiles import Profile
from ldl.engine.store import Record
from ldl.runs.base import Run
from ldl.runs.lrc import CtConfig, GlobalConfig, LocalRegionConfig, OrganConfig, RegionName
from ldl.runs.pretrain import ComparisonConfig
from ldl.tables.base import Claim, Column, Row, Scores, Table
from ldl.tables.encoders import small_knobs
from ldl.tables.published import published, value
from ldl.tasks import FACTS, REGIONS

# The paper's rows; keys are those of the comparison set.
GLOBAL: dict[str, str] = {
    "random": "Random init",
    "imagenet": "ImageNet",
    "relative-location": "Relative Loc",
    "rotation": "Rotation Pred",
    "moco": "MoCo v1",
    "mocov2": "MoCo v2",
    "byol": "BYOL",
    "densecl": "DenseCL",
    "simsiam": "SimSiam",
    "genesis": "Models Genesis",
    "mae": "MAE",
}
# Table 2's columns, in its order.
CONTROLLED = ("imagenet", "relative-location", "rotation", "mae", "byol", "simsiam")
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


def labelled_set(region: RegionName, profile: Profile) -> CtConfig:
    """The set that a region is fine-tuned and tested on."""
    lrc = profile.lrc
    source = lrc.sets[region]
    return CtConfig(
        region=region,
        source=source,
        size=lrc.size,
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
    return GlobalConfig(
        method=method,  # type: ignore[arg-type]
        data=pretraining_set(profile),
        base=base,
        steps=0 if method == "imagenet" else lrc.whole_steps,
        # Its U-Net halves a crop five times; elsewhere whole slices are seen.
        crop=lrc.size - lrc.size % _GENESIS_STRIDE if method == "genesis" else lrc.size,
        batch=lrc.whole_batch,
        halve_every=max(1, lrc.whole_steps // 2),
        learning_rate=lrc.whole_rate,
        backbone=backbone,
        knobs=small_knobs(method, profile, lrc.queue),
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


def local_config(samples: int | None, profile: Profile, seed: int = 0) -> LocalRegionConfig:
    """The local branch's pretraining."""
    lrc = profile.lrc
    return LocalRegionConfig(
        data=pretraining_set(profile),
        base=lrc.local_base,
        steps=lrc.local_steps,
        batch=lrc.batch,
        halve_every=max(1, lrc.local_steps // 2),
        learning_rate=lrc.local_rate,
        features=lrc.features,
        samples=samples,
        seed=seed,
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
        local_base=0 if variant.beside == "alone" else lrc.local_base,
        features=lrc.features,
        test=lrc.tested,
        seed=seed,
        encoder=encoder,
        local=local_config(variant.samples, profile, seed) if variant.beside == "lrc" else None,
        second=second_config(profile, seed) if variant.beside == "moco2" else None,
    )


def columns(profile: Profile) -> tuple[Column, ...]:
    """The six columns of Table 1; where both budgets are equal here, the first one alone."""
    return tuple(
        Column(
            f"{region}-{asked}",
            f"{FACTS[region].column}, {ours}",
            FACTS[region].column,
            Volumes(region, ours, asked),
            f"{FACTS[region].column}_{asked}",
        )
        for region in REGIONS
        for place, (ours, asked) in enumerate(
            zip(profile.lrc.budgets[region], (10, 60), strict=True)
        )
        if not (place and ours == profile.lrc.budgets[region][0])
    )


def runs(row: Row, column: Column, profile: Profile) -> tuple[Run, ...]:
    """One fine-tuning a seed; our own rows with the smaller budget alone."""
    if row.published is None and column.of.asked != 10:
        return ()
    return tuple(organ_config(row.variant, column.of, profile, seed) for seed in profile.seeds)


def by_volume(record: Record, score: str) -> NDArray[np.float64]:
    """(V, K) of each test volume and organ, nan where there is none: DSC in %, HD95 in mm."""
    found = np.array([one[score] for one in record["volumes"]], dtype=np.float64)
    return 100 * found if score == "dsc" else found


def dsc(record: Record, column: Column) -> NDArray[np.float64]:
    """(V,) mean DSC over the organs of each test volume, in per cent."""
    return np.nanmean(by_volume(record, "dsc"), axis=1)


def hd95(record: Record, column: Column) -> NDArray[np.float64]:
    """(V,) mean 95 % Hausdorff distance over the organs of each test volume, in mm."""
    return np.nanmean(by_volume(record, "hd95"), axis=1)


def lost(record: Record, least: float = 1.0) -> tuple[str, ...]:
    """Organs that a run does not find at all: mean DSC below ``least`` per cent."""
    means = np.nanmean(by_volume(record, "dsc"), axis=0)
    return tuple(name for name, mean in zip(record["organs"], means, strict=True) if mean < least)


def row(method: str, beside: Beside, *, samples: int | None = SAMPLES, whole: bool = True) -> Row:
    """One row: ``moco``, ``moco+lrc``, ``moco+lrc/n10``, ``lrc-only`` ..."""
    number = "" if samples == SAMPLES else f"/n{samples or 'all'}"
    key = "lrc-only" if not whole else method if beside == "alone" else f"{method}+{beside}"
    start = "scratch" if method == "random" else method
    variant = Branches(start, beside=beside, samples=samples, whole=whole)
    own = beside == "unet" or not whole
    label = _label(method, beside, samples, whole)
    return Row(key + number, label, variant, None if own else GLOBAL[method])


def _label(method: str, beside: Beside, samples: int | None, whole: bool) -> str:
    number = "" if samples == SAMPLES else f", {f'N = {samples}' if samples else 'all pixels'}"
    if not whole:
        return "LRC alone"
    names = {
        "alone": "",
        "lrc": "LRC",
        "moco2": "a second MoCo",
        "unet": "an untrained U-Net",
    }
    parts = [GLOBAL[method], names[beside]]
    return " + ".join(part for part in parts if part) + number


def methods(profile: Profile) -> tuple[str, ...]:
    """The rows of Table 1 that this profile can have."""
    lrc = profile.lrc
    absent = {"imagenet"} if lrc.imagenet == "absent" else set()
    return tuple(one for one in lrc.rows or GLOBAL if one not in absent)


# Not in the paper's Table 1: LRC alone is in its Figure 2; the untrained U-Net tells what the
# second branch gives by its size alone.
OWN = (row("random", "unet"), row("random", "lrc", whole=False))


def rows1(profile: Profile) -> tuple[Row, ...]:
    """Without and with LRC in turn, then our own rows."""
    pairs = [row(method, beside) for method in methods(profile) for beside in _PAIR]
    return (*pairs, *OWN)


def rows2(profile: Profile) -> tuple[Row, ...]:
    """Each pretraining beside a second MoCo and beside LRC."""
    known = [method for method in CONTROLLED if method in methods(profile)]
    return tuple(row(method, beside) for method in known for beside in ("moco2", "lrc"))


def rows3(profile: Profile) -> tuple[Row, ...]:
    """N of the paper and our own: 1, 200 and all pixels of a region."""
    return tuple(row("moco", "lrc", samples=samples) for samples in profile.lrc.samples)


_PAIR: tuple[Beside, Beside] = ("alone", "lrc")
NAN = float("nan")


def paper1(row: Row, column: Column, profile: Profile) -> float:
    """The paper's DSC in per cent."""
    if row.published is None:
        return NAN
    which = {"alone": "without_lrc", "lrc": "with_lrc"}[row.variant.beside]
    found = value("lrc_table1", f"{column.published}_{which}", global_pretraining=row.published)
    return NAN if found is None else found


def paper2(row: Row, column: Column, profile: Profile) -> float:
    """The paper's DSC in per cent."""
    name = {"lrc": "w/ LRC", "moco2": "w/ MoCo"}[row.variant.beside]
    found = value("lrc_table2", str(row.published), added_branch=name)
    return NAN if found is None else found


def paper3(row: Row, column: Column, profile: Profile) -> float:
    """The paper's DSC in per cent."""
    frame = published("lrc_table3").set_index("samples_per_region")
    return 100 * float(frame["DSC"].get(row.variant.samples, np.nan))


def _claims1() -> Iterator[Claim]:
    for region in REGIONS:
        for asked in (10, 60):
            for method, title in GLOBAL.items():
                text = f"LRC beside {title}"
                yield Claim(text, "lrc_table1", f"{method}+lrc", method, f"{region}-{asked}",
                            family="lrc")  # fmt: skip
        for text, better, worse in (
            ("LRC over an untrained second branch", "random+lrc", "random+unet"),
            ("an untrained second branch over none", "random+unet", "random"),
            ("both branches over LRC's alone", "random+lrc", "lrc-only"),
        ):
            yield Claim(text, "lrc_table1", better, worse, f"{region}-10", ours=True)


def _claims2() -> Iterator[Claim]:
    for method in CONTROLLED:
        text = f"LRC over a second MoCo, beside {GLOBAL[method]}"
        yield Claim(text, "lrc_table2", f"{method}+lrc", f"{method}+moco2", "abdomen-60")


def _claims3() -> Iterator[Claim]:
    for samples in (1, 10, 100, 200, None):
        other = row("moco", "lrc", samples=samples)
        yield Claim(f"N = 50 over {samples or 'all pixels'}", "lrc_table3", "moco+lrc", other.key,
                    "abdomen-10", ours=samples not in (10, 100))  # fmt: skip


_SCORES: dict[str, Scores] = {"score": dsc, "hd95": hd95}
TABLE1 = Table("lrc_table1", "Does localized region contrast help?", "DSC, %", "test volumes",
               rows1, columns, runs, _SCORES, paper1, tuple(_claims1()))  # fmt: skip
TABLE2 = Table("lrc_table2", "LRC, or just more parameters?", "DSC, %", "test volumes",
               rows2, lambda profile: _larger(profile), runs, _SCORES, paper2,
               tuple(_claims2()))  # fmt: skip
TABLE3 = Table("lrc_table3", "How many vectors a region's mean is taken over", "DSC, %",
               "test volumes", rows3, lambda profile: columns(profile)[:1], runs, _SCORES, paper3,
               tuple(_claims3()))  # fmt: skip


def _larger(profile: Profile) -> tuple[Column, ...]:
    """ABD-110 with 60 volumes, or what stands in for it."""
    ours = profile.lrc.budgets["abdomen"][1]
    volumes = Volumes("abdomen", ours, 60)
    return (Column("abdomen-60", f"ABD-110, {ours}", "ABD-110", volumes, "ABD-110_60"),)
