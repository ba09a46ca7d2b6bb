"""Notebooks are py:percent files; what parameters they declare, and the refusal of others.

papermill lets an unknown parameter through with a warning and checks no types. Here a run is
refused before it starts (``ldl book run``), and a notebook refuses by itself when papermill is
called directly: its first cell after the parameters calls `check`.
"""

import ast
import difflib
import json
import os
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jupytext
import nbformat

from ldl import paths
from ldl.errors import ConfigError, LdlError
from ldl.paths import in_checkout, notebooks_dir

KERNEL = {"display_name": "Python 3", "language": "python", "name": "python3"}


def notebook_path(notebook: str | Path) -> Path:
    """The source of ``notebook``: a path to a .py file, or a name in ``notebooks/``."""
    given = Path(notebook)
    for path in (given, notebooks_dir() / f"{given.stem}.py"):
        if path.suffix == ".py" and path.is_file():
            return path.resolve()
    if not in_checkout():
        raise LdlError(f"no notebook {notebook!s}; the notebooks come with a checkout alone")
    known = ", ".join(sorted(p.stem for p in notebooks_dir().glob("*.py")))
    raise LdlError(f"no notebook {notebook!s}; there are: {known}")


def read_notebook(path: Path) -> nbformat.NotebookNode:
    """The py:percent file ``path`` as a notebook without outputs, for the Python kernel."""
    notebook = jupytext.read(path)
    notebook.metadata.setdefault("kernelspec", dict(KERNEL))
    notebook.metadata.setdefault("language_info", {"name": "python"})
    return notebook


THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
# What would run before a notebook, choose another backend or change how things are shown.
FOREIGN = ("PYTHONSTARTUP", "PYTHONINSPECT", "PYTHONWARNINGS", "MPLBACKEND", "MATPLOTLIBRC",
           "IPYTHON_DIR", "JUPYTER_CONFIG_PATH", "JUPYTER_PREFER_ENV_PATH")  # fmt: skip
PRIVATE = {
    "IPYTHONDIR": "ipython",
    "JUPYTER_CONFIG_DIR": "jupyter/config",
    "JUPYTER_DATA_DIR": "jupyter",
    "JUPYTER_PATH": "jupyter",
    "MPLCONFIGDIR": "matplotlib",
}


def set_environment(threads: int | None = None) -> None:
    """Give kernels absolute folders, settings of their own and a number of threads.

    The folders are absolute because kernels start in ``notebooks/``; the kernel is this
    interpreter, whatever the user calls "python3"; IPython, Jupyter and matplotlib find settings in
    a private folder, which are their defaults.
    """
    folders = {
        "LDL_DATA": paths.data_dir(),
        "LDL_CACHE": paths.cache_dir(),
        "LDL_RESULTS": paths.results_dir(),
        "LDL_EXECUTED": paths.executed_dir(),
    }
    private = paths.cache_dir() / "book"
    _write_kernel(private / "jupyter" / "kernels" / KERNEL["name"])
    folders |= {name: private / place for name, place in PRIVATE.items()}
    for name in FOREIGN:
        os.environ.pop(name, None)
    os.environ.update({name: str(folder) for name, folder in folders.items()})
    if threads is not None:
        os.environ.update(dict.fromkeys(THREADS, str(threads)))


def _write_kernel(folder: Path) -> None:
    command = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    told = {"argv": command, "display_name": KERNEL["display_name"], "language": "python"}
    with paths.told(folder):
        folder.mkdir(parents=True, exist_ok=True)
        work = folder / f".kernel-{os.getpid()}"
        work.write_text(json.dumps(told))
        work.replace(folder / "kernel.json")


INJECTED = "# Parameters"  # first line of the cell that papermill inserts
KINDS: dict[str, type] = {k.__name__: k for k in (bool, int, float, str, list, dict)}


