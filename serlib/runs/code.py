"""A digest of the code that makes a result, so that a run made by other code is never taken for today's."""

import ast
import importlib.util
from functools import cache
from pathlib import Path

from serlib.runs.run import sha256

PACKAGE = "serlib"
DOCUMENTED = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef


def _source(module: str) -> Path | None:
    """Return the file of one of our modules, None for anybody else's."""
    try:
        spec = importlib.util.find_spec(module) if module.split(".")[0] == PACKAGE else None
    except ModuleNotFoundError:  # a class or a function of a module
        return None
    return Path(spec.origin) if spec and spec.origin else None


@cache
def _read(module: str) -> tuple[str, frozenset[str]]:
    """Return a module's code without comments, docstrings and layout, and the modules of ours that it imports by name.

    Package ``__init__`` files only re-export; they are passed through, so that adding a network or a loss to a
    package does not change the digest of methods that use others.
    """
    tree, wanted = ast.parse(_source(module).read_text(encoding="utf-8")), set()
    for node in ast.walk(tree):
        if isinstance(node, DOCUMENTED) and ast.get_docstring(node):
            node.body = node.body[1:] or [ast.Pass()]
        if isinstance(node, ast.ImportFrom) and node.level == 0 and _source(node.module):
            exact = {alias.name: f"{node.module}.{alias.name}" for alias in node.names}
            wanted |= {path if _source(path) else _origin(node.module, name) for name, path in exact.items()}
    return ast.unparse(tree), frozenset(module for module in wanted if _source(module))


def _origin(package: str, name: str) -> str:
    """Return the module in which ``package``'s name was defined."""
    return getattr(getattr(importlib.import_module(package), name, None), "__module__", package)


def sources(modules: list[str]) -> dict[str, str]:
    """Return the stripped code of ``modules`` and of all of ours that they import, corpora apart, by module."""
    todo, seen = list(modules), {}
    while todo:
        module = todo.pop()
        path = _source(module)
        if module in seen or path is None or path.name == "__init__.py" or module.split(".")[1] == "corpora":
            continue
        seen[module], imports = _read(module)
        todo.extend(imports)
    return seen


def digest(modules: list[str]) -> str:
    """Return 64 hex digits over the :func:`sources` of ``modules``."""
    return sha256("\0".join(f"{name}\n{code}" for name, code in sorted(sources(modules).items())).encode())
