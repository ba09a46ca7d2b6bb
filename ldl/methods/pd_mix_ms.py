"""Pd+mix+ms: windows of random size in place of the grid (LDL section 6.3.1)."""

from torch import Generator, nn

from ldl.data.views import ViewPair
from ldl.methods.common import Losses, embedding_network
from ldl.methods.windows import window_and_mixup
from ldl.runs.pretrain import PretrainConfig


class MultiSizePooling:
    """Pd+mix over windows of 28 to 112 of 448 pixels: structures differ in size."""

    title = "Pd+mix+ms"
    paper = "LDL, Eq. 3-8, 13-18, section 6.3.1"
    level = "patch"

    def network(self, config: PretrainConfig) -> nn.Module:
        """Encoder, decoder and embedding branch."""
        return embedding_network(config)

    def losses(
        self, net: nn.Module, views: ViewPair, config: PretrainConfig, generator: Generator
    ) -> Losses:
        """L_Pd + L_Hm over windows, every pixel of a window counting the same."""
        return window_and_mixup(net, views, config, generator, sigma=None)
