"""The lock: exact versions of everything that pyproject.toml asks for, directly or not.

python scripts/lock.py          fail unless lock, this environment and pyproject.toml agree
python scripts/lock.py --write  write requirements.lock from this environment
"""

import argparse
import sys
import tomllib
from importlib import metadata
from itertools import chain
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).resolve().parent.parent
LOCK = ROOT / "requirements.lock"
# What torch's CUDA builds bring along; torch pins them itself, and CPU builds have none of them.
ACCELERATOR = ("nvidia-", "cuda-", "triton")
HEADER = "# Made by scripts/lock.py from pyproject.toml; install with scripts/install.sh (make).\n"


def wanted() -> list[Requirement]:
    """The direct requirements of the project with all its extras."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    lines = chain(project["dependencies"], *project["optional-dependencies"].values())
    found = map(Requirement, lines)
    return [requirement for requirement in found if requirement.name != project["name"]]


def children(requirement: Requirement) -> list[Requirement]:
    """What an installed requirement asks for on this platform, with the extras asked for."""
    lines = metadata.requires(requirement.name) or []
    extras = {"", *requirement.extras}
    found = map(Requirement, lines)
    return [
        child
        for child in found
        if not child.name.startswith(ACCELERATOR)
        and (child.marker is None or any(child.marker.evaluate({"extra": e}) for e in extras))
    ]


def closure() -> tuple[dict[str, str], list[str]]:
    """Versions of the transitive closure by canonical name, and what is missing or disagrees."""
    versions: dict[str, str] = {}
    faults: list[str] = []
    todo, seen = wanted(), set()
    while todo:
        requirement = todo.pop()
        name = canonicalize_name(requirement.name)
        try:
            version = Version(metadata.version(requirement.name)).public
        except metadata.PackageNotFoundError:
            faults.append(f"{requirement} is not installed")
            continue
        if not requirement.specifier.contains(version, prereleases=True):
            faults.append(f"{requirement} is asked for, but {version} is installed")
        versions[name] = version
        key = (name, frozenset(requirement.extras))
        if key not in seen:
            seen.add(key)
            todo.extend(children(requirement))
    return dict(sorted(versions.items())), faults


def locked() -> dict[str, str]:
    """Versions that requirements.lock names."""
    lines = [line for line in LOCK.read_text().splitlines() if line and not line.startswith("#")]
    return dict(line.split("==") for line in lines)


def disagreements(lock: dict[str, str], found: dict[str, str]) -> list[str]:
    """One line for each package that differs between lock and environment."""
    return [
        f"{name}: locked {lock.get(name, 'nothing')}, in use {found.get(name, 'nothing')}"
        for name in sorted(lock.keys() | found.keys())
        if lock.get(name) != found.get(name)
    ]


def main() -> int:
    """Write or check the lock; the exit status is 1 when something disagrees."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    found, faults = closure()
    if options.write:
        LOCK.write_text(HEADER + "".join(f"{name}=={v}\n" for name, v in found.items()))
    faults += disagreements(locked(), found)
    print("\n".join(f"lock: {fault}" for fault in faults) or f"lock: {len(found)} packages agree")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
