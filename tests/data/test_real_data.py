"""Readers, lists, banks and superpixels on the real images, where this machine has them."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ldl.config import DataConfig
from ldl.data.ct import ct_bank
from ldl.data.ct.source import set_files
from ldl.data.folder import DatasetFolder
from ldl.data.manifest import Member, collection_named, id_list, manifest_named, manifests
from ldl.data.prepare import (
    load_example,
    prepare_fine,
    prepare_pretraining,
    prepare_task,
    shape_prior,
)
from ldl.data.preprocess import field_masks
from ldl.data.readers.image import read_mask
from ldl.data.readers.nifti import read_nifti
from ldl.data.readers.tables import read_idrid_centres
from ldl.data.superpixels import Quality, quality, superpixels
from ldl.data.verify import verify
from ldl.errors import DataError
from ldl.metrics import collapse, shape_of
from ldl.runs.lrc import SuperpixelConfig
from ldl.tasks import TASKS, VESSEL_TASKS
from ldl.train.references import drawn_shape

# Share of foreground at 64 px, generous: vessels 5-25 %, discs about 2 %, lungs about 30 %.
SHARES = {
    "chasedb1_vessel": (0.05, 0.25),
    "hrf_vessel": (0.05, 0.25),
    "rite_vessel": (0.05, 0.25),
    "stare_vessel": (0.05, 0.25),
    "drishti_gs1_cup": (0.005, 0.04),
    "drishti_gs1_od": (0.02, 0.06),
    "idrid_od": (0.01, 0.04),
    "idrid_hard_exudates": (0.002, 0.05),
    "scr_heart": (0.06, 0.13),
    "scr_lung": (0.25, 0.4),
    "scr_clavicle": (0.01, 0.05),
}


@pytest.fixture
def real(real_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The real data with an empty cache."""
    monkeypatch.setenv("LDL_DATA", str(real_data))
    monkeypatch.setenv("LDL_CACHE", str(tmp_path))
    return real_data


@pytest.mark.parametrize("key", ["chasedb1_vessel", "stare_vessel"])
def test_task_bank(real: Path, key: str) -> None:
    bank = prepare_task(key, 64)
    listed = [one.split for one in id_list(key)]
    assert bank.splits.count("test") == listed.count("test")
    assert bank.splits.count("validation") == listed.count("train") // 5


@pytest.mark.parametrize("key", [key for key in TASKS if key in SHARES])
def test_samples_of_every_task(real: Path, key: str) -> None:
    manifest, collection = collection_named(key)
    source = DatasetFolder(manifest)
    found = [load_example(source, collection, one, 64) for one in id_list(key)[::12]]
    images = np.stack([one.square for one, _ in found])
    masks = np.stack([mask for _, mask in found if mask is not None])
    low, high = SHARES[key]
    assert low < masks.mean() < high
    assert images.std(axis=(1, 2, 3)).min() > 10


def test_films_with_sixteen_grey_levels_are_stretched(real: Path) -> None:
    manifest, collection = collection_named("scr_heart")
    source = DatasetFolder(manifest)
    film, _ = load_example(source, collection, Member("train", "JPCLN083"), 64)
    assert film.square.std() > 40


def test_siim_is_not_at_hand(real: Path) -> None:
    with pytest.raises(DataError, match=r"nothing in .*siim_pneumothorax"):
        prepare_task("siim_pneumothorax", 64)


@pytest.mark.parametrize("modality", ["fundus", "xray"])
def test_pretraining_bank(real: Path, modality: str) -> None:
    bank = prepare_pretraining(modality, 32, limit=60)  # type: ignore[arg-type]
    assert bank.images.shape == (60, 3 if modality == "fundus" else 1, 32, 32)
    if modality == "fundus":
        good = [one.id for one in id_list("eyepacs_good_quality")]
        places = [good.index(one) for one in bank.ids]
        assert places == sorted(places)


def test_chase_is_the_original_byte_by_byte(real: Path) -> None:
    report = verify(DatasetFolder(manifest_named("chasedb1")))
    assert report.faults == ()
    assert (report.hashed, report.decoded) == (112, 0)


