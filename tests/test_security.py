"""What SECURITY.md promises and no other test holds."""

import ast
import re
from pathlib import Path

import pytest
from papermill.translators import PythonTranslator

from ldl.book.parameters import parse
from ldl.data.manifest import read_manifest
from ldl.errors import DataError, LdlError
from ldl.paths import manifests_dir, notebooks_dir, repo_root

SOURCES = sorted((repo_root() / "ldl").rglob("*.py"))
# Calls that run what they read.
RUNS = {"eval", "exec", "compile", "__import__"}
READS = re.compile(r"^(pickle|marshal|shelve|dill|joblib|cloudpickle)\.(load|loads|open)$")


def calls(path: Path) -> list[tuple[str, ast.Call]]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return [(ast.unparse(one.func), one) for one in ast.walk(tree) if isinstance(one, ast.Call)]


def test_nothing_that_is_read_is_run() -> None:
    for path in SOURCES:
        for name, call in calls(path):
            told = {each.arg: ast.unparse(each.value) for each in call.keywords}
            assert name not in RUNS, (path, name)
            assert not READS.match(name), (path, name)
            assert name != "yaml.load", path
            assert not (name.endswith("torch.load") and told.get("weights_only") != "True"), path
            assert not (name.endswith("np.load") and told.get("allow_pickle") != "False"), path
            assert told.get("shell") != "True", path


NASTY = [
    "smoke'; import os; os.system('touch evil'); '",
    'smoke"\nimport os\n"',
    "{__import__('os').system('touch evil')}",
    "\\'); x = (\\'",
]


@pytest.mark.parametrize("value", NASTY)
def test_a_notebooks_parameter_is_a_value_and_never_code(value: str) -> None:
    path = notebooks_dir() / "pretrain_encoder.py"
    given = parse([("profile", value)], path)
    code = PythonTranslator.codify(given)
    (assigned,) = [one for one in ast.parse(code).body if isinstance(one, ast.Assign)]
    assert ast.literal_eval(assigned.value) == value
    with pytest.raises(LdlError):
        parse([("seed", value)], path)
    with pytest.raises(LdlError):
        parse([(value, "1")], path)


@pytest.mark.parametrize(
    ("field", "old", "new"),
    [
        ("folder", r"^folder: .*$", "folder: ../../elsewhere"),
        ("folder", r"^folder: .*$", "folder: /etc"),
        ("file", r"file: stare-images\.tar", "file: ../evil.tar"),
        ("into", r"into: stare-images", "into: ../.."),
        ("url", r'url: "http[^"]*"', 'url: "file:///etc/passwd"'),
    ],
)
def test_a_manifest_cannot_name_what_lies_outside(
    tmp_path: Path, field: str, old: str, new: str
) -> None:
    text = (manifests_dir() / "stare.yaml").read_text()
    changed = re.sub(old, new, text, count=1, flags=re.MULTILINE)
    assert changed != text
    (tmp_path / "stare.yaml").write_text(changed)
    with pytest.raises(DataError, match=rf"Manifest: .*{field}"):
        read_manifest(tmp_path / "stare.yaml")
