"""The encoder: VGG16's convolutions in the paper's widths (LDL section 6.1.2)."""

import pytest
import torch
from torch import nn

from ldl.engine.profiles import WIDTHS
from ldl.models import Encoder, initialise

# conv layers (in, out) of VGG16, stage by stage, as Simonyan and Zisserman list them.
FULL = [
    [(3, 64), (64, 64)],
    [(64, 128), (128, 128)],
    [(128, 256), (256, 256), (256, 256)],
    [(256, 512), (512, 512), (512, 512)],
    [(512, 512), (512, 512), (512, 512)],
]


@pytest.mark.parametrize(("name", "divisor"), [("tiny", 4), ("small", 2), ("full", 1)])
def test_stages_are_those_of_vgg16_divided(name, divisor):
    encoder = Encoder(16 * WIDTHS[name], 3)
    for stage, layers in zip(encoder.stages, FULL, strict=True):
        convolutions = [part for part in stage.modules() if isinstance(part, nn.Conv2d)]
        found = [(part.in_channels, part.out_channels) for part in convolutions]
        expected = [(a if a == 3 else a // divisor, b // divisor) for a, b in layers]
        assert found == expected
        assert all(part.kernel_size == (3, 3) for part in convolutions)
    assert encoder.channels == [64 // divisor * f for f in (1, 2, 4, 8, 8)]


@pytest.mark.parametrize(("name", "divisor"), [("tiny", 4), ("small", 2), ("full", 1)])
def test_the_number_of_weights_is_that_of_the_list(name, divisor):
    pairs = [(a if a == 3 else a // divisor, b // divisor) for stage in FULL for a, b in stage]
    # 3x3 kernels without bias, and scale and shift of each normalisation.
    expected = sum(9 * a * b + 2 * b for a, b in pairs)
    assert sum(p.numel() for p in Encoder(16 * WIDTHS[name], 3).parameters()) == expected


@pytest.mark.parametrize("channels", [1, 3])
def test_five_features_at_strides_1_to_16(channels):
    features = Encoder(2, channels)(torch.rand(2, channels, 32, 48))
    assert [tuple(f.shape) for f in features] == [
        (2, 2, 32, 48),
        (2, 4, 16, 24),
        (2, 8, 8, 12),
        (2, 16, 4, 6),
        (2, 16, 2, 3),
    ]


def test_each_stage_sees_the_max_pool_of_the_feature_before_it():
    encoder = Encoder(2, 3).eval()
    features = encoder(torch.rand(1, 3, 32, 32))
    pairs = zip(features, features[1:], encoder.stages[1:], strict=False)
    for finer, coarser, stage in pairs:
        # amax over 2x2 blocks is the pool, written out.
        pooled = finer.unflatten(2, (-1, 2)).unflatten(4, (-1, 2)).amax((3, 5))
        torch.testing.assert_close(stage(pooled), coarser)


def test_features_are_those_after_the_relu_and_are_not_overwritten():
    encoder = Encoder(2, 1)
    kept = []
    for stage in encoder.stages:
        stage.register_forward_hook(lambda _, __, out: kept.append(out.clone()))
    features = encoder(torch.rand(1, 1, 32, 32))
    for feature, copy in zip(features, kept, strict=True):
        assert torch.equal(feature, copy)
        assert feature.min() == 0


def test_weights_start_kaiming_normal_with_fan_out():
    torch.manual_seed(0)
    convolution = nn.Conv2d(40, 10, 3)
    initialise(convolution)
    expected = (2 / (10 * 9)) ** 0.5
    assert convolution.weight.std().item() == pytest.approx(expected, rel=0.05)
    assert convolution.weight.mean().item() == pytest.approx(0, abs=0.01)
    assert not convolution.bias.any()
