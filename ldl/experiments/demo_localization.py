"""The scenes of the localization demo: Table 7's four variants on images one may touch."""

from dataclasses import dataclass, replace

from ldl.engine.profiles import PROFILES, Profile, profile_named
from ldl.engine.store import RunStore
from ldl.experiments import encoders
from ldl.experiments.demo_images import NAMES, DemoImages, phantom_images, real_eyes
from ldl.experiments.encoders import Encoder
from ldl.experiments.localization import ROWS, columns, localize_configs
from ldl.experiments.report import BY_PAGE
from ldl.localize import FACTORS, EmbeddingMatcher
from ldl.localize.search import matcher_of
from ldl.runs.localize import LocalizeConfig, window_at
from ldl.widgets import Scene, best_asked, scene

VARIANTS = ("pd", "pd+mix", "pd+mix+ms", "pd+mix+ms+cs")
# Bytes of maps before they are deflated; together they leave the page below 4 MB.
BUDGETS = {"fundus": 2_650_000, "xray": 700_000}
LANDMARKS = {"fundus": ("disc", "fovea"), "xray": ("heart",)}


@dataclass(frozen=True)
class Network:
    """A variant's matcher and where its network comes from."""

    matcher: EmbeddingMatcher
    words: str


@dataclass(frozen=True)
class Demo:
    """A scene and, by the labels of its variants, what it was made with."""

    scene: Scene
    networks: dict[str, Network]


def demos(profile: str, store: RunStore | None = None) -> list[Demo]:
    """Eyes and chests; real eyes under a profile of real images, where they and networks are.

    Profiles that pages may compute train what is missing; of the others only networks of this
    machine are shown, and phantoms under ``demo`` where there is none.
    """
    store = store or RunStore()
    given = profile_named(profile)
    return [_eyes(given, store), _phantoms("xray", _by_page(given), store)]


def _eyes(profile: Profile, store: RunStore) -> Demo:
    if profile.name not in BY_PAGE:
        found = networks("fundus", profile, store)
        images = real_eyes(profile.pretraining.size) if found else None
        if images:
            return _demo("fundus", images, found, profile)
    return _phantoms("fundus", _by_page(profile), store)


def _phantoms(modality: str, profile: Profile, store: RunStore) -> Demo:
    images = phantom_images(LANDMARKS[modality], profile)
    return _demo(modality, images, networks(modality, profile, store), profile)


def _demo(modality: str, images: DemoImages, found: dict[str, Network], profile: Profile) -> Demo:
    made = scene(
        NAMES[modality],
        list(images.images),
        {label: one.matcher for label, one in found.items()},
        window=window_at(LANDMARKS[modality][0], profile.pretraining.size),
        names=images.names,
        landmarks=images.landmarks,
        words=images.words,
        notes={label: one.words for label, one in found.items()},
        budget=BUDGETS[modality],
    )
    opened, right = best_asked(made, FACTORS[-1])
    chosen = (
        f"{made.words} Support, point and variant to begin with are those that find most: {right} "
        f"of {len(made.images) - 1} within {FACTORS[-1]:g} windows of the true place."
    )
    return Demo(replace(opened, words=chosen) if made.landmarks else made, found)


def networks(modality: str, profile: Profile, store: RunStore) -> dict[str, Network]:
    """The variants' networks by label; those that are not at hand are left out or trained."""
    found = {}
    for row in ROWS:
        if row.key not in VARIANTS:
            continue
        run = run_of(row.key, modality, profile)
        assert run.network is not None, "a variant has a network"
        load = encoders.load if profile.name in BY_PAGE else encoders.at_hand
        encoder = load(run.network, store)
        if encoder is not None:
            matcher = matcher_of(run, encoder.net)
            assert isinstance(matcher, EmbeddingMatcher), "a variant compares embeddings"
            found[row.label] = Network(matcher, _words(encoder))
    return found


def _words(encoder: Encoder) -> str:
    short = encoder.record is not None and not encoder.record["trained"]
    return encoder.words + (" Its training fell short of what this book asks for." if short else "")


def run_of(key: str, modality: str, profile: Profile) -> LocalizeConfig:
    """The run of Table 7 for a variant on the modality's first landmark, with the first seed."""
    (row,) = (one for one in ROWS if one.key == key)
    landmark = LANDMARKS[modality][0]
    column = next(one for one in columns(profile) if one.landmark == landmark)
    return localize_configs(row.variant, column, profile)[0]


def _by_page(profile: Profile) -> Profile:
    return profile if profile.name in BY_PAGE else PROFILES["demo"]
