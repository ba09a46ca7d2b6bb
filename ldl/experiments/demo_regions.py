"""The scenes of the region widget: an encoder of region discrimination on images of its kind."""

from ldl.experiments.encoders import Encoder
from ldl.experiments.examples import own_images
from ldl.widgets import RegionScene, region_scene

IMAGES = 3


def region_scene_of(name: str, encoder: Encoder) -> RegionScene:
    """``encoder`` on three images that it has not seen and that may be shown.

    Args:
        name: of the kind of images.
        encoder: of Rd; it has a clustering branch.
    """
    shown = own_images(encoder.config, count=IMAGES)
    names = [f"Image {number}" for number in range(1, len(shown.images) + 1)]
    words = f"{shown.words} {encoder.words}"
    return region_scene(name, list(shown.images), encoder.outputs, names=names, words=words)
