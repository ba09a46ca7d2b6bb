"""One door to all encoders: what each promises to the methods.

The Vision Transformer: ViT-Base at base 64, narrower ones with smaller patches.
Finer maps out of a Vision Transformer's earlier layers.
ResNet-50: torchvision's at base 64, the same shape at any other width.
"""

import pytest
import torch

from ldl.compat import import_torchvision
from ldl.errors import ConfigError
from ldl.models.backbones import DEPTHS, ViTPyramid, backbone, pooled

STRIDES = {"vgg": [1, 2, 4, 8, 16], "resnet50": [2, 4, 8, 16, 32], "vit": [8]}


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("name", STRIDES)
def test_features_have_the_channels_and_strides_that_are_announced(name, channels):
    encoder = backbone(name, 2, channels).eval()
    with torch.no_grad():
        features = encoder(torch.rand(2, channels, 64, 64))
    assert [each.shape[1] for each in features] == encoder.channels
    assert [64 // each.shape[-1] for each in features] == STRIDES[name]
    assert pooled(features).shape == (2, encoder.channels[-1])


@pytest.mark.parametrize("name", STRIDES)
def test_images_do_not_see_each_other_in_eval_mode(name):
    torch.manual_seed(0)
    encoder = backbone(name, 2, 3).eval()
    images = torch.rand(3, 3, 48, 48)
    with torch.no_grad():
        together, alone = pooled(encoder(images)), pooled(encoder(images[1:2]))
    torch.testing.assert_close(together[1:2], alone, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", STRIDES)
def test_the_seed_decides_the_weights(name):
    states = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        states.append(list(backbone(name, 2, 3).parameters()))
    assert all(torch.equal(a, b) for a, b in zip(states[0], states[1], strict=True))
    assert any(not torch.equal(a, b) for a, b in zip(states[0], states[2], strict=True))


@pytest.mark.parametrize("name", STRIDES)
def test_every_weight_has_a_gradient(name):
    net = backbone(name, 2, 3)
    sum(feature.square().sum() for feature in net(torch.rand(2, 3, 64, 64))).backward()
    assert [n for n, p in net.named_parameters() if p.grad is None] == []


def test_an_images_vector_is_the_mean_over_its_deepest_map():
    draw = torch.Generator().manual_seed(0)
    finer, deepest = (torch.randn(2, c, s, s, generator=draw) for c, s in ((3, 6), (5, 3)))
    vector = pooled([finer, deepest])
    for image in range(2):
        for channel in range(5):
            mean = sum(deepest[image, channel].flatten().tolist()) / 9
            assert float(vector[image, channel]) == pytest.approx(mean, rel=1e-5, abs=1e-6)


def test_another_name_is_refused_with_the_known_ones():
    with pytest.raises(ConfigError, match="'swin'; use 'vgg', 'resnet50', 'vit' or 'unet'"):
        backbone("swin", 4, 3)


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


def settled(net):
    """Normalisations with statistics of their own, as a trained network has them."""
    torch.manual_seed(1)
    for name, buffer in net.named_buffers():
        if name.endswith(("running_mean", "running_var")):
            buffer.uniform_(0.1, 0.5)
    return net.eval()


def test_torchvisions_weights_give_torchvisions_features():
    theirs = settled(import_torchvision("models").resnet50(weights=None))
    ours = backbone("resnet50", 64, 3).eval()
    state = {k: v for k, v in theirs.state_dict().items() if not k.startswith("fc.")}
    ours.load_state_dict(state)
    image = torch.randn(2, 3, 64, 96)
    with torch.no_grad():
        x = theirs.relu(theirs.bn1(theirs.conv1(image)))
        expected = [x]
        x = theirs.maxpool(x)
        for layer in (theirs.layer1, theirs.layer2, theirs.layer3, theirs.layer4):
            x = layer(x)
            expected.append(x)
        found = ours(image)
        torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-5)
        torch.testing.assert_close(theirs.fc(pooled(found)), theirs(image), rtol=1e-5, atol=1e-5)


def test_a_resnet_of_base_1_is_refused():
    with pytest.raises(ConfigError, match="base is 1; a 'resnet50' needs at least 2"):
        backbone("resnet50", 1, 3)


@pytest.mark.parametrize(("base", "channels"), [(2, 1), (4, 3)])
def test_five_features_at_strides_2_to_32(base, channels):
    net = backbone("resnet50", base, channels)
    features = net(torch.rand(2, channels, 64, 96))
    assert net.channels == [base * factor for factor in (1, 4, 8, 16, 32)]
    assert [tuple(f.shape) for f in features] == [
        (2, count, 64 // stride, 96 // stride)
        for count, stride in zip(net.channels, (2, 4, 8, 16, 32), strict=True)
    ]


def test_features_are_those_after_the_relu_and_are_not_overwritten():
    net = backbone("resnet50", 2, 3)
    kept = []
    for layer in (net.relu, net.layer1, net.layer2, net.layer3, net.layer4):
        layer.register_forward_hook(lambda _, __, out: kept.append(out.clone()))
    for feature, copy in zip(net(torch.rand(2, 3, 32, 32)), kept, strict=True):
        assert torch.equal(feature, copy)
        assert feature.min() == 0
