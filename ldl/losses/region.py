"""Region discrimination, LDL section 4.3 (Eq. 10-12)."""

import torch
from torch import Tensor

from ldl.errors import ConfigError
from ldl.losses.joint import check_formulation, check_temperature, joint_negative_log
from ldl.sphere import full_precision, unit


def prototypes(regions: Tensor) -> Tensor:
    """Eq. 10: t_nc (B, C, K) -> T_c (C, K), the normalised mean over the batch, with gradient."""
    return unit(full_precision(regions).mean(dim=0))


def region_discrimination(
    regions: Tensor, *, temperature: float = 0.2, formulation: str = "released"
) -> Tensor:
    """Recognise each region's vector t_nc as its prototype T_c among the C prototypes (Eq. 11-12).

    ``paper``: the joint probability with the product over (1 - P) of the wrong prototypes.
    ``released``: -log P(c | t_nc) alone. Both average over n and c where Eq. 12 sums.
    Unit vectors (B, C, K) -> scalar, float32 (float64 for float64 input), at least 0.
    """
    check_formulation(formulation)
    check_temperature(temperature)
    if regions.ndim != 3 or regions.shape[0] == 0 or regions.shape[1] == 0:
        raise ConfigError(f"regions {tuple(regions.shape)} must be (B, C, K) with B, C > 0")
    regions = full_precision(regions)
    batch, clusters, _ = regions.shape
    logits = (regions @ prototypes(regions).T / temperature).flatten(0, 1)
    match = torch.arange(clusters, device=regions.device).repeat(batch)
    if formulation == "paper":
        return joint_negative_log(logits, match).mean()
    return torch.nn.functional.cross_entropy(logits, match)
