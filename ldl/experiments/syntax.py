"""One hash for the syntax of a source, the same under every Python from 3.11 on.

`ast.dump` writes fields that later Pythons added and, from 3.13 on, no empty lists; 3.12 puts
empty texts into the formats of f-strings. The form here is that of 3.11. It needs the standard
library alone.
"""

import ast
import hashlib

# Fields that 3.11 does not have; empty unless a source uses what came with them.
_LATER = ("type_params",)


def tree_fingerprint(source: str) -> str:
    """Hash of ``source`` without comments, docstrings and annotations, 64 hex digits."""
    tree = _Bare().visit(ast.parse(source))
    return hashlib.sha256(dump(tree).encode()).hexdigest()


def part_fingerprint(source: str, names: tuple[str, ...]) -> str:
    """The same of the functions, classes and constants called ``names`` at the top of ``source``.

    Decorators are left out.
    """
    lines = [line for line in ast.parse(source).body if _called(line) & {*names}]
    return tree_fingerprint("\n".join(ast.get_source_segment(source, line) or "" for line in lines))


def _called(line: ast.stmt) -> set[str]:
    """The names that a top-level line gives to something."""
    if isinstance(line, ast.Assign):
        return {target.id for target in line.targets if isinstance(target, ast.Name)}
    return {getattr(line, "name", "")}


def dump(node: object) -> str:
    """What `ast.dump` of Python 3.11 says of a tree: optional fields only where they are set."""
    if isinstance(node, list):
        return f"[{', '.join(dump(one) for one in node)}]"
    if not isinstance(node, ast.AST):
        return repr(node)
    fields = [
        f"{name}={dump(_told(value) if isinstance(node, ast.JoinedStr) else value)}"
        for name, value in ast.iter_fields(node)
        if not (value is None and getattr(type(node), name, ...) is None)
        and not (value == [] and name in _LATER)
    ]
    return f"{type(node).__name__}({', '.join(fields)})"


def _told(parts: list[ast.expr]) -> list[ast.expr]:
    """The parts of an f-string without empty texts."""
    return [part for part in parts if not (isinstance(part, ast.Constant) and part.value == "")]


class _Bare(ast.NodeTransformer):
    """Removes what does not run."""

    def visit_Expr(self, node: ast.Expr) -> ast.AST | None:
        text = isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
        return None if text else self.generic_visit(node)

    def visit_arg(self, node: ast.arg) -> ast.AST:
        node.annotation = None
        return node

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        node.returns = None
        return self.generic_visit(node)
