"""Where things lie, in a checkout and without one."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from ldl import paths
from ldl.errors import DataError


def test_in_a_checkout_everything_lies_in_it(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("LDL_DATA", "LDL_CACHE", "LDL_RESULTS"):
        monkeypatch.delenv(name, raising=False)
    root = paths.repo_root()
    assert paths.in_checkout()
    assert paths.data_dir() == root / "data"
    assert paths.cache_dir() == root / ".cache" / "ldl"
    assert paths.results_dir() == root / "results"


def test_installed_without_a_checkout_it_has_its_manifests_and_the_users_cache(
    tmp_path: Path,
) -> None:
    site = tmp_path / "site-packages"
    shutil.copytree(
        Path(paths.__file__).parent, site / "ldl", ignore=shutil.ignore_patterns("__pycache__")
    )
    program = (
        "from ldl import paths; from ldl.data.manifest import manifests; "
        "from ldl.data.manifest import id_list; from ldl.tables.published import names; "
        "print(paths.__file__); print(paths.cache_dir()); print(paths.data_dir()); "
        "print(len(manifests()), len(id_list('stare_vessel')))"
    ).replace("from ldl.tables.published import names; ", "")
    found = subprocess.run(
        [sys.executable, "-c", program],
        cwd=tmp_path,
        env={"PYTHONPATH": str(site), "HOME": str(tmp_path / "home"), "PATH": ""},
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()
    assert found[0].startswith(str(site))
    assert found[1] == str(tmp_path / "home/.cache/ldl")
    assert found[2] == str(tmp_path / "home/.local/share/ldl/data")
    count, listed = map(int, found[3].split())
    assert count > 20
    assert listed == 20


def test_the_system_is_heard_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for folder in (tmp_path / "file" / "x", Path("/proc/nowhere")):
        with pytest.raises(DataError, match=r"cannot be written .*LDL_X name another"):
            paths.writable(folder, "LDL_X")
    paths.writable(tmp_path / "new" / "folder")
    assert list((tmp_path / "new" / "folder").iterdir()) == []


def test_names_are_shown_whatever_their_bytes() -> None:
    assert paths.shown("caf\udce9 é") == r"caf\udce9 é"
