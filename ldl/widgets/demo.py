"""The scenes of the book's pages: Table 7's variants and Rd's regions on images one may touch."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ldl.data.bank import Bank
from ldl.data.landmarks import landmark_bank
from ldl.data.manifest import Manifest, manifest_named
from ldl.data.prepare import prepare_task
from ldl.engine.profiles import PROFILES, Profile, profile_named
from ldl.engine.store import RunStore
from ldl.errors import DataError
from ldl.localize import FACTORS, EmbeddingMatcher, draw_supports, find
from ldl.localize.search import PHANTOMS, matcher_of
from ldl.report import networks as encoders
from ldl.report.examples import own_images
from ldl.report.networks import Encoder
from ldl.report.words import BY_PAGE
from ldl.runs.localize import LANDMARK_MODALITY, LocalizeConfig, window_at
from ldl.runs.pretrain import PretrainConfig
from ldl.tables.encoders import config_of
from ldl.tables.localization import ROWS, columns, runs
from ldl.tasks import Modality
from ldl.widgets.scene import (
    RegionScene,
    Scene,
    best_asked,
    emulated,
    region_scene,
    scene,
    to_pixels,
)

VARIANTS = ("pd", "pd+mix", "pd+mix+ms", "pd+mix+ms+cs")
# Bytes of maps before they are deflated; together they leave the page below 4 MB.
BUDGETS = {"fundus": 2_650_000, "xray": 700_000}
LANDMARKS = {"fundus": ("disc", "fovea"), "xray": ("heart",)}
NAMES = {"fundus": "Eyes", "xray": "Chests"}
IMAGES = 5  # the support and four queries
REGION_IMAGES = 3
# Updates of both stages. Longer ones draw frames about an eye's middle; shorter ones lose the ribs.
REGION_STEPS = {"fundus": (300, 200), "xray": (450, 250)}
Networks = dict[str, tuple[EmbeddingMatcher, str]]  # by label: what finds, and its network's words


@dataclass(frozen=True)
class Images:
    """Images of one kind, the support first.

    Attributes:
        images: (N, C, H, W) uint8.
        names: one an image.
        landmarks: name -> (N, 2) true rows and columns.
        words: one sentence: what they are, with credit and licence.
    """

    images: NDArray[np.uint8]
    names: tuple[str, ...]
    landmarks: Mapping[str, NDArray[np.float64]]
    words: str


@dataclass(frozen=True)
class Demo:
    """A scene and, in the order of its variants, what finds places on whole maps."""

    scene: Scene
    matchers: tuple[EmbeddingMatcher, ...]


def demos(profile: str, store: RunStore | None = None) -> list[Demo]:
    """Eyes and chests; real eyes under a profile of real images, where they and networks are.

    Profiles that pages may compute train what is missing; of the others only networks of this
    machine are shown, and phantoms under ``demo`` where there is none.
    """
    store = store or RunStore()
    given = profile_named(profile)
    by_page = given if given.name in BY_PAGE else PROFILES["demo"]
    found = {} if given is by_page else networks("fundus", given, store)
    real = real_eyes(given.pretraining.size) if found else None
    eyes = _demo("fundus", given, real, found) if real else _phantoms("fundus", by_page, store)
    return [eyes, _phantoms("xray", by_page, store)]


def _phantoms(modality: str, profile: Profile, store: RunStore) -> Demo:
    images = phantom_images(LANDMARKS[modality], profile)
    return _demo(modality, profile, images, networks(modality, profile, store))


def _demo(modality: str, profile: Profile, given: Images, found: Networks) -> Demo:
    made = scene(
        NAMES[modality],
        list(given.images),
        {label: matcher for label, (matcher, _) in found.items()},
        window=window_at(LANDMARKS[modality][0], profile.pretraining.size),
        names=given.names,
        landmarks=given.landmarks,
        words=given.words,
        notes={label: words for label, (_, words) in found.items()},
        budget=BUDGETS[modality],
    )
    if made.landmarks:
        made, right = best_asked(made, FACTORS[-1])
        told = (
            f"{made.words} Support, point and variant to begin with are those that find most: "
            f"{right} of {len(made.images) - 1} within {FACTORS[-1]:g} windows of the true place."
        )
        made = replace(made, words=told)
    return Demo(made, tuple(matcher for matcher, _ in found.values()))


def networks(modality: str, profile: Profile, store: RunStore) -> Networks:
    """The variants by label, with where the network comes from; what is missing is left out."""
    found: Networks = {}
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
            short = encoder.record is not None and not encoder.record["trained"]
            fell = " Its training fell short of what this book asks for." if short else ""
            found[row.label] = (matcher, encoder.words + fell)
    return found


def run_of(key: str, modality: str, profile: Profile) -> LocalizeConfig:
    """The run of Table 7 for a variant on the modality's first landmark, with the first seed."""
    (row,) = (one for one in ROWS if one.key == key)
    landmark = LANDMARKS[modality][0]
    column = next(one for one in columns(profile) if one.of.name == landmark)
    run = runs(row, column, profile)[0]
    assert isinstance(run, LocalizeConfig)
    return run


