"""Patches with known structures, and the nearest ones under an encoder."""

import numpy as np
import pytest
import torch

from ldl.data.sources import pretraining_bank
from ldl.phantoms import pretraining_image
from ldl.report import networks as encoders
from ldl.report import patch_search, patches
from ldl.report.patches import GRID, OUTSIDE, Patches
from ldl.train.pretrain import held_out_rows


def _patches(classes: np.ndarray, names: tuple[str, ...] = ("rest", "disc")) -> Patches:
    images = np.full((len(classes), 3, 32, 32), 128, dtype=np.uint8)
    return Patches(images, classes.astype(np.int64), names, "", showable=True)


@pytest.mark.parametrize("modality", ["fundus", "xray"])
def test_a_phantom_drawn_again_is_the_banks_own(modality: str, cache: object) -> None:
    config = encoders.config_of("pd", modality, "smoke")  # type: ignore[arg-type]
    bank = pretraining_bank(config.data, modality)  # type: ignore[arg-type]
    for row in held_out_rows(len(bank.images))[1]:
        image, masks = pretraining_image(modality, row, size=32, seed=config.data.seed)  # type: ignore[arg-type]
        assert (image == bank.images[row]).all()
        assert all(mask.shape == (32, 32) for mask in masks.values())


def test_phantom_patches_are_those_nothing_was_trained_on(cache: object) -> None:
    cut = patches.phantom_patches(encoders.config_of("moco", "xray", "smoke"))
    assert cut.images.shape == (4, 1, 32, 32)
    assert cut.classes.shape == (4, GRID**2)
    assert cut.names[0] == "rest"
    assert set(np.unique(cut.classes)) <= set(range(len(cut.names)))


def test_shares_are_means_over_cells() -> None:
    masks = np.zeros((1, 16, 16), dtype=bool)
    masks[0, :2, 0] = True  # half of the first cell of 2 x 2 pixels
    shares = patches.shares(masks)
    assert shares.shape == (1, GRID**2)
    assert shares[0, 0] == 0.5
    assert shares[0, 1:].sum() == 0


def test_nearest_cells_come_from_other_images_inside_the_field() -> None:
    vectors = torch.zeros(2, 3, 2)
    vectors[0] = torch.tensor([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    vectors[1] = torch.tensor([[0.0, 1.0], [0.8, 0.6], [1.0, 0.0]])
    classes = np.array([[0, 0, 0], [0, 0, OUTSIDE]])
    index, similarity = patch_search.nearest_cells(vectors, _patches(classes), 1)
    assert index[0, 0] == 4, "the equal cell of the same image and the one outside do not count"
    assert similarity[0, 0] == pytest.approx(0.8)
    assert index[2, 0] == 3


def test_agreement_is_the_mean_over_classes_whatever_their_size() -> None:
    """Three of three cells of one class agree, none of one cell of the other."""
    vectors = torch.zeros(2, 2, 2)
    vectors[..., 0] = 1.0
    classes = np.array([[0, 0], [0, 1]])
    share, low, high = patch_search.agreement(vectors, _patches(classes))
    found = patch_search.nearest_cells(vectors, _patches(classes))[0][:, 0]
    truth = classes.ravel()
    hits = truth[found] == truth
    expected = (hits[truth == 0].mean() + hits[truth == 1].mean()) / 2
    assert share == pytest.approx(expected)
    assert 0 <= low <= high <= 1


def test_perfect_vectors_agree_always() -> None:
    classes = np.tile(np.arange(2), (4, 5))
    vectors = torch.nn.functional.one_hot(torch.from_numpy(classes), 2).float()
    assert patch_search.agreement(vectors, _patches(classes)) == pytest.approx((1.0, 1.0, 1.0))


def test_vectors_of_cells_are_read_alike_from_every_encoder(cache: object) -> None:
    for method in ("rd", "moco", "densecl"):
        encoder = encoders.untrained(encoders.config_of(method, "xray", "smoke"))  # type: ignore[arg-type]
        cut = patches.phantom_patches(encoder.config)
        vectors = patch_search.cell_vectors(encoder, cut)
        assert vectors.shape == (
            4,
            GRID**2,
            encoder.features(torch.rand(1, 1, 32, 32))[-1].shape[1],
        )
        assert torch.allclose(vectors.norm(dim=-1), torch.ones(4, GRID**2), atol=1e-5)
        again, among = patch_search.found_again(encoder, cut)
        assert 0 <= again <= 1
        assert among == 4 * GRID**2
