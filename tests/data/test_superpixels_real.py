"""On real CT the default superpixels do not merge organs, and air holds none of them."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ldl.data.manifest import manifest_named
from ldl.data.readers import read_nifti
from ldl.data.superpixels import Overlap, achievable_dice, merged_share, overlap, superpixels
from ldl.runs.lrc import SuperpixelConfig

# Window in HU, labels with the background, and at 128 px the mean share of merged pixels that is
# not reached and the mean achievable DSC that is exceeded (smallest organs: a few pixels).
SETS = {
    "btcv": ((-125, 275), 9, 0.05, 0.85),
    "segthor": ((-500, 400), 5, 0.15, 0.55),
    "openkbp": ((-200, 400), 6, 0.05, 0.35),
}


def slices(folder: Path, name: str, side: int) -> tuple[np.ndarray, np.ndarray]:
    """Two labelled slices of each of five volumes, windowed: (10, side, side) twice."""
    (low, high), count, _, _ = SETS[name]
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


def quality(folder: Path, name: str, config: SuperpixelConfig) -> Overlap:
    images, labels = slices(folder, name, 128)
    return overlap(
        np.stack([superpixels(one[None], config) for one in images]), labels, SETS[name][1]
    )


@pytest.mark.parametrize("name", list(SETS))
def test_organs_are_not_merged(real_data: Path, name: str) -> None:
    found = quality(real_data, name, SuperpixelConfig())
    _, _, merged, dice = SETS[name]
    assert found.outside[1:].sum() == 0
    assert 20 < found.regions_per_slice < 400
    assert np.nanmean(merged_share(found)) < merged
    assert np.nanmean(achievable_dice(found)[1:]) > dice


def test_much_larger_regions_merge_them(real_data: Path) -> None:
    found = quality(real_data, "btcv", SuperpixelConfig(scale=1000.0, sigma=1.0, min_size=200))
    assert np.nanmean(merged_share(found)) > 0.2
    assert np.nanmean(achievable_dice(found)[1:]) < 0.6
