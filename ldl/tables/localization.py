"""LDL Table 7: one-shot localization of disc, heart and fovea (section 6.3)."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from ldl.config import DataConfig, build
from ldl.engine.profiles import Profile
from ldl.engine.store import Record
from ldl.runs.base import Run
from ldl.runs.localize import (
    FACTORS,
    LANDMARK_MODALITY,
    SIGMA,
    WITH_NETWORK,
    LandmarkName,
    LandmarkSource,
    LocalizeConfig,
    MatcherName,
    stride_for,
    window_at,
)
from ldl.runs.pretrain import BorderName, PretrainConfig
from ldl.tables.base import Claim, Column, Row, Table
from ldl.tables.encoders import Variant, ldl_config
from ldl.tables.published import value


@dataclass(frozen=True)
class Search(Variant):
    """A row of Table 7: which network, and how a place is found again with it.

    Attributes:
        matcher: what is compared.
        trained: False takes the network as it was before its first step.
        sigma: of Eq. 24 in the test stage; None averages evenly.
        border: of the network; None: the profile's.
        native: images at the profile's larger size, of which training sees windows, and which of
            its lengths.
        repeated: as many encoder seeds as the paper's rows have, beside which it is held.
    """

    matcher: MatcherName = "embedding"
    trained: bool = True
    sigma: float | None = None
    border: BorderName | None = None
    native: Literal["steps", "longer"] | None = None
    repeated: bool = False


@dataclass(frozen=True)
class Landmark:
    """A landmark in a set of images."""

    bank: LandmarkSource
    name: LandmarkName


_FULL: Final = "pd+mix+ms+cs"
# The paper's four rows average as they were trained: evenly, and centre-sensitively with ``cs``.
# The rest is our own: what the kernel gives in the test stage alone, what the vectors give without
# the part that only says where in the frame they are, and what needs no training.
ROWS = (
    Row("pd", "Pd", Search("pd"), "pd"),
    Row("pd+mix", "Pd+mix", Search("pd+mix"), "pd+mix"),
    Row("pd+mix+ms", "Pd+mix+ms", Search("pd+mix+ms"), "pd+mix+ms"),
    Row(_FULL, "Pd+mix+ms+cs", Search(_FULL, sigma=SIGMA), _FULL),
    Row("test-cs", "Pd+mix+ms, cs in the test only", Search("pd+mix+ms", sigma=SIGMA)),
    Row("mix-centred", "Pd+mix, centred", Search("pd+mix", matcher="centred")),
    Row("full-centred", "Pd+mix+ms+cs, centred",
        Search(_FULL, matcher="centred", sigma=SIGMA)),
    Row("untrained", "Pd+mix+ms+cs, untrained", Search(_FULL, trained=False, sigma=SIGMA)),
    Row("features", "Raw encoder features", Search(_FULL, matcher="features", sigma=SIGMA)),
    Row("ncc", "Normalised cross-correlation", Search("scratch", matcher="template")),
    Row("place", "The support's own place", Search("scratch", matcher="place")),
)  # fmt: skip

# Does the encoder learn where a window lies, by the border of its maps, and not what it shows?
NATIVE = (
    Row("replicate", "Pd+mix+ms+cs, replicated borders",
        Search(_FULL, sigma=SIGMA, border="replicate", repeated=True)),
    Row("native", "Pd+mix+ms+cs, native scale and replicated borders",
        Search(_FULL, sigma=SIGMA, border="replicate", native="steps")),
    Row("native-longer", "Pd+mix+ms+cs, native scale, trained longer",
        Search(_FULL, sigma=SIGMA, border="replicate", native="longer")),
    Row("ncc-native", "Normalised cross-correlation, native scale",
        Search("scratch", matcher="template", native="steps")),
)  # fmt: skip


def rows(profile: Profile) -> tuple[Row, ...]:
    """The rows under ``profile``; those on border and scale where it has a larger size for them."""
    return ROWS + NATIVE if profile.native else ROWS


def _column(key: str, bank: LandmarkSource, name: LandmarkName, label: str,
            published: str | None = None) -> Column:  # fmt: skip
    return Column(key, label, label, Landmark(bank, name), published)


_PHANTOM = (
    _column("phantom_disc", "phantom", "disc", "Disc (phantoms)", "od_hrf"),
    _column("phantom_heart", "phantom", "heart", "Heart (phantoms)", "heart_scr"),
    _column("phantom_fovea", "phantom", "fovea", "Fovea (phantoms)"),
)
# IDRiD, DRISHTI-GS1 and the fovea are our own.
_REAL = (
    _column("hrf_disc", "hrf", "disc", "Disc (HRF)", "od_hrf"),
    _column("idrid_disc", "idrid", "disc", "Disc (IDRiD)", "od_hrf"),
    _column("drishti_gs1_disc", "drishti_gs1", "disc", "Disc (DRISHTI-GS1)", "od_hrf"),
    _column("scr_heart", "scr", "heart", "Heart (SCR)", "heart_scr"),
    _column("idrid_fovea", "idrid", "fovea", "Fovea (IDRiD)"),
)


def columns(profile: Profile) -> tuple[Column, ...]:
    """The columns under ``profile``, those whose data are not at hand included."""
    return _PHANTOM if profile.pretraining.source == "phantom" else _REAL


def runs(row: Row, column: Column, profile: Profile) -> tuple[Run, ...]:
    """One run for each seed's network, of the paper's rows and those repeated beside them as many
    as of Table 2's; a row without a network has one."""
    wanted, landmark = row.variant, column.of
    data = _data(wanted, profile)
    window = window_at(landmark.name, data.size)
    images = profile.localization.images if data.source == "phantom" else None
    own = profile.own_seeds if row.published or wanted.repeated else None
    seeds = (own or profile.seeds) if wanted.matcher in WITH_NETWORK else profile.seeds[:1]
    return tuple(
        LocalizeConfig(
            bank=landmark.bank,
            landmark=landmark.name,
            data=DataConfig(source=data.source, size=data.size, images=images),
            window=window,
            matcher=wanted.matcher,
            network=_network(wanted, landmark, profile, seed),
            trained=wanted.trained,
            stride=stride_for(window) if wanted.matcher == "features" else 16,
            sigma=wanted.sigma,
            supports=profile.localization.supports,
        )
        for seed in seeds
    )


