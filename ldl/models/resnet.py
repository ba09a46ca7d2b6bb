"""ResNet-50 of any width (He et al. 2016), the global encoder of LRC section 3.3."""

from torch import Tensor, nn

from ldl.compat import import_torchvision
from ldl.models.blocks import initialise

_BLOCKS = (3, 4, 6, 3)
# A bottleneck's output has this many times the channels of its 3x3 convolution.
_EXPANSION = 4


class ResNet50(nn.Module):
    """torchvision's ResNet-50 without its classifier; base 64 is the published one.

    Modules are named as torchvision names them, so its weights load key by key.

    Args:
        base: channels of the stem; the features have base * (1, 4, 8, 16, 32).
        in_channels: 3 or 1.
    """

    def __init__(self, base: int = 64, in_channels: int = 3) -> None:
        super().__init__()
        widths = [base * 2**number for number in range(4)]
        self.channels = [base, *(_EXPANSION * width for width in widths)]
        self.conv1 = nn.Conv2d(in_channels, base, 7, stride=2, padding=3, bias=False)
        self.bn1 = nn.BatchNorm2d(base)
        self.relu = nn.ReLU(inplace=True)
        self.maxpool = nn.MaxPool2d(3, stride=2, padding=1)
        self.layer1, self.layer2, self.layer3, self.layer4 = (
            _layer(entry, width, count, stride=2 if number else 1)
            for number, (entry, width, count) in enumerate(
                zip(self.channels, widths, _BLOCKS, strict=False)
            )
        )
        initialise(self)

    def forward(self, image: Tensor) -> list[Tensor]:
        """(B, in_channels, H, W) -> features at strides 2, 4, 8, 16, 32, finest first."""
        features = [self.relu(self.bn1(self.conv1(image)))]
        features.append(self.layer1(self.maxpool(features[0])))
        for layer in (self.layer2, self.layer3, self.layer4):
            features.append(layer(features[-1]))
        return features


def _layer(entry: int, width: int, count: int, *, stride: int) -> nn.Sequential:
    block = import_torchvision("models.resnet").Bottleneck
    leave = _EXPANSION * width
    shortcut = nn.Sequential(
        nn.Conv2d(entry, leave, 1, stride=stride, bias=False), nn.BatchNorm2d(leave)
    )
    first = block(entry, width, stride, shortcut)
    return nn.Sequential(first, *(block(leave, width) for _ in range(count - 1)))
