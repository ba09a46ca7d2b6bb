"""What the region widget is given."""

import numpy as np
import pytest
import torch

from ldl.errors import DataError
from ldl.rng import generator
from ldl.sphere import unit
from ldl.widgets import payload, region_scene
from ldl.widgets.packing import unpacked_map


def outputs(images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Random unit vectors; cluster 0 on the left, 2 on the right, never 1."""
    batch, _, height, width = images.shape
    vectors = unit(torch.randn(batch, 6, height, width, generator=generator(0, "v")), dim=1)
    shares = torch.full((batch, 3, height, width), 0.1)
    shares[:, 0, :, : width // 2] = shares[:, 2, :, width // 2 :] = 0.8
    return vectors, shares


def test_labels_certainty_and_maps() -> None:
    images = [np.random.default_rng(k).random((3, 8, 12), dtype=np.float32) for k in range(2)]
    made = region_scene("toy", images, outputs)
    assert (made.stride, made.clusters, made.labels.dtype) == (1, 3, np.uint8)
    assert (made.labels[:, :, :6] == 0).all()
    assert (made.labels[:, :, 6:] == 2).all()
    assert (made.certainty == 204).all()
    (given,) = payload([made])["scenes"]
    assert np.array_equal(unpacked_map(given["images"][1]["map"]).data, made.maps[1].data)
    assert region_scene("toy", images, outputs, budget=300).stride == 2


def test_a_network_without_clusters_is_refused() -> None:
    images = np.zeros((2, 1, 8, 8), np.uint8)
    with pytest.raises(DataError, match="assigns no clusters"):
        region_scene("toy", list(images), lambda x: (outputs(x)[0], None))
    with pytest.raises(DataError, match="1 images; give"):
        region_scene("toy", list(images[:1]), outputs)