def _data(wanted: Search, profile: Profile) -> DataConfig:
    """The images that the row's network is pretrained on; landmarks are asked at their size."""
    native = profile.native
    if not (wanted.native and native):
        return profile.pretraining
    return profile.pretraining.model_copy(update={"size": native.size})


def _network(
    wanted: Search, landmark: Landmark, profile: Profile, seed: int
) -> PretrainConfig | None:
    """The pretraining of a row: as long as Table 2's Pd+mix, unless the profile says longer."""
    if wanted.matcher not in WITH_NETWORK:
        return None
    if "ms" in wanted.method:
        wanted = replace(wanted, patch_grid=profile.localization.window_grid)
    planned = ldl_config(wanted, LANDMARK_MODALITY[landmark.name], profile, seed)
    native = profile.native
    steps = profile.localization.steps or planned.steps
    if wanted.native and native:
        steps = getattr(native, wanted.native)
    return build(
        PretrainConfig,
        {
            **dict(planned),
            "data": _data(wanted, profile),
            "border": wanted.border or planned.border,
            "scale": "native" if wanted.native else planned.scale,
            "steps": steps,
            "halve_every": max(1, steps // profile.localization.halvings),
        },
    )


def by_support(record: Record, read: str) -> NDArray[np.float64]:
    """(supports, images) of a search, nan where a support would be asked for itself.

    ``read``: "accuracy", the share of the five thresholds that the answer meets, in per cent;
    "accuracy@0.15", whether it meets that one, 0 or 100; or a list of the record by its name.
    """
    ids = record["ids"]
    whole = np.full((len(record["supports"]), len(ids)), np.nan)
    for line, support in zip(whole, record["supports"], strict=True):
        asked = np.array([name != support["support"] for name in ids])
        line[asked] = _values(support, read)
    return whole


def _values(support: Record, read: str) -> NDArray[np.float64]:
    if not read.startswith("accuracy"):
        return np.array(support[read], dtype=np.float64)
    factors = [float(read.split("@")[1])] if "@" in read else list(FACTORS)
    distance = np.array(support["distance_of"])[:, None]
    return 100 * (distance < np.array(factors) * support["window"]).mean(axis=1)


def paper(row: Row, column: Column, profile: Profile, printed: str = "mean") -> float:
    """The paper's accuracy, its mean or ``acc@0.15``; nan where it prints none."""
    if row.published is None or column.published is None:
        return float("nan")
    return value("table7", printed, task=column.published, method=row.published)


def _claims() -> Iterator[Claim]:
    told = (
        ("mixup: Pd+mix over Pd", "pd+mix", "pd"),
        ("windows of random size: +ms over Pd+mix", "pd+mix+ms", "pd+mix"),
        ("centre-sensitive weights: +cs over +ms", _FULL, "pd+mix+ms"),
        ("all together: Pd+mix+ms+cs over Pd", _FULL, "pd"),
    )
    asked = (
        ("the paper's best row over template matching", _FULL, "ncc"),
        ("Pd+mix over template matching", "pd+mix", "ncc"),
        ("the paper's best row over the support's own place", _FULL, "place"),
        ("training: the paper's best row over its untrained network", _FULL, "untrained"),
        ("embedding over raw features", _FULL, "features"),
        ("centre-sensitive weights in the test alone", "test-cs", "pd+mix+ms"),
        ("without the place: Pd+mix, centred", "mix-centred", "pd+mix"),
        ("without the place: the paper's best row, centred", "full-centred", _FULL),
        ("replicated borders: the paper's best row with them", "replicate", _FULL),
        ("native scale, over replicated borders alone", "native", "replicate"),
        ("native scale, over template matching there", "native", "ncc-native"),
        ("native scale, trained longer", "native-longer", "native"),
    )
    for column in (*_REAL, *_PHANTOM):
        for ours, pairs in ((column.published is None, told), (True, asked)):
            for text, better, worse in pairs:
                yield Claim(text, "table7", better, worse, column.key, 5.0, ours)


# What `results/STATEMENT.md` says of this table, on the score "within".
STATED = tuple(
    Claim(f"{text} over Pd+mix", "table7", row, "pd+mix", column.key, 5.0, not column.published)
    for column in (*_REAL, *_PHANTOM)
    for text, row in (("+ms", "pd+mix+ms"), ("+ms+cs", _FULL))
)
TABLE7 = Table(
    name="table7",
    title="One-shot localization",
    unit="mean accuracy over five thresholds, %",
    case="queries",
    rows=rows,
    columns=columns,
    runs=runs,
    scores={
        "score": lambda record, column: by_support(record, "accuracy"),
        "within": lambda record, column: by_support(record, "accuracy@0.15"),
        "sharpness": lambda record, column: by_support(record, "sharpness_of"),
    },
    paper=paper,
    claims=tuple(_claims()),
    without=lambda profile: profile.localization.without,
)
