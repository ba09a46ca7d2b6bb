"""Pd+mix+ms+cs: windows of random size with centre-sensitive weights (LDL section 5.2)."""

from torch import Generator, nn

from ldl.data.views import ViewPair
from ldl.losses.window import SIGMA
from ldl.methods.common import Losses, embedding_network
from ldl.methods.windows import window_and_mixup
from ldl.runs.pretrain import PretrainConfig


class CentreSensitivePooling:
    """Pd+mix+ms whose windows stand for their centres."""

    title = "Pd+mix+ms+cs"
    paper = "LDL, Eq. 3-8, 13-18, 24-25"
    level = "patch"

    def network(self, config: PretrainConfig) -> nn.Module:
        """Encoder, decoder and embedding branch."""
        return embedding_network(config)

    def losses(
        self, net: nn.Module, views: ViewPair, config: PretrainConfig, generator: Generator
    ) -> Losses:
        """L_Pd + L_Hm over windows weighted by Eq. 24, sigma 0.5."""
        return window_and_mixup(net, views, config, generator, sigma=SIGMA)
