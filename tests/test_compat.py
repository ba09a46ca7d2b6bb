"""torchvision can be imported, and colour augmentation agrees with its functions."""

import pytest
import torch
from kornia.enhance import (
    adjust_brightness_accumulative,
    adjust_contrast_with_mean_subtraction,
    adjust_hue,
    adjust_saturation_with_gray_subtraction,
)

from ldl.compat import import_torchvision

functional = import_torchvision("transforms.v2.functional")
IMAGE = torch.rand(1, 3, 12, 12, generator=torch.Generator().manual_seed(0))


def test_networks_are_there_too() -> None:
    vgg = import_torchvision("models").vgg16(weights=None, num_classes=2)
    assert sum(isinstance(part, torch.nn.Conv2d) for part in vgg.modules()) == 13


@pytest.mark.parametrize("factor", [0.6, 1.0, 1.4])
@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (adjust_brightness_accumulative, "adjust_brightness"),
        (adjust_contrast_with_mean_subtraction, "adjust_contrast"),
        (adjust_saturation_with_gray_subtraction, "adjust_saturation"),
    ],
)
def test_factors_mean_what_color_jitter_means(ours, theirs: str, factor: float) -> None:
    changed = ours(IMAGE, torch.tensor([factor]))
    expected = getattr(functional, theirs)(IMAGE, factor)
    # The two weigh red, green and blue with three and four digits.
    torch.testing.assert_close(changed, expected, atol=2e-3, rtol=0)


@pytest.mark.parametrize("turn", [-0.02, 0.02])
def test_hue_turns_by_a_share_of_the_circle(turn: float) -> None:
    changed = adjust_hue(IMAGE, torch.tensor([turn * 2 * torch.pi]))
    expected = functional.adjust_hue(IMAGE, turn)
    torch.testing.assert_close(changed, expected, atol=2e-3, rtol=0)
