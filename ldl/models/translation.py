"""Networks of CycleGAN (Zhu et al. 2017, appendix 7.2): generator and patch discriminator."""

from torch import Tensor, nn


def _convolution(before: int, after: int, kernel: int, stride: int = 1) -> nn.Sequential:
    """Reflected border, convolution, instance normalisation, ReLU."""
    return nn.Sequential(
        nn.ReflectionPad2d(kernel // 2),
        nn.Conv2d(before, after, kernel, stride),
        nn.InstanceNorm2d(after),
        nn.ReLU(inplace=True),
    )


class _Residual(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        second = _convolution(channels, channels, 3)
        self.body = nn.Sequential(_convolution(channels, channels, 3), *list(second)[:-1])

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = x + self.body(x)
        return out


class Generator(nn.Sequential):
    """c7s1-k, d2k, d4k, residual blocks (6 or 9 in the original, k 64), u2k, uk, c7s1-out; tanh.

    (B, in, H, W) -> (B, out, H, W) in -1..1; H, W are multiples of 4, at least 8.
    """

    def __init__(
        self, channels_in: int, channels_out: int, base: int = 64, blocks: int = 9
    ) -> None:
        super().__init__(
            _convolution(channels_in, base, 7),
            _convolution(base, 2 * base, 3, 2),
            _convolution(2 * base, 4 * base, 3, 2),
            *[_Residual(4 * base) for _ in range(blocks)],
            *_larger(4 * base, 2 * base),
            *_larger(2 * base, base),
            nn.ReflectionPad2d(3),
            nn.Conv2d(base, channels_out, 7),
            nn.Tanh(),
        )
        self.apply(_normal)


def _larger(before: int, after: int) -> list[nn.Module]:
    return [
        nn.ConvTranspose2d(before, after, 3, stride=2, padding=1, output_padding=1),
        nn.InstanceNorm2d(after),
        nn.ReLU(inplace=True),
    ]


def _normal(module: nn.Module) -> None:
    """Gaussian of deviation 0.02, as in the original."""
    if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
        nn.init.normal_(module.weight, 0.0, 0.02)
        if module.bias is not None:
            nn.init.zeros_(module.bias)


class PatchJudge(nn.Module):
    """MONAI's patch discriminator, with the layers of the 70x70 one and instance normalisation.

    3 ``layers`` between the first and the last convolution see 70x70 pixels, 2 see 34x34.
    """

    def __init__(self, channels_in: int, base: int = 64, layers: int = 3) -> None:
        super().__init__()
        # Seconds to import, and only these two baselines need it.
        from monai.networks.nets.patchgan_discriminator import PatchDiscriminator

        self.net = PatchDiscriminator(2, base, channels_in, num_layers_d=layers, norm="INSTANCE")

    def forward(self, image: Tensor) -> Tensor:
        """(B, C, H, W) -> (B, 1, h, w), one score for each patch."""
        scores: Tensor = self.net(image)[-1]
        return scores
