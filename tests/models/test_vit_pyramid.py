"""Finer maps out of a Vision Transformer's earlier layers."""

import pytest
import torch

from ldl.models.backbones import DEPTHS, ViTPyramid, backbone


def encoder(seed=1):
    torch.manual_seed(seed)
    return backbone("vit", 2, 1)


@pytest.mark.parametrize("size", [(32, 32), (48, 32)])
def test_maps_at_an_eighth_a_quarter_a_half_and_the_patchs_stride(size):
    vit = encoder()
    pyramid = ViTPyramid(24, 3)
    assert pyramid.channels == [3, 6, 12, 24]
    found = pyramid(vit, torch.randn(2, 1, *size))
    expected = [(2, c, size[0] // s, size[1] // s) for c, s in zip((3, 6, 12, 24), (1, 2, 4, 8))]  # noqa: B905
    assert [tuple(one.shape) for one in found] == expected


def test_the_coarsest_is_the_encoders_own_answer():
    vit, image = encoder().eval(), torch.randn(2, 1, 32, 32)
    torch.testing.assert_close(ViTPyramid(24, 3).eval()(vit, image)[-1], vit(image)[-1])


def test_the_layers_are_a_quarter_half_three_quarters_and_all_of_twelve():
    assert DEPTHS == (3, 6, 9, 12)
    vit, image = encoder().eval(), torch.randn(1, 1, 32, 32)
    pyramid = ViTPyramid(24, 3).eval()
    before = pyramid(vit, image)
    # A change in the eighth layer shows in the maps made after it alone.
    vit.vit.blocks[7].mlp.fc2.weight.data.mul_(3)
    after = pyramid(vit, image)
    same = [torch.equal(one, other) for one, other in zip(before, after, strict=True)]
    assert same == [True, True, False, False]


def test_every_token_draws_its_own_square():
    """Without attention a changed patch changes its own square of the finest map only."""
    vit, pyramid = encoder().eval(), ViTPyramid(24, 3).eval()
    for block in vit.vit.blocks:
        torch.nn.init.zeros_(block.attn.proj.weight)
    image = torch.randn(1, 1, 32, 32)
    changed = image.clone()
    changed[..., 8:16, 24:32] += 1
    moved = (pyramid(vit, image)[0] - pyramid(vit, changed)[0]).abs().sum(dim=1)[0] > 1e-6
    assert moved[8:16, 24:32].any()
    moved[8:16, 24:32] = False
    assert not moved.any()
