"""``ldl data``: what is at hand, is it whole, where does it come from, make it ready."""

from collections.abc import Iterable, Sequence
from typing import Annotated, Any

import typer

from ldl import paths
from ldl.cli.options import LeaveOut
from ldl.data.folder import DatasetFolder
from ldl.data.manifest import Manifest, collection_named, manifest_named, manifests
from ldl.errors import DataError, LdlError

app = typer.Typer(no_args_is_help=True, help="Data sets: list, verify, fetch, prepare.")

NAME = typer.Argument(help="A data set, as `ldl data list` names it.")
PREPARED = typer.Argument(help="A data set, or one of its tasks, such as stare_vessel.")
PREPARABLE = ("pretraining", "segmentation")
SIDE = 512
SIZE = typer.Option(
    min=16,
    help=f"Side of the square images in pixels, {SIDE} by default; of CT slices the region's field "
    "at 1 mm: 384, or 320 for head and neck.",
)


@app.command("list")
def list_() -> None:
    """All data sets the papers use and their stand-ins, and which of them are at hand."""
    typer.echo(f"data folder: {paths.data_dir()}")
    wide = max(map(len, manifests()))
    for name, manifest in manifests().items():
        there = layout_of(manifest) or "-"
        typer.echo(f"{name:<{wide}}  {manifest.modality:<6}  {there:<10}  {manifest.title}; "
                   f"{manifest.licence.name}")  # fmt: skip


def layout_of(manifest: Manifest) -> str | None:
    """The layout in which a set is at hand, if it is."""
    try:
        return DatasetFolder(manifest).layout.name
    except DataError:
        return None


@app.command()
def verify(
    name: Annotated[str, NAME],
    record: Annotated[
        bool, typer.Option(help="If nothing is wrong, keep the hashes to compare with later.")
    ] = False,
) -> None:
    """Name every missing, extra, truncated, renamed or changed file; exit 1 if there is any.

    CT volumes are also read as their banks would read them.
    """
    from ldl.data.verify import record_hashes
    from ldl.data.verify import verify as check

    source = DatasetFolder(manifest_named(name))
    report = check(source, progress=True)
    faults = [str(one) for one in report.faults]
    if _holds_volumes(name):
        from tqdm import tqdm

        from ldl.data.ct.source import set_files

        known, volumes = [one.path for one in report.faults], set_files(name)
        for id in tqdm(volumes.ids, desc=f"{name}, volumes", unit="volume"):
            try:
                volumes.read(id)
            except DataError as error:
                if not any(one in str(error) for one in known):
                    faults.append(f"unusable: {error}")
    for fault in faults:
        typer.echo(fault)
    typer.echo(
        f"{name}: layout {report.layout} in {source.root}, {report.hashed} files compared with a "
        f"known hash, {report.decoded} decoded, {len(faults)} faults; {source.index.line()}"
    )
    if faults:
        raise typer.Exit(1)
    if record:
        typer.echo(f"recorded in {record_hashes(source)}")


@app.command()
def fetch(name: Annotated[str, NAME]) -> None:
    """Fetch what needs no account, resuming where a cut download stopped; else say the steps."""
    from ldl.data.fetch import fetch as get

    manifest = manifest_named(name)
    typer.echo(f"{manifest.title}\n{manifest.homepage}\nlicence: {manifest.licence.name}")
    if manifest.obtain.downloads:
        folder = get(manifest, progress=True, say=typer.echo)
        typer.echo(f"unpacked into {folder}; `ldl data verify {name}` checks it")
    for number, step in enumerate(manifest.obtain.steps, start=1):
        typer.echo(f"{number}. {step}")
    if not manifest.obtain.downloads:
        raise typer.Exit(1)


@app.command()
def prepare(
    name: Annotated[str, PREPARED],
    size: Annotated[int | None, SIZE] = None,
    leave_out: LeaveOut = False,
    superpixels: Annotated[
        bool, typer.Option("--superpixels", help="CT: make every slice's superpixels too.")
    ] = False,
    workers: Annotated[
        int | None, typer.Option(min=1, help="Processes for superpixels; one a core by default.")
    ] = None,
) -> None:
    """Build the image banks of a data set (or of one of its tasks), with a progress bar.

    CT volumes become one bank of axial slices, 2.5 mm apart, split by volume.
    """
    from ldl.data.prepare import prepare_pretraining, prepare_task

    if _holds_volumes(name):
        prepare_volumes(name, size, leave_out, superpixels, workers)
        return
    size = size or SIDE
    for key in _collections(name):
        manifest, collection = collection_named(key)
        if collection.purpose == "pretraining" and manifest.modality in ("fundus", "xray"):
            bank = prepare_pretraining(manifest.modality, size, leave_out=leave_out, progress=True)
            parts = f"{len(bank.ids)} images"
        else:
            bank = prepare_task(key, size, leave_out=leave_out, progress=True)
            parts = _counted(bank.splits, dict.fromkeys(bank.splits))
        _say(bank, f"{key}: {parts}, content {bank.fingerprint[:12]}")


def _counted(each: Sequence[str], names: Iterable[str]) -> str:
    return ", ".join(f"{each.count(one)} {one}" for one in names if one in each)


def _say(bank: Any, *lines: str) -> None:
    left_out = [f"left out: {id}, {why}" for id, why in bank.left_out.items()]
    typer.echo("\n".join([*lines, *left_out]))


def _holds_volumes(name: str) -> bool:
    known = manifests()
    return name in known and any(one.purpose == "volumes" for one in known[name].collections)


def _collections(name: str) -> list[str]:
    """Keys of what can be prepared under a data set's or a collection's name."""
    if name not in manifests():
        return [collection_named(name)[1].key]
    found = [one.key for one in manifest_named(name).collections if one.purpose in PREPARABLE]
    if not found:
        raise LdlError(f"{name}: nothing to prepare here; its files are read where they are used")
    return found


def prepare_volumes(
    name: str, size: int | None, leave_out: bool, superpixels: bool, workers: int | None
) -> None:
    """Build a CT set's slice bank (and its superpixels), and say what is in it."""
    from ldl.data.bank import SPLITS
    from ldl.data.ct import BUDGETS, ct_bank
    from ldl.data.superpixels import prepare_superpixels
    from ldl.tasks import SETS, facts

    region = SETS[name]
    side = size or facts(region).field  # the paper's 1.0 mm in plane
    if side < 32:
        raise LdlError(f"--size is {side}; CT slices need 32 pixels or more")
    bank = ct_bank(region, name, size=side, leave_out=leave_out, progress=True)
    z, y, x = bank.volumes[0].spacing
    parts = [one.split for one in bank.volumes]
    budgets = BUDGETS if bank.labels is not None and "train" in parts else ()
    _say(
        bank,
        f"{name}: {region}, {len(parts)} volume{'s' * (len(parts) > 1)} "
        f"({_counted(parts, SPLITS)}), {len(bank.images):,} slices of {side}x{side} at {z:g} x "
        f"{y:.3g} x {x:.3g} mm, HU {bank.window[0]}..{bank.window[1]}, "
        f"content {bank.fingerprint[:12]}",
        *(f"budget {one}: {bank.budget_line(one)}" for one in budgets),
    )
    if superpixels:
        maps = prepare_superpixels(bank, workers=workers, progress=True)
        typer.echo(
            f"superpixels: {maps.seconds_per_slice:.3f} s a slice and core, "
            f"content {maps.fingerprint[:12]}"
        )