@pytest.mark.parametrize("name", ["stare", "octa_prior", "dsa_prior", "idrid_localization"])
def test_small_stand_ins_verify(real: Path, name: str) -> None:
    assert verify(DatasetFolder(manifest_named(name))).faults == ()


def test_what_is_at_hand_is_recognised(real: Path) -> None:
    absent = {"abd110", "abdomen1k", "han", "thorax85", "siim_pneumothorax"}
    for name, manifest in manifests().items():
        if name in absent:
            with pytest.raises(DataError, match="nothing in"):
                DatasetFolder(manifest)
        else:
            assert DatasetFolder(manifest).layout.name != "original"


@pytest.mark.parametrize("name", ["btcv", "segthor", "openkbp"])
def test_volumes_and_their_labels(real: Path, name: str) -> None:
    source = DatasetFolder(manifest_named(name))
    member = source.members(source.manifest.collections[0])[0]
    image = read_nifti(source.path("images", member), source.layout.axes)
    labels = read_nifti(source.path("labels", member), source.layout.axes)
    assert image.values.shape == labels.values.shape
    np.testing.assert_allclose(image.affine, labels.affine, atol=0.1)
    assert 0 < labels.values.max() <= max(source.labels)


def test_idrid_centres(real: Path) -> None:
    folder = real / "fundus/idrid_localization"
    centres = read_idrid_centres(folder / "IDRiD_OD_Center_Testing Set_Markups.csv")
    assert len(centres) == 103
    assert centres["IDRiD_001"] == (651, 1453)


def test_shape_priors_are_masks(real: Path) -> None:
    for kind in ("octa", "dsa"):
        source = DatasetFolder(manifest_named(f"{kind}_prior"))
        for member in source.members(source.manifest.collections[0]):
            assert 0.02 < read_mask(source.path("masks", member)).mean() < 0.5


@pytest.mark.parametrize("prior", ["dsa", "octa"])
@pytest.mark.parametrize("key", VESSEL_TASKS)
def test_the_watch_passes_true_vessels(real: Path, key: str, prior: str) -> None:
    """Held against masks of another modality, as windows of both: three true masks a set."""
    manifest, collection = collection_named(key)
    source = DatasetFolder(manifest)
    members = [one for one in source.members(collection) if one.split == "train"][:3]
    loaded = [load_example(source, collection, one, 512) for one in members]
    images = np.stack([one.square for one, _ in loaded])
    masks = np.stack([mask for _, mask in loaded])
    masks_of_prior = shape_prior(DataConfig(source="open", size=512), prior, 10)
    reference = drawn_shape(masks_of_prior, "native", 96)
    assert collapse(shape_of(masks, field_masks(images), 96), reference) == ""


def test_fine_images_hold_no_test_image_of_the_vessel_sets(real: Path) -> None:
    bank = prepare_fine(32)
    assert bank.images.shape[1:] == (3, 32, 32)
    for key in VESSEL_TASKS:
        listed = id_list(key)
        train = {f"{key}/{one.id}" for one in listed if one.split != "test"}
        assert {one for one in bank.ids if one.startswith(f"{key}/")} == train
    assert any(one.startswith("idrid_grading_train/") for one in bank.ids)


# (organ, organ, axis, sign): the first lies on that side of the second in the displayed volume;
# axis 0 upwards, 1 to the back, 2 to the patient's left.
ANATOMY = {
    "btcv": [
        ("spleen", "liver", 2, 1),
        ("left kidney", "right kidney", 2, 1),
        ("aorta", "stomach", 1, 1),
        ("spleen", "left kidney", 0, 1),
    ],
    "segthor": [
        ("heart", "trachea", 2, 1),
        ("esophagus", "heart", 1, 1),
        ("trachea", "heart", 0, 1),
    ],
    "openkbp": [
        ("left parotid", "right parotid", 2, 1),
        ("spinal cord", "mandible", 1, 1),
        ("brainstem", "spinal cord", 0, 1),
    ],
}
EVERY = {"btcv": 4, "segthor": 3, "openkbp": 12}


