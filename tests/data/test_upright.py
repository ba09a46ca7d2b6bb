"""Upright boxes: where their pixels come from."""

import pytest
import torch

from ldl.data.sampling import boxes, random_boxes

IMAGE = torch.arange(2 * 3 * 8 * 8, dtype=torch.float32).view(2, 3, 8, 8)


def test_a_box_on_whole_pixels_is_a_slice():
    """Columns 2-5 of rows 4-7, and columns 4-7 of rows 0-3."""
    box = boxes(torch.tensor([0.5, 0.5]), torch.tensor([[0.0, 0.5], [0.5, -0.5]]))
    found = box.sample(IMAGE, 4)
    expected = torch.stack([IMAGE[0, :, 4:, 2:6], IMAGE[1, :, :4, 4:]])
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-4)


def test_a_mirrored_box_is_its_slice_from_right_to_left():
    box = boxes(torch.ones(2), torch.zeros(2, 2), torch.tensor([True, False]))
    found = box.sample(IMAGE, 8)
    expected = torch.stack([IMAGE[0].flip(-1), IMAGE[1]])
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-4)


@pytest.mark.parametrize("share", [0.3, 0.875, 1.0])
def test_random_boxes_have_one_size_and_lie_within_the_image(share):
    draw = torch.Generator().manual_seed(0)
    matrix = random_boxes(500, share=share, mirror=0.5, generator=draw).matrix
    assert torch.allclose(matrix[:, 0, 0].abs(), torch.tensor(share))
    assert torch.allclose(matrix[:, 1, 1], torch.tensor(share))
    assert not matrix[:, 0, 1].any()
    assert not matrix[:, 1, 0].any()
    reach = matrix[:, :, 2].abs().max()
    assert reach <= 1 - share + 1e-6
    assert share == 1 or reach > 0.95 * (1 - share)


@pytest.mark.parametrize("mirror", [0.0, 0.5, 1.0])
def test_boxes_are_mirrored_as_often_as_asked(mirror):
    draw = torch.Generator().manual_seed(0)
    matrix = random_boxes(1000, share=0.5, mirror=mirror, generator=draw).matrix
    assert float((matrix[:, 0, 0] < 0).float().mean()) == pytest.approx(mirror, abs=0.05)