def phantom_images(landmarks: tuple[str, ...], profile: Profile) -> Images:
    """Phantoms of Table 7 under ``profile``: its first support and the images that follow it."""
    size, count = profile.pretraining.size, profile.localization.images or PHANTOMS
    seed = profile.pretraining.seed
    banks = [landmark_bank("phantom", one, size, count=count, seed=seed) for one in landmarks]
    kind = NAMES[LANDMARK_MODALITY[landmarks[0]]].lower()
    words = (
        f"The {kind} are phantoms, drawn by code, {size} × {size} pixels as the networks see them; "
        "no network was trained on them."
    )
    return _chosen(dict(zip(landmarks, banks, strict=True)), words)


def real_eyes(size: int) -> Images | None:
    """IDRiD's eyes with their centres, else HRF's without; None where neither is at hand."""
    try:
        banks = {name: landmark_bank("idrid", name, size) for name in ("disc", "fovea")}
        return _chosen(banks, _credit(manifest_named("idrid_grading"), size))
    except DataError:
        pass
    try:
        bank = prepare_task("hrf_vessel", size)
    except DataError:
        return None
    words = f"{_credit(manifest_named('hrf'), size)} The true places are not at hand."
    return Images(np.array(bank.images[:IMAGES]), tuple(bank.ids[:IMAGES]), {}, words)


def _chosen(banks: Mapping[str, Bank], words: str) -> Images:
    first = next(iter(banks.values()))
    total = len(first.ids)
    support = draw_supports(total)[0]
    rows = [(support + step) % total for step in range(min(IMAGES, total))]
    names = tuple(first.ids[row] for row in rows)
    points = {name: bank.points[rows] for name, bank in banks.items()}
    return Images(np.array(first.images[rows]), names, points, words)


def _credit(manifest: Manifest, size: int) -> str:
    if not manifest.licence.redistribution:
        raise DataError(f"{manifest.title}: its images may not stand in a page")
    return (
        f"The eyes are real: {manifest.title}, {manifest.licence.name}, cropped and reduced to "
        f"{size} × {size} pixels."
    )


def region_encoder(modality: Modality, profile: str, seed: int = 0) -> Encoder:
    """Rd trained until its regions follow the image, with replicated borders.

    As short as ``demo`` trains it for the tables, a network's clusters are those of its random
    start; with zeros beyond the border, as published, they become frames about the middle of so
    small an image. Under ``smoke`` it is as short as everything else.
    """
    by_page = profile if profile in BY_PAGE else "demo"
    given = config_of("rd", modality, by_page, seed).model_dump()
    given["border"] = given["step1"]["border"] = "replicate"
    if by_page == "demo":
        first, second = REGION_STEPS[modality]
        given |= {"steps": second, "halve_every": second // 8}
        given["step1"] |= {"steps": first, "halve_every": first // 2}
    return encoders.load(PretrainConfig.model_validate(given))


def region_demo(name: str, encoder: Encoder) -> RegionScene:
    """``encoder``, one of Rd, on three images that it has not seen and that may be shown."""
    shown = own_images(encoder.config, count=REGION_IMAGES)
    names = [f"Image {number}" for number in range(1, len(shown.images) + 1)]
    words = f"{shown.words} {encoder.words}"
    return region_scene(name, list(shown.images), encoder.outputs, names=names, words=words)


def compared(demo: Demo) -> pd.DataFrame:
    """The page's answers beside those on whole, unrounded maps, one line an answer.

    Every query under every variant, with the point on each landmark (or where it begins).

    Columns: same (whether both give one verdict), apart (pixels between their points, guesses
    included), found, both (found by the page; by both), right (found within the widest threshold of
    Table 7 of the true place).
    """
    scene, lines = demo.scene, []
    unknown = np.full((len(scene.images), 2), np.nan)
    unknown[0] = scene.start
    for truth in [np.asarray(one) for one in scene.landmarks.values()] or [unknown]:
        point = (float(truth[0][0]), float(truth[0][1]))
        for number, matcher in enumerate(demo.matchers):
            answers = emulated(scene, number, point, scene.window)
            for ours, query, place in zip(answers, scene.images[1:], truth[1:], strict=True):
                whole = find(matcher, scene.images[0], point, query, window=scene.window)
                guess, found = to_pixels(scene, ours.guess), ours.status == "found"
                apart, miss = (
                    float(np.hypot(*np.subtract(guess, p))) for p in (whole.guess, place)
                )
                lines.append(
                    {
                        "same": ours.status == whole.status,
                        "apart": apart,
                        "found": found,
                        "both": found and whole.status == "found",
                        "right": found and miss < FACTORS[-1] * scene.window,
                    }
                )
    return pd.DataFrame(lines)