@pytest.mark.parametrize("name", ANATOMY)
def test_anatomy_lies_as_it_should(real: Path, name: str) -> None:
    files = set_files(name)
    for id in files.ids[:: EVERY[name]]:
        volume = files.read(id)
        centres = {
            organ: np.argwhere(volume.label == number).mean(axis=0)
            for number, organ in enumerate(files.organs, start=1)
            if (volume.label == number).any()
        }
        for first, second, axis, sign in ANATOMY[name]:
            if first in centres and second in centres:
                apart = centres[first][axis] - centres[second][axis]
                assert sign * apart > 0, (id, first, second)


@pytest.mark.parametrize(
    ("region", "name", "count", "organs"),
    [
        ("abdomen", "btcv", 18, 8),
        ("thorax", "segthor", 21, 4),
        ("head_neck", "openkbp", 165, 5),
    ],
)
def test_stand_ins_become_banks(
    real: Path, region: str, name: str, count: int, organs: int
) -> None:
    assert len(set_files(name).ids) == count
    bank = ct_bank(region, "open", size=48, volumes=3)
    assert len(bank.organs) == organs
    assert bank.labels.max() == organs
    assert "stands in for" in bank.note
    assert {one.split for one in bank.volumes} == {"train", "validation", "test"}
    for entry in bank.volumes:
        assert entry.count > 30
        assert entry.spacing[0] == 2.5
        assert bank.images[entry.rows].std() > 20


# Window in HU, labels with the background, and at 128 px the mean share of merged pixels that is
# not reached and the mean achievable DSC that is exceeded (smallest organs: a few pixels).
WINDOWS = {
    "btcv": ((-125, 275), 9, 0.05, 0.85),
    "segthor": ((-500, 400), 5, 0.15, 0.55),
    "openkbp": ((-200, 400), 6, 0.05, 0.35),
}


def labelled_slices(folder: Path, name: str, side: int) -> tuple[np.ndarray, np.ndarray]:
    """Two labelled slices of each of five volumes, windowed: (10, side, side) twice."""
    (low, high), count, _, _ = WINDOWS[name]
    files = sorted((folder / "ct" / name / "images").glob("*.nii.gz"))
    images, labels = [], []
    for path in files[:: max(1, len(files) // 5)][:5]:
        axes = manifest_named(name).layouts[-1].axes
        volume = read_nifti(path, axes).values
        truth = read_nifti(folder / "ct" / name / "labels" / path.name, axes).values
        assert set(np.unique(truth)) <= set(range(count))
        labelled = np.flatnonzero(truth.any(axis=(0, 1)))
        for z in labelled[[len(labelled) // 3, 2 * len(labelled) // 3]]:
            grey = (255 * (volume[:, :, z].clip(low, high) - low) / (high - low)).round()
            for kept, values, how in (
                (images, grey.astype(np.uint8), Image.Resampling.BILINEAR),
                (labels, truth[:, :, z], Image.Resampling.NEAREST),
            ):
                kept.append(np.asarray(Image.fromarray(values).resize((side, side), how)))
    return np.stack(images), np.stack(labels)


def quality_of(folder: Path, name: str, config: SuperpixelConfig) -> Quality:
    images, labels = labelled_slices(folder, name, 128)
    regions = np.stack([superpixels(one[None], config) for one in images])
    assert not ((regions < 0) & (labels > 0)).any()
    return quality(regions, labels, WINDOWS[name][1] - 1)


@pytest.mark.parametrize("name", list(WINDOWS))
def test_organs_are_not_merged(real_data: Path, name: str) -> None:
    found = quality_of(real_data, name, SuperpixelConfig())
    _, _, merged, dice = WINDOWS[name]
    assert 20 < found.regions < 400
    assert np.nanmean(found.merged) < merged
    assert np.nanmean(found.dice) > dice


def test_much_larger_regions_merge_them(real_data: Path) -> None:
    found = quality_of(real_data, "btcv", SuperpixelConfig(scale=1000.0, sigma=1.0, min_size=200))
    assert np.nanmean(found.merged) > 0.2
    assert np.nanmean(found.dice) < 0.6
