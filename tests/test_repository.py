"""What is committed: no outputs, no machine's folders, everything pinned, listed and named."""

import ast
import re
import subprocess
import sys
import tomllib
from importlib import metadata, resources
from pathlib import Path

import pytest
import yaml

import ldl
from ldl.book import build
from ldl.paths import repo_root

ROOT = repo_root()
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
# Folders of somebody's machine and package indexes do not belong into a published project.
MACHINE = re.compile(r"(?<![\w.~:/-])/(?:home|root|Users|work|mnt|media|opt)/\w")
INDEX = re.compile(r"--(?:extra-)?index-url|--find-links|--trusted-host")


def committed() -> list[Path]:
    """Files in git that exist; the checkout without git (an archive) has none."""
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False
    ).stdout
    return [p for p in (ROOT / name for name in listed.split("\0") if name) if p.is_file()]


def text_of(path: Path) -> str:
    """The text of a file, empty for pictures and archives."""
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return ""


def test_no_notebook_outputs_in_git() -> None:
    assert [p for p in committed() if p.suffix == ".ipynb"] == []


def test_no_large_file_in_git() -> None:
    assert [p for p in committed() if p.stat().st_size > 1_000_000] == []


def test_no_folder_of_a_machine_is_named() -> None:
    found = [
        f"{path.relative_to(ROOT)}: {match.group()}"
        for path in committed()
        for match in MACHINE.finditer(text_of(path))
    ]
    assert found == []


def test_yaml_files_parse() -> None:
    for path in committed():
        if path.suffix in (".yaml", ".yml", ".cff"):
            assert yaml.safe_load(text_of(path)), path


def test_lock_is_exact_and_names_no_index() -> None:
    text = (ROOT / "requirements.lock").read_text()
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    assert [line for line in lines if not re.fullmatch(r"[a-z0-9-]+==[\w.!]+", line)] == []
    names = [line.split("==")[0] for line in lines]
    assert names == sorted(set(names))
    assert not INDEX.search(text)


def test_lock_environment_and_project_agree() -> None:
    ran = subprocess.run([sys.executable, ROOT / "scripts/lock.py"], capture_output=True, text=True)
    assert ran.returncode == 0, ran.stdout


def imported(folder: Path) -> set[str]:
    """Top-level modules that the files of ``folder`` import."""
    found = set()
    for path in folder.rglob("*.py"):
        if path.parent.name == "loaders":  # run where the other library is
            continue
        for node in ast.walk(ast.parse(text_of(path))):
            if isinstance(node, ast.Import):
                found |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                found.add(node.module.split(".")[0])
    return found


@pytest.mark.parametrize("folder", ["ldl", "notebooks"])
def test_every_import_is_a_declared_dependency(folder: str) -> None:
    extras = PROJECT["optional-dependencies"]
    lines = [*PROJECT["dependencies"], *extras["book"]]
    names = {re.match(r"[\w-]+", line).group().lower() for line in lines} | {"ldl"}
    owners = metadata.packages_distributions()
    unknown = {
        module
        for module in imported(ROOT / folder) - set(sys.stdlib_module_names)
        if not {name.lower().replace("_", "-") for name in owners.get(module, [module])} & names
    }
    assert unknown == set()


def test_versions_agree() -> None:
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert PROJECT["version"] == ldl.__version__ == str(citation["version"])
    assert f"## [{ldl.__version__}]" in (ROOT / "CHANGELOG.md").read_text()
    assert PROJECT["license"] == citation["license"] == "MIT"


def test_published_numbers_ship_with_the_package() -> None:
    folder = resources.files("ldl.tables") / "csv"
    shipped = {entry.name for entry in folder.iterdir()}
    assert {f"ldl_table{n}.csv" for n in (1, 2, 3, 4)} <= shipped
    assert metadata.entry_points(group="console_scripts")["ldl"].value == "ldl.cli:main"


def test_toc_names_only_what_exists() -> None:
    for page in build.pages():
        name = Path(page).name
        notebook = ROOT / "notebooks" / f"{name}.py"
        assert (ROOT / f"{page}.md").is_file() or notebook.is_file(), page


def test_every_page_is_in_the_toc() -> None:
    named = set(build.pages())
    notebooks = {f"{build.EXECUTED}/{p.stem}" for p in (ROOT / "notebooks").glob("*.py")}
    prose = {f"book/{p.stem}" for p in (ROOT / "book").glob("*.md")}
    assert notebooks | prose <= named


def test_readme_links_lead_somewhere() -> None:
    targets = re.findall(r"\]\(([^)#]+)\)", (ROOT / "README.md").read_text())
    assert targets
    local = [t for t in targets if not t.startswith("http")]
    assert [t for t in local if not (ROOT / t).exists()] == []
