"""The readers, lists and banks on the real images, where this machine has them."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest

from ldl.config import DataConfig
from ldl.data.examples import load_example
from ldl.data.folder import DatasetFolder
from ldl.data.manifest import Member, collection_named, id_list, manifest_named, manifests
from ldl.data.prepare import prepare_fine, prepare_pretraining, prepare_task
from ldl.data.preprocess import field_masks
from ldl.data.readers import read_idrid_centres, read_mask, read_nifti
from ldl.data.shape_prior import shape_prior
from ldl.data.verify import verify
from ldl.errors import DataError
from ldl.metrics_shape import collapse, shape_of
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
    images = np.stack([image for image, _ in found])
    masks = np.stack([mask for _, mask in found if mask is not None])
    low, high = SHARES[key]
    assert low < masks.mean() < high
    assert images.std(axis=(1, 2, 3)).min() > 10


def test_films_with_sixteen_grey_levels_are_stretched(real: Path) -> None:
    manifest, collection = collection_named("scr_heart")
    source = DatasetFolder(manifest)
    film, _ = load_example(source, collection, Member("train", "JPCLN083"), 64)
    assert film.std() > 40


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
        packaged = manifest.package is not None
        if packaged and importlib.util.find_spec(str(manifest.package)) is None:
            with pytest.raises(DataError, match="not installed"):
                DatasetFolder(manifest)
        elif name in absent:
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
    images, masks = (np.stack(each) for each in zip(*loaded, strict=True))
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
