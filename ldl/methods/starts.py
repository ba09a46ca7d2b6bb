"""Starts that are not trained here: chance, and what others trained."""

from pathlib import Path
from typing import Any

from torch import nn

from ldl.config import Strict
from ldl.data.colour import NORMALISATION
from ldl.errors import ConfigError, DataError, TrainingError
from ldl.methods.base import Comparison, Outcome, ProjectionNet, Step
from ldl.models.published import cached, for_gray, read
from ldl.runs.pretrain import ComparisonConfig

# The only network of the project of which ImageNet weights are published.
BACKBONE, BASE = "resnet50", 64


class RandomInit(Comparison):
    """The encoder's own initialisation. What a method learns is what it has beyond this."""

    title = "Random init"
    paper = "He et al., ICCV 2015 (initialisation)"
    level = "none"
    idea = "A network that has seen no image yet."
    trains = False

    def around(self, encoder: Any, knobs: Any, config: ComparisonConfig, images: int) -> nn.Module:
        return ProjectionNet(encoder, nn.Identity())

    def step(self, model: Any, given: Step) -> Outcome:
        """There are none."""
        raise TrainingError(
            f"{given.config.method} is a start that is not trained; give it no steps"
        )


class ImageNet(RandomInit):
    """Supervised pretraining on natural images; nothing is trained here.

    The weights are torchvision's first release (76.1 % top-1). One channel gets the kernels summed
    over the colours.
    """

    title = "ImageNet"
    paper = "Russakovsky et al., IJCV 2015; weights of torchvision"
    level = "image"
    idea = "A network that others trained to name what a photograph shows."

    class Knobs(Strict):
        """``file``: weights to read; without it, torch's own cache is looked into."""

        file: str = ""

    def network(self, config: ComparisonConfig, images: int) -> nn.Module:
        """The published network."""
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
