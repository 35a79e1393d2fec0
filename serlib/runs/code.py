"""A digest of the code that makes a result, so that a run made by other code is never taken for today's."""

import ast
import hashlib
import importlib.util
from functools import cache
from pathlib import Path

PACKAGE = "serlib"


def _source(module: str) -> Path | None:
    """Return the file of one of our modules, None for anybody else's."""
    if module.split(".")[0] != PACKAGE:
        return None
    try:
        spec = importlib.util.find_spec(module)
    except ModuleNotFoundError:
        return None
    return Path(spec.origin) if spec and spec.origin else None


def _stripped(tree: ast.Module) -> str:
    """Return the code without comments, docstrings and layout, which change no result."""
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) and ast.get_docstring(
            node
        ):
            node.body = body[1:] or [ast.Pass()]
    return ast.unparse(tree)


@cache
def _read(module: str) -> tuple[str, frozenset[str]]:
    """Return a module's stripped code and the modules of ours that it imports by name.

    Package ``__init__`` files only re-export; they are passed through, so that adding a network or a loss to a
    package does not change the digest of methods that use others.
    """
    tree = ast.parse(_source(module).read_text(encoding="utf-8"))
    wanted = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            exact = [f"{node.module}.{a.name}" for a in node.names]
            wanted.update(m if _source(m) else _origin(node.module, m.rsplit(".", 1)[1]) for m in exact)
    return _stripped(tree), frozenset(m for m in wanted if m and _source(m))


def _origin(package: str, name: str) -> str | None:
    """Return the module in which ``package``'s name was defined."""
    if _source(package) is None:
        return None
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
    text = "\0".join(f"{name}\n{code}" for name, code in sorted(sources(modules).items()))
    return hashlib.sha256(text.encode()).hexdigest()
