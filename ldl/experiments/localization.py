"""Table 7 as a list of runs: one-shot localization of disc, heart and fovea (LDL section 6.3)."""

from dataclasses import dataclass, replace
from typing import Final, Literal

from ldl.config import DataConfig
from ldl.engine.profiles import Profile
from ldl.experiments.rows import Cell, Row, Variant
from ldl.runs.localize import (
    LANDMARK_MODALITY,
    WITH_NETWORK,
    LandmarkName,
    LandmarkSource,
    LocalizeConfig,
    MatcherName,
    window_at,
)
from ldl.runs.pretrain import PretrainConfig
from ldl.tables.encoders import ldl_config

SIGMA = 0.5  # of Eq. 24 (section 6.3.1); ldl.losses.window trains with the same
# Raw features are taken where a window still holds this many a side.
LEAST_FEATURES = 3
Stride = Literal[1, 2, 4, 8, 16]
STRIDES: tuple[Stride, ...] = (1, 2, 4, 8, 16)


@dataclass(frozen=True)
class Search(Variant):
    """A row of Table 7: which network, and how a place is found again with it.

    Attributes:
        matcher: what is compared.
        trained: False takes the network as it was before its first step.
        sigma: of Eq. 24 in the test stage; None averages evenly.
    """

    matcher: MatcherName = "embedding"
    trained: bool = True
    sigma: float | None = None


@dataclass(frozen=True)
class Column:
    """A landmark in a set of images; ``published`` is the paper's own set for that landmark."""

    key: str
    bank: LandmarkSource
    landmark: LandmarkName
    title: str
    published: str | None


_FULL: Final = "pd+mix+ms+cs"
# The paper's four rows average as they were trained: evenly, and centre-sensitively with ``cs``.
# The rest is our own: what the kernel gives in the test stage alone, what the vectors give without
# the part that only says where in the frame they are, and what needs no training.
ROWS = (
    Row("pd", "Pd", Search("pd"), "pd"),
    Row("pd+mix", "Pd+mix", Search("pd+mix"), "pd+mix"),
    Row("pd+mix+ms", "Pd+mix+ms", Search("pd+mix+ms"), "pd+mix+ms"),
    Row(_FULL, "Pd+mix+ms+cs", Search(_FULL, sigma=SIGMA), _FULL),
    Row("test-cs", "Pd+mix+ms, cs in the test only", Search("pd+mix+ms", sigma=SIGMA), None),
    Row("mix-centred", "Pd+mix, centred", Search("pd+mix", matcher="centred"), None),
    Row("full-centred", "Pd+mix+ms+cs, centred",
        Search(_FULL, matcher="centred", sigma=SIGMA), None),
    Row("untrained", "Pd+mix+ms+cs, untrained", Search(_FULL, trained=False, sigma=SIGMA), None),
    Row("features", "Raw encoder features", Search(_FULL, matcher="features", sigma=SIGMA), None),
    Row("ncc", "Normalised cross-correlation", Search("scratch", matcher="template"), None),
    Row("place", "The support's own place", Search("scratch", matcher="place"), None),
)  # fmt: skip
_PHANTOM = (
    Column("phantom_disc", "phantom", "disc", "Disc (phantoms)", "od_hrf"),
    Column("phantom_heart", "phantom", "heart", "Heart (phantoms)", "heart_scr"),
    Column("phantom_fovea", "phantom", "fovea", "Fovea (phantoms)", None),
)
# IDRiD and DRISHTI-GS1 stand in for HRF, whose centres are seldom at hand; the fovea is our own.
_REAL = (
    Column("hrf_disc", "hrf", "disc", "Disc (HRF)", "od_hrf"),
    Column("idrid_disc", "idrid", "disc", "Disc (IDRiD)", "od_hrf"),
    Column("drishti_gs1_disc", "drishti_gs1", "disc", "Disc (DRISHTI-GS1)", "od_hrf"),
    Column("scr_heart", "scr", "heart", "Heart (SCR)", "heart_scr"),
    Column("idrid_fovea", "idrid", "fovea", "Fovea (IDRiD)", None),
)


def columns(profile: Profile) -> tuple[Column, ...]:
    """The columns under ``profile``, those whose data are not at hand included."""
    return _PHANTOM if profile.pretraining.source == "phantom" else _REAL


def cells(profile: Profile) -> list[Cell[LocalizeConfig]]:
    """The cells of Table 7, row by row; one run a seed where a network is compared."""
    return [
        Cell(row, column.key, localize_configs(row.variant, column, profile))
        for row in ROWS
        for column in columns(profile)
        if column.key not in profile.localization.without
    ]


def localize_configs(
    variant: Variant, column: Column, profile: Profile
) -> tuple[LocalizeConfig, ...]:
    """One run for each seed's network; a row without a network has one run."""
    assert isinstance(variant, Search), "a row of Table 7"
    size, source = profile.pretraining.size, profile.pretraining.source
    window = window_at(column.landmark, size)
    images = profile.localization.images if source == "phantom" else None
    seeds = profile.seeds if variant.matcher in WITH_NETWORK else profile.seeds[:1]
    return tuple(
        LocalizeConfig(
            bank=column.bank,
            landmark=column.landmark,
            data=DataConfig(source=source, size=size, images=images),
            window=window,
            matcher=variant.matcher,
            network=_network(variant, column, profile, seed),
            trained=variant.trained,
            stride=stride_for(window) if variant.matcher == "features" else 16,
            sigma=variant.sigma,
            supports=profile.localization.supports,
        )
        for seed in seeds
    )


def stride_for(window: float) -> Stride:
    """The deepest features of which a window of ``window`` pixels holds three a side."""
    return max(stride for stride in STRIDES if stride == 1 or window >= LEAST_FEATURES * stride)


def _network(variant: Search, column: Column, profile: Profile, seed: int) -> PretrainConfig | None:
    """The pretraining of a row: as long as Table 2's Pd+mix, unless the profile says longer."""
    if variant.matcher not in WITH_NETWORK:
        return None
    if "ms" in variant.method:
        variant = replace(variant, patch_grid=profile.localization.window_grid)
    planned = ldl_config(variant, LANDMARK_MODALITY[column.landmark], profile, seed)
    steps = profile.localization.steps or planned.steps
    return planned.model_copy(update={"steps": steps})
