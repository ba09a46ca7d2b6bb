"""Every volume of a CT set read as the banks read it: what is wrong with which."""

from collections.abc import Callable
from pathlib import Path

from tqdm import tqdm

from ldl.data.ct import chest
from ldl.data.ct.files import set_files
from ldl.data.ct.volume import CtVolume
from ldl.errors import DataError


def volume_faults(name: str, *, root: Path | None = None, progress: bool = False) -> dict[str, str]:
    """Volumes that cannot be used, id -> one line; see `ldl.data.ct.checks` for what is looked at.

    Volumes that the set itself leaves out (a structure was not drawn) are no faults.

    Args:
        name: manifest of a CT set.
        root: its folder; None: where it is looked for.
        progress: show a bar.

    Raises:
        DataError: not at hand, or no volume in it.
    """
    if name == chest.NAME:
        return _faults(name, (name,), lambda _: chest.read_chest(), progress)
    found = set_files(name, root)
    return _faults(name, found.ids, found.read, progress)


def _faults(
    name: str, ids: tuple[str, ...], read: Callable[[str], CtVolume], progress: bool
) -> dict[str, str]:
    faults = {}
    for id in tqdm(ids, desc=f"{name}, volumes", unit="volume", disable=not progress):
        try:
            read(id)
        except DataError as error:
            faults[id] = str(error)
    return faults
