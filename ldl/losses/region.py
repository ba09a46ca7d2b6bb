"""Region discrimination, LDL section 4.3 (Eq. 10-12)."""

import torch
from torch import Tensor

from ldl.errors import ConfigError
from ldl.losses.checks import check_formulation, check_temperature
from ldl.losses.joint import joint_negative_log
from ldl.sphere import full_precision, unit


def prototypes(regions: Tensor) -> Tensor:
    """Eq. 10: T_c, the normalised mean of t_nc over the batch, with gradient.

    Args:
        regions: (B, C, K) unit vectors t_nc.

    Returns:
        (C, K) unit vectors.
    """
    return unit(full_precision(regions).mean(dim=0))


def region_discrimination(
    regions: Tensor, *, temperature: float = 0.2, formulation: str = "released"
) -> Tensor:
    """Recognise each region's vector t_nc as its prototype T_c among the C prototypes (Eq. 11-12).

    ``paper``: the joint probability with the product over (1 - P) of the wrong prototypes.
    ``released``: -log P(c | t_nc) alone. Both average over n and c where Eq. 12 sums.

    Args:
        regions: (B, C, K) unit vectors.
        temperature: tau, above 0.
        formulation: ``"released"`` or ``"paper"``.

    Returns:
        Scalar, float32 (float64 for float64 input), at least 0.

    Raises:
        ConfigError: other formulation, temperature or shape.
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