@dataclass(frozen=True)
class Parameter:
    """One declared parameter: its default, and the kinds of value it takes (none: any)."""

    name: str
    default: Any
    kinds: tuple[str, ...]

    def accepts(self, value: object) -> bool:
        """Whether ``value`` is of a declared kind; an int is a float too, a bool is no int."""
        if not self.kinds:
            return True
        kind = "None" if value is None else type(value).__name__
        kind = "list" if kind == "tuple" else kind
        return kind in self.kinds or (kind == "int" and "float" in self.kinds)

    def parse(self, text: str) -> Any:
        """The value that ``text`` of a command line means for this parameter."""
        for read in (ast.literal_eval, _boolean, str):
            try:
                value = read(text)
            except (ValueError, SyntaxError):
                continue
            if self.accepts(value):
                return value
        raise ConfigError(self.refusal(text))

    def refusal(self, value: object) -> str:
        """The line that says why ``value`` is not taken."""
        wanted = " or ".join(self.kinds)
        return f"parameter {self.name!r} wants {wanted} (default {self.default!r}), not {value!r}"


def _boolean(text: str) -> bool:
    """``true`` and ``false`` as YAML and shells write them."""
    if text.lower() not in ("true", "false"):
        raise ValueError(text)
    return text.lower() == "true"


def _kinds(annotation: ast.expr | None, default: object) -> tuple[str, ...]:
    """Kinds from an annotation such as ``int | None`` or ``list[str]``, else from the default."""
    if annotation is None:
        return () if default is None else (type(default).__name__,)
    parts = [part.split("[")[0].strip() for part in ast.unparse(annotation).split("|")]
    return tuple(parts) if all(p in KINDS or p == "None" for p in parts) else ()


def _assignments(source: str) -> Iterable[tuple[str, ast.expr | None, ast.expr]]:
    """(name, annotation, value) of each plain assignment in ``source``."""
    for node in ast.parse(source).body:
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.value:
            yield node.target.id, node.annotation, node.value
        elif isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            yield node.targets[0].id, None, node.value


def declared_in(notebook: nbformat.NotebookNode) -> dict[str, Parameter]:
    """The parameters of the cell tagged ``parameters``, in order; empty where there is none."""
    cells = [c for c in notebook.cells if "parameters" in c.metadata.get("tags", [])]
    found = {}
    for name, annotation, value in _assignments(cells[0].source) if cells else ():
        default = ast.literal_eval(value)
        found[name] = Parameter(name, default, _kinds(annotation, default))
    return found


def declared(notebook: str | Path) -> dict[str, Parameter]:
    """The parameters that a notebook (a name in ``notebooks/`` or a path) declares."""
    return declared_in(read_notebook(notebook_path(notebook)))


def _known(name: str, parameters: Mapping[str, Parameter], notebook: str) -> Parameter:
    if name in parameters:
        return parameters[name]
    near = difflib.get_close_matches(name, parameters, n=1, cutoff=0.5)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    known = ", ".join(parameters) or "no parameters"
    raise ConfigError(f"notebook {notebook} has no parameter {name!r}{hint} (it has: {known})")


def require(values: Mapping[str, Any], parameters: Mapping[str, Parameter], notebook: str) -> None:
    """Refuse values that ``parameters`` do not declare, or not of that kind."""
    for name, value in values.items():
        parameter = _known(name, parameters, notebook)
        if not parameter.accepts(value):
            raise ConfigError(f"notebook {notebook}: {parameter.refusal(value)}")


def parse(pairs: Iterable[tuple[str, str]], notebook: str | Path) -> dict[str, Any]:
    """Values from the ``NAME VALUE`` pairs of a command line, each as its declared kind."""
    parameters, stem = declared(notebook), Path(notebook).stem
    return {name: _known(name, parameters, stem).parse(text) for name, text in pairs}


def check(notebook: str, namespace: Mapping[str, Any]) -> None:
    """Refuse what papermill injected into a running notebook if the notebook does not declare it.

    A notebook calls ``check("its_name", globals())`` in its first cell after the parameters.
    """
    parameters = declared(notebook)
    cells = [c for c in namespace.get("In", ()) if c.lstrip().startswith(INJECTED)]
    injected = [name for cell in cells for name, _, _ in _assignments(cell)]
    values = {name: namespace[name] for name in [*injected, *parameters] if name in namespace}
    require(values, parameters, notebook)
