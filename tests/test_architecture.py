"""What the parts of the house really load, and the ways around the rules that `test_house_rules.py` checks by name."""

from __future__ import annotations

import ast
import functools
import os
import subprocess
import sys
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[1] / "src" / "retinoscope"
FILES = sorted(SOURCE.rglob("*.py"))
HEAVY = {"gymnasium", "matplotlib", "sample_factory", "scipy", "sklearn", "torch", "vizdoom", "xarray", "zarr"}
RUN_WHAT_THEY_READ = {"pickle", "cPickle", "dill", "cloudpickle", "joblib", "shelve", "marshal", "jsonpickle"}
BETWEEN_OWN_PROCESSES = {
    "agents/from_module.py",
    "agents/network.py",
    "scale/packing.py",
    "user_code.py",
    "worlds/from_gymnasium.py",
}
"""Where cloudpickle copies an agent of the user's own code, in memory or to processes of ours; it reads no file."""
SAFE_YAML = {"safe_load", "safe_dump", "SafeLoader", "YAMLError", "MappingNode", "constructor"}


@functools.cache
def nodes(path: Path) -> tuple[ast.AST, ...]:
    return tuple(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))


def root(module: str) -> str:
    return module.partition(".")[0]


def place(path: Path, node: ast.AST) -> str:
    return f"{path.relative_to(SOURCE)}:{getattr(node, 'lineno', '?')}"


UNWANTED = {
    "retinoscope": HEAVY | {"numpy"},
    "retinoscope.cli": HEAVY | {"numpy"},
    "retinoscope.worlds": HEAVY | {"numpy"},
    "retinoscope.scenarios": HEAVY,
    "retinoscope.worlds.choosing": {"torch", "vizdoom", "sample_factory", "zarr", "matplotlib"},
    "retinoscope.worlds.from_gymnasium": {"torch", "vizdoom", "sample_factory", "zarr", "matplotlib"},
    "retinoscope.statistics": {"torch", "matplotlib", "vizdoom", "sample_factory", "zarr"},
    "retinoscope.agents": {"vizdoom", "sample_factory", "zarr", "matplotlib"},
    "retinoscope.analyses": {"vizdoom", "sample_factory", "matplotlib"},
    "retinoscope.rollouts": {"vizdoom", "sample_factory", "matplotlib"},
    "retinoscope.page": {"vizdoom", "sample_factory"},
    "retinoscope.workflows": {"vizdoom", "sample_factory"},
    "retinoscope.testing": {"vizdoom", "sample_factory"},
}
"""What a room must not load; each but the last may load less than the one behind it."""
FIGURES = {"retinoscope.figures": {"vizdoom", "sample_factory", "zarr"}}


@pytest.fixture(scope="module")
def loaded():
    """What a process has loaded that has imported a room, and before it those above it."""
    program = (
        "import importlib, sys\nfor name in sys.argv[1:]:\n    importlib.import_module(name)\n"
        "    print(name, *{each.partition('.')[0] for each in sys.modules})"
    )
    found = {}
    for rooms in (UNWANTED, FIGURES):
        done = subprocess.run(
            [sys.executable, "-c", program, *rooms],
            capture_output=True,
            text=True,
            check=True,
            env={**os.environ, "PYTHONPATH": str(SOURCE.parent)},
        )
        found |= {name: set(libraries) for name, *libraries in map(str.split, done.stdout.splitlines())}
    return found


@pytest.mark.parametrize(("module", "unwanted"), (UNWANTED | FIGURES).items())
def test_importing_a_room_loads_no_library_of_another(module, unwanted, loaded):
    assert loaded[module] & unwanted == set()


def test_imports_are_absolute_so_that_the_rules_see_them():
    for path in FILES:
        for node in nodes(path):
            assert not (isinstance(node, ast.ImportFrom) and node.level), place(path, node)


def test_libraries_that_run_what_they_read_are_used_for_their_exceptions_alone():
    for path in FILES:
        allowed = {"pickle"}
        if path.relative_to(SOURCE).as_posix() in BETWEEN_OWN_PROCESSES:
            allowed.add("cloudpickle")
            assert "open(" not in path.read_text(encoding="utf-8"), "what is unpickled was pickled here, not read"
        for node in nodes(path):
            if isinstance(node, ast.Import):
                names = {alias.asname or alias.name for alias in node.names if root(alias.name) in RUN_WHAT_THEY_READ}
                assert names <= allowed, place(path, node)
            if isinstance(node, ast.ImportFrom):
                assert root(node.module or "") not in RUN_WHAT_THEY_READ, place(path, node)
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "pickle":
                assert node.attr == "UnpicklingError", place(path, node)


def test_yaml_is_only_read_safely():
    for path in FILES:
        for node in nodes(path):
            if isinstance(node, ast.ImportFrom):
                assert node.module != "yaml", place(path, node)
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "yaml":
                assert node.attr in SAFE_YAML, place(path, node)


def test_loading_functions_keep_the_names_by_which_they_are_checked():
    """`torch.load` and `numpy.load` are never imported under another name, and nothing is evaluated."""
    for path in FILES:
        for node in nodes(path):
            if isinstance(node, ast.ImportFrom) and root(node.module or "") in ("torch", "numpy"):
                assert "load" not in {alias.name for alias in node.names}, place(path, node)
            if isinstance(node, ast.Import):
                renamed = {alias.name: alias.asname for alias in node.names if alias.asname}
                assert "torch" not in renamed and renamed.get("numpy", "np") == "np", place(path, node)
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                assert node.func.id not in ("eval", "exec", "compile", "__import__"), place(path, node)
