"""Rd: region discrimination on top of Pd+mix (LDL section 4.3, Eq. 28)."""

import math

from torch import Generator, nn

from ldl.data.views import ViewPair
from ldl.losses.region import cluster_entropy, region_discrimination
from ldl.losses.vectors import region_vectors
from ldl.methods.base import Losses, Method
from ldl.methods.pd import patch_and_mixup
from ldl.ranks import gathered
from ldl.runs.pretrain import PretrainConfig

# The release measures bits; Eq. 29 has the natural logarithm.
ENTROPY_BASE = {"released": 2.0, "paper": math.e}


class RegionDiscrimination(Method):
    """Pixels are clustered, and each image's cluster is recognised as its prototype.

    Step 2 of the training: the clustering branch is new, every other weight comes from the Pd+mix
    run ``config.step1``, and Adam starts anew.
    """

    title = "Rd"
    paper = "LDL, Eq. 9-12, 28-29"
    level = "region"

    def losses(
        self, net: nn.Module, views: ViewPair, config: PretrainConfig, generator: Generator
    ) -> Losses:
        """L_Pd + L_Hm + 10 L_Rd + 0.1 L_entropy (Eq. 28), regions from the un-mixed views."""
        losses, embedding, assignment = patch_and_mixup(net, views, config, generator)
        assert assignment is not None, "the network of Rd has a clustering branch"
        region = region_discrimination(
            gathered(region_vectors(embedding, assignment)),
            temperature=config.region_temperature,
            formulation=config.formulation,
        )
        losses["region"] = config.region_weight * region
        losses["entropy"] = config.entropy_weight * cluster_entropy(
            assignment, base=ENTROPY_BASE[config.formulation]
        )
        return losses
