"""ResNet-50: torchvision's at base 64, the same shape at any other width."""

import pytest
import torch

from ldl.compat import import_torchvision
from ldl.models.backbones import backbone, pooled


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
