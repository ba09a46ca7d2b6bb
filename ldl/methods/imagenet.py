"""ImageNet: the ResNet-50 that torchvision publishes, trained on photographs with labels."""

from pathlib import Path
from typing import Any

from torch import nn

from ldl.config import Strict
from ldl.data.colour import NORMALISATION
from ldl.errors import ConfigError, DataError
from ldl.methods.start import RandomInit
from ldl.models.published import cached, for_gray, read
from ldl.runs.pretrain import ComparisonConfig

# The only network of the project of which ImageNet weights are published.
BACKBONE, BASE = "resnet50", 64


class ImageNetKnobs(Strict):
    """``file``: weights to read; without it, torch's own cache is looked into."""

    file: str = ""


class ImageNet(RandomInit):
    """Supervised pretraining on natural images; nothing is trained here.

    The weights are torchvision's first release (76.1 % top-1). One channel gets the kernels summed
    over the colours.
    """

    title = "ImageNet"
    paper = "Russakovsky et al., IJCV 2015; weights of torchvision"
    level = "image"
    idea = "A network that others trained to name what a photograph shows."
    Knobs = ImageNetKnobs

    def network(self, config: ComparisonConfig, images: int) -> nn.Module:
        """The published network.

        Raises:
            ConfigError: another backbone or width.
            DataError: the file is missing, damaged or of another network.
        """
        if (config.backbone, config.base) != (BACKBONE, BASE):
            raise ConfigError(
                f"imagenet: weights are published for {BACKBONE} of base {BASE}, not for "
                f"{config.backbone} of base {config.base}; method 'supervised', trained here on "
                "the grades, stands in for it"
            )
        knobs: Any = self.knobs(config)
        path = Path(knobs.file).expanduser() if knobs.file else cached()
        state = read(path)
        net = super().network(config, images)
        encoder: Any = net.encoder
        try:
            if config.channels == 1:
                state = for_gray(state, NORMALISATION[3], NORMALISATION[1])
            encoder.load_state_dict(state)
        except (RuntimeError, KeyError) as error:
            reason = str(error).split("\n")[-1].strip()
            raise DataError(f"{path}: weights of another network ({reason:.100})") from None
        return net
