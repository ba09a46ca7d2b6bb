"""Equal sources have equal hashes, whatever the Python; records of 3.11 stay fresh."""

import ast
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from ldl.experiments import syntax
from ldl.paths import repo_root

# What Pythons say differently: f-strings, type parameters, empty lists, optional fields.
SAMPLE = '''
"""Doc."""
from . import a

@wraps(a)
class B(a.C, metaclass=M):
    x: int = 1

    def f(self, n: int, /, *rest: str, key=None, **more) -> str:
        """Doc."""
        return f"{n:>{key}}" f"{n!r:}" "tail" + f"{self.x=} {{}} {f'{rest}'}"

async def g():
    return (yield), lambda *_: [*a, -0.0, 1j, ..., b"\\xff", a[1:2, ::3]]

match a:
    case {"x": 1, **rest} | [2, *_]:
        pass
'''
FROZEN = "ba4b8ee908487a86"
_PRINT = """
import runpy, sys
own = runpy.run_path(sys.argv[1])
for source in sys.stdin.read().split(chr(0)):
    print(own["tree_fingerprint"](source))
"""


def interpreters() -> list[str]:
    """Other Pythons from 3.11 on, as far as they are on this machine."""
    versions = ("3.11", "3.12", "3.13", "3.14")
    named = [found for v in versions if (found := shutil.which(f"python{v}"))]
    pyenv = Path.home() / ".pyenv" / "versions"
    kept = [str(found) for v in versions for found in pyenv.glob(f"{v}.*/bin/python{v}")]
    return sorted({*named, *kept})


def test_the_hash_of_a_sample_is_that_of_the_committed_records() -> None:
    assert syntax.tree_fingerprint(SAMPLE)[:16] == FROZEN


def test_every_python_gives_the_same_hashes() -> None:
    files = sorted((repo_root() / "ldl").rglob("*.py"))
    sources = [SAMPLE, *(file.read_text() for file in files)]
    wanted = [syntax.tree_fingerprint(source) for source in sources]
    found = interpreters()
    if not found:
        pytest.skip("no Python of another version on this machine")
    for python in found:
        command = [python, "-X", "utf8", "-c", _PRINT, syntax.__file__]
        text = "\0".join(sources)
        ran = subprocess.run(command, input=text, capture_output=True, encoding="utf-8")
        if ran.returncode and "command not found" in ran.stderr:
            continue  # a launcher of a version that is not chosen
        assert ran.returncode == 0, ran.stderr
        assert ran.stdout.split() == wanted, python


@pytest.mark.skipif(sys.version_info[:2] != (3, 11), reason="the form is that of Python 3.11")
def test_the_form_is_that_of_python_311() -> None:
    for file in (repo_root() / "ldl").rglob("*.py"):
        tree = ast.parse(file.read_text())
        assert syntax.dump(tree) == ast.dump(tree), file


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("x = 1", "x = 2"),
        ("x = 1", "x = 1.0"),
        ("x = ''", "x = None"),
        ("f'{x}'", "f'{x!r}'"),
        ("f'{x:>3}'", "f'{x:>4}'"),
        ("def f(a): pass", "def f(a=None): pass"),
        ("[]", "[[]]"),
        ("return_ = x", "return_ = y"),
    ],
)
def test_what_runs_otherwise_hashes_otherwise(one: str, other: str) -> None:
    assert syntax.tree_fingerprint(f"a({one!r})\n{one}") != syntax.tree_fingerprint(
        f"a({one!r})\n{other}"
    )
