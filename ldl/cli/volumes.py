"""``ldl data`` for CT: slice banks of whole sets, and every unusable volume by name."""

import typer

from ldl.errors import LdlError


def prepare_volumes(
    name: str, size: int | None, leave_out: bool, superpixels: bool, workers: int | None
) -> None:
    """Build a CT set's slice bank (and its superpixels), and say what is in it."""
    from ldl.data.bank import SPLITS
    from ldl.data.ct import BUDGETS, ct_bank
    from ldl.data.superpixel_bank import prepare_superpixels
    from ldl.tasks import SETS, facts

    region = SETS[name]
    side = size or facts(region).field  # the paper's 1.0 mm in plane
    if side < 32:
        raise LdlError(f"--size is {side}; CT slices need 32 pixels or more")
    bank = ct_bank(region, name, size=side, leave_out=leave_out, progress=True)
    z, y, x = bank.volumes[0].spacing
    parts = [one.split for one in bank.volumes]
    shown = ", ".join(f"{parts.count(one)} {one}" for one in SPLITS if one in parts)
    many = "volume" if len(parts) == 1 else "volumes"
    typer.echo(
        f"{name}: {region}, {len(parts)} {many} ({shown}), {len(bank.images):,} slices of "
        f"{side}x{side} at {z:g} x {y:.3g} x {x:.3g} mm, HU {bank.window[0]}..{bank.window[1]}, "
        f"content {bank.fingerprint[:12]}"
    )
    if bank.labels is not None and "train" in parts:
        for budget in BUDGETS:
            typer.echo(f"budget {budget}: {bank.budget_line(budget)}")
    for id, why in bank.left_out.items():
        typer.echo(f"left out: {id}, {why}")
    if superpixels:
        maps = prepare_superpixels(bank, workers=workers, progress=True)
        typer.echo(
            f"superpixels: {maps.seconds_per_slice:.3f} s a slice and core, "
            f"content {maps.fingerprint[:12]}"
        )


def unusable(name: str, known: list[str]) -> list[str]:
    """Lines about volumes that no bank would take, without those about files in ``known``."""
    from ldl.data.ct.survey import volume_faults

    lines = volume_faults(name, progress=True).values()
    return [f"unusable: {line}" for line in lines if not any(one in line for one in known)]
