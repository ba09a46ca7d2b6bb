"""The Vision Transformer: ViT-Base at base 64, narrower ones with smaller patches."""

import pytest
import torch

from ldl.models.backbones import backbone


def test_base_64_is_vit_base():
    """Dosovitskiy et al. 2021, Table 1: 12 layers, D = 768, MLP of 3,072, 12 heads."""
    with torch.device("meta"):
        net = backbone("vit", 64, 3)
    assert (len(net.vit.blocks), net.channels, net.patch) == (12, [768], 16)
    assert {block.mlp.fc1.out_features for block in net.vit.blocks} == {3072}
    assert {block.attn.num_heads for block in net.vit.blocks} == {12}
    layer = 4 * (768 * 768 + 768) + 2 * 768 * 3072 + 3072 + 768 + 4 * 768
    positions, patches, last = 197 * 768 + 768, 768 * (3 * 16 * 16 + 1), 2 * 768
    assert sum(p.numel() for p in net.parameters()) == 12 * layer + positions + patches + last


@pytest.mark.parametrize(("base", "channels", "size"), [(2, 1, 32), (4, 3, 48), (1, 3, 112)])
def test_one_map_at_the_stride_of_the_patches(base, channels, size):
    net = backbone("vit", base, channels)
    (feature,) = net(torch.rand(2, channels, size, size))
    assert feature.shape == (2, 12 * base, size // 8, size // 8)


def test_the_map_lies_as_the_image_does():
    """Without attention between them, a patch's token changes with its own pixels only."""
    net = backbone("vit", 2, 3).eval()
    for block in net.vit.blocks:
        torch.nn.init.zeros_(block.attn.proj.weight)
    image = torch.rand(1, 3, 32, 48)
    changed = image.clone()
    changed[:, :, 9:15, 33:40] = 0
    (before,), (after,) = net(image), net(changed)
    moved = (before - after).abs().sum(dim=1)[0] > 1e-6
    assert moved.nonzero().tolist() == [[1, 4]]


def test_positions_are_learned_and_interpolated():
    """On the grid they were made for they are as they are; coarser ones keep their mean."""
    net = backbone("vit", 2, 3)
    torch.nn.init.constant_(net.vit.pos_embed, 0.25)
    net.vit.patch_embed.proj.weight.data.zero_()
    net.vit.patch_embed.proj.bias.data.zero_()
    for size in (112, 48):
        tokens = net.vit._pos_embed(net.vit.patch_embed(torch.rand(1, 3, size, size)))[:, 1:]
        torch.testing.assert_close(tokens, torch.full_like(tokens, 0.25), rtol=1e-5, atol=1e-5)


def test_patches_that_are_not_kept_are_not_seen():
    net = backbone("vit", 2, 3).eval()
    image = torch.rand(2, 3, 32, 32)
    keep = torch.tensor([[0, 5, 15], [3, 2, 8]])
    tokens = net.tokens(image, keep)
    assert tokens.shape == (2, 4, 24)
    blind = torch.zeros_like(image)
    for number, patch in ((n, p) for n in range(2) for p in keep[n].tolist()):
        row, column = (slice(8 * k, 8 * k + 8) for k in divmod(patch, 4))
        blind[number, :, row, column] = image[number, :, row, column]
    torch.testing.assert_close(net.tokens(blind, keep), tokens)


def test_keeping_all_patches_is_seeing_the_image():
    net = backbone("vit", 2, 3).eval()
    image = torch.rand(2, 3, 32, 48)
    whole = net.tokens(image)
    torch.testing.assert_close(whole, net.vit.forward_features(image))
    order = torch.randperm(24).expand(2, -1)
    kept = net.tokens(image, order)
    torch.testing.assert_close(kept[:, 1:], whole[:, 1:].take_along_dim(order[..., None], dim=1))
