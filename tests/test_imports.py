"""Imports point down only; keras, jax and h5py stay where they belong; TensorFlow is nowhere."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

SRC = Path(__file__).parents[1] / "src"
PACKAGE = SRC / "reinstate"

GROUND = {"errors", "_version", "dtypes", "options", "functions"}
DATA = GROUND | {"wire", "archive"}

# What each part may import besides itself. "" is reinstate/__init__.py, the face.
BELOW: dict[str, set[str]] = {
    "_version": set(),
    "errors": set(),
    "dtypes": {"errors"},
    "options": {"errors"},
    "functions": {"errors"},
    "wire": GROUND,
    "archive": GROUND | {"wire"},
    "config": {"errors", "_version"},
    "graph": GROUND | {"wire"},
    "live": DATA | {"config", "graph"},
    "study": DATA | {"graph", "live"},
    "report": DATA | {"graph", "live", "study"},
    "layers": {"live"},
    "progress": set(),
    "garbage": set(),
    "_api": DATA | {"config", "garbage", "graph", "live", "study", "report", "progress"},
    "_register": GROUND | {"_api", "live"},
    "": GROUND | {"_api", "_register", "study"},
    "cli": DATA | {"", "_api", "study", "report", "progress"},
    "__main__": {"cli"},
}

# Where a library may be imported, other than for its types; all other libraries are free.
HOMES: dict[str, set[str]] = {
    "tensorflow": set(),
    "tf_keras": set(),
    "keras": {"live"},
    "jax": {"graph", "live"},
    "jaxlib": {"graph", "live"},
    "h5py": {"archive", "live"},
    "rich": {"cli", "report", "progress"},
    "click": {"cli"},
}

FILES = sorted(PACKAGE.rglob("*.py"))


def part_of(module: str) -> str:
    """``reinstate.wire.bundle`` is of part ``wire``, ``reinstate`` itself of part ````."""
    return module.split(".")[1] if "." in module else ""


def module_of(file: Path) -> str:
    names = file.relative_to(SRC).with_suffix("").parts
    return ".".join(names[:-1] if names[-1] == "__init__" else names)


def imports(source: str, module: str, is_package: bool) -> Iterator[str]:
    """Every module that ``source`` imports, at its top or inside of functions, as an absolute name.

    What only the type checker imports counts where it is our own.
    """
    tree = ast.parse(source)
    blocks = [node for node in ast.walk(tree) if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"]
    for_types = {node for block in blocks for node in ast.walk(block)}
    for node in ast.walk(tree):
        for name in _imported(node, module, is_package):
            if node not in for_types or name.split(".")[0] == "reinstate":
                yield name


def _imported(node: ast.AST, module: str, is_package: bool) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        base = node.module or ""
        if node.level:
            parts = module.split(".")
            parents = parts[: len(parts) + is_package - node.level]
            base = ".".join([*parents, *filter(None, [node.module])])
        yield from _from(base, [alias.name for alias in node.names])
    elif isinstance(node, ast.Call) and ast.unparse(node.func) in ("importlib.import_module", "__import__"):
        yield from (arg.value for arg in node.args[:1] if isinstance(arg, ast.Constant))


def _from(base: str, names: list[str]) -> Iterator[str]:
    """What ``from base import names`` imports; the names may be modules: ``from reinstate import dtypes``."""
    if base == "reinstate":
        yield from (f"{base}.{name}" if name in BELOW else base for name in names)
    elif base == "keras":
        yield from (f"{base}.{name}" for name in names)
    else:
        yield base


def test_libraries_that_only_the_type_checker_imports_are_free():
    source = "if TYPE_CHECKING:\n    import keras\n    from reinstate import live\nimport jax"
    assert sorted(imports(source, "reinstate.wire.bundle", False)) == ["jax", "reinstate.live"]


def test_relative_imports_are_resolved():
    assert list(imports("from . import x", "reinstate.wire", True)) == ["reinstate.wire"]
    assert list(imports("from . import x", "reinstate.wire.bundle", False)) == ["reinstate.wire"]
    assert list(imports("from ..live import x", "reinstate.wire.bundle", False)) == ["reinstate.live"]
    assert list(imports("from ..live import x", "reinstate.wire", True)) == ["reinstate.live"]
    assert list(imports("def f():\n    from reinstate import dtypes, load_model", "m", False)) == [
        "reinstate.dtypes",
        "reinstate",
    ]


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(PACKAGE)))
def test_imports_point_down(file):
    module = module_of(file)
    part = part_of(module)
    assert part in BELOW, f"{part} has no row in the table of import directions"
    wrong = []
    for name in imports(file.read_text(), module, file.name == "__init__.py"):
        top = name.split(".")[0]
        if top == "reinstate" and part_of(name) not in BELOW[part] | {part}:
            wrong.append(f"{name}: above {part}")
        elif part not in HOMES.get(top, {part}):
            wrong.append(f"{name}: not in {part}")
    assert not wrong


def test_keras_private_names_stand_in_one_place():
    users = {
        str(file.relative_to(PACKAGE))
        for file in FILES
        for name in imports(file.read_text(), module_of(file), file.name == "__init__.py")
        if name.startswith("keras.src") or name.startswith("keras._")
    }
    assert users <= {"live/_keras.py"}


@pytest.mark.oldest
@pytest.mark.parametrize("module", ["reinstate", "reinstate.cli", "reinstate.study"])
def test_importing_it_imports_nothing_heavy(module):
    """In a process of its own, since this one has imported all of it."""
    code = f"import sys, {module}; print(*{{'jax', 'keras', 'tensorflow', 'h5py'}} & set(sys.modules))"
    environment = {**os.environ, "PYTHONPATH": str(SRC)}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.split() == []
