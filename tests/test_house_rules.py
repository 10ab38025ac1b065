"""The rules of the house that a machine can check: who imports whom, how long a file is, what may not be used."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src" / "retinoscope"
FILES = sorted(SOURCE.rglob("*.py"))
EVERY_FILE = [*FILES, *sorted((ROOT / "tests").rglob("*.py")), *sorted((ROOT / "benchmarks").rglob("*.py"))]

ONLY = {
    "sample_factory": ("training/",),
    "zarr": ("rollouts/store",),
    "distributed": (),  # asked for by name, when a cluster is
    "dask_jobqueue": (),
    "vizdoom": ("worlds/doom/", "stimuli/"),
}
"""Who alone may import these libraries."""

READ_AND_RUN = ("retinoscope.page", "retinoscope.workflows", "retinoscope.command_line", "retinoscope.testing")
ABOVE_ROOMS = ("retinoscope.analyses", "retinoscope.figures", *READ_AND_RUN)

NEVER = {
    "scenarios/": ("retinoscope.rollouts", "retinoscope.training", "retinoscope.agents", "torch", *ABOVE_ROOMS),
    "agents/": ("retinoscope.rollouts", "retinoscope.training", "retinoscope.attribution", *ABOVE_ROOMS),
    "worlds/": ("retinoscope.training", "retinoscope.stimuli", "retinoscope.attribution", *ABOVE_ROOMS),
    "rollouts/": ("retinoscope.training", "retinoscope.stimuli", "retinoscope.attribution", *ABOVE_ROOMS),
    "stimuli/": ("retinoscope.training", "retinoscope.attribution", "retinoscope.agents", *ABOVE_ROOMS),
    "attribution/": ("retinoscope.training", "retinoscope.stimuli", *ABOVE_ROOMS),
    "training/": ("retinoscope.figures", "retinoscope.attribution", *READ_AND_RUN),
    "analyses/": ("retinoscope.training", *READ_AND_RUN),
    "page/": ("retinoscope.training", "retinoscope.workflows", "retinoscope.command_line", "retinoscope.testing"),
    "workflows/": ("retinoscope.training", "retinoscope.command_line", "retinoscope.testing"),
    "sweeps/": ("retinoscope.command_line", "retinoscope.testing"),
    "exports/": ("retinoscope.training", "retinoscope.stimuli", "retinoscope.attribution", *ABOVE_ROOMS),
    "testing/": ("retinoscope.training", "retinoscope.command_line"),
    "": ("pickle.load", "matplotlib.pyplot"),
}
"""Which modules these rooms may never import."""

NEVER_AT_RUN_TIME = {"worlds/": ("retinoscope.agents", "retinoscope.rollouts", "torch")}
"""Modules that these rooms may only name as types: processes that play load them, and are to be light."""

OURS = {
    "statistics/": ("retinoscope.statistics", "retinoscope.errors"),
    "figures/": ("retinoscope.figures", "retinoscope.result", "retinoscope.errors"),
    "scale/": ("retinoscope.scale", "retinoscope.errors", "retinoscope.settings", "retinoscope.versions"),
    "result.py": ("retinoscope.errors", "retinoscope.files", "retinoscope.versions", "retinoscope.worlds.earlier"),
    "settings.py": ("retinoscope.errors",),
    "errors.py": (),
    "files.py": (),
    "progress.py": (),
    "versions.py": (),
}
"""All of our modules that these rooms may import."""

OF_ONE_GAME = re.compile(r"health|pick-?up|\btics?\b|\bheal(s|ed|ing)?\b|\bharm(s|ed|ful)?\b", re.IGNORECASE)
"""Words for what there is in our own arenas. What there is in a world is for the world to say."""

SPEAKS_OF_ARENAS = (
    "worlds/",
    "scenarios/",
    "stimuli/",
    "training/",
    "analyses/images/",
    "agents/sample_factory",
    *(f"figures/{name}" for name in ("scenario_preview", "effect_classes", "action_given_stimulus", "dataset_")),
    *(f"figures/{name}" for name in ("decoding", "recurrent_response", "twin_comparison")),
    *(f"command_line/{name}" for name in ("scenario", "play", "train")),
)
"""Who may use these words: what makes arenas, plays them, trains in them or shows images in them."""

ONE_IDEA = {}
"""Files of more than 500 lines that a cut would part, and why."""


def imports_of(path: Path, types_too: bool = True) -> Iterator[str]:
    """Every imported module and name, dotted; those that only name types left out if so asked."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree) if not types_too else ():
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            node.body = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def is_within(name: str, module: str) -> bool:
    return name == module or name.startswith(module + ".")


def room(path: Path) -> str:
    return path.relative_to(SOURCE).as_posix()


def test_libraries_are_imported_only_where_they_belong() -> None:
    for path in FILES:
        for name in imports_of(path):
            for library, places in ONLY.items():
                assert not is_within(name, library) or room(path).startswith(places), f"{room(path)} imports {name}"


def test_rooms_import_only_what_they_may() -> None:
    for path in FILES:
        for name in imports_of(path):
            for place, modules in NEVER.items():
                if room(path).startswith(place):
                    assert not any(is_within(name, module) for module in modules), f"{room(path)} imports {name}"
            for place, modules in OURS.items():
                if room(path).startswith(place) and name.startswith("retinoscope"):
                    assert any(is_within(name, module) for module in modules), f"{room(path)} imports {name}"


def test_rooms_that_are_to_be_light_only_name_the_types_of_others() -> None:
    for path in FILES:
        for place, modules in NEVER_AT_RUN_TIME.items():
            if room(path).startswith(place):
                for name in imports_of(path, types_too=False):
                    assert not any(is_within(name, module) for module in modules), f"{room(path)} imports {name}"


def test_only_what_belongs_to_our_arenas_speaks_of_what_is_in_them() -> None:
    texts = [path for suffix in ("py", "html", "mplstyle") for path in sorted(SOURCE.rglob(f"*.{suffix}"))]
    found = []
    for path in texts:
        if not room(path).startswith(SPEAKS_OF_ARENAS):
            lines = path.read_text(encoding="utf-8").splitlines()
            found += [f"{room(path)}:{number}" for number, line in enumerate(lines, 1) if OF_ONE_GAME.search(line)]
    assert found == [], f"{len(found)} lines name what there is in one game alone"


def test_the_command_line_imports_rooms_lazily() -> None:
    allowed = ("retinoscope.errors", "retinoscope.command_line")
    for path in [SOURCE / "cli.py", *sorted((SOURCE / "command_line").glob("*.py"))]:
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            names += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            for name in names:
                assert not name.startswith("retinoscope") or name.startswith(allowed), f"{room(path)} imports {name}"


def test_every_room_has_its_rules() -> None:
    rooms = {f"{path.name}/" for path in SOURCE.iterdir() if (path / "__init__.py").is_file()}
    lazily = {"command_line/"}  # see the test of the command line
    assert rooms == {place for place in (*NEVER, *OURS) if place.endswith("/")} | lazily


def test_an_analysis_looks_at_figures_only_when_it_draws() -> None:
    """So that numbers can be had where nothing can be drawn."""
    for path in (path for path in FILES if room(path).startswith("analyses/")):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            for each in ast.walk(node) if not isinstance(node, ast.FunctionDef | ast.ClassDef) else ():
                if isinstance(each, ast.ImportFrom):
                    names = [f"{each.module}.{alias.name}" for alias in each.names]
                    assert not any(is_within(name, "retinoscope.figures") for name in names), room(path)


def test_no_file_is_long() -> None:
    for path in EVERY_FILE:
        most = 600 if path.relative_to(ROOT).as_posix() in ONE_IDEA else 500
        assert len(path.read_text(encoding="utf-8").splitlines()) <= most, path


def test_nothing_a_user_gives_is_executed() -> None:
    for path in FILES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call):
                _check_call(node, f"{room(path)}:{node.lineno}")


def test_every_dependency_is_used_and_every_import_is_declared() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    import_names = {"pillow": "PIL", "python-picard": "picard", "pyyaml": "yaml", "scikit-learn": "sklearn"}
    # Not imported by name: xarray writes netCDF through h5netcdf and h5py; TensorBoard shows the logs of a run.
    indirect = {"h5netcdf", "h5py", "tensorboard"}

    def names(requirements: list[str]) -> set[str]:
        distributions = [re.split(r"[^\w-]", requirement)[0] for requirement in requirements]
        return {import_names.get(name, name.replace("-", "_")) for name in distributions}

    declared = names(project["dependencies"])
    optional = names(
        [
            each
            for extra in ("doom", "train", "wandb", "pynapple", "nwb", "minari")
            for each in project["optional-dependencies"][extra]
        ]
    )
    imported = {name.partition(".")[0] for path in FILES for name in imports_of(path)}
    assert declared | optional <= imported | indirect
    assert imported - set(sys.stdlib_module_names) - {"retinoscope"} <= declared | optional


def _check_call(node: ast.Call, where: str) -> None:
    called = ast.unparse(node.func)
    keywords = {keyword.arg: ast.unparse(keyword.value) for keyword in node.keywords}
    assert called not in ("eval", "exec", "pickle.load", "pickle.loads", "yaml.load", "yaml.unsafe_load"), where
    if called == "torch.load":
        assert keywords.get("weights_only") == "True", where
    if called in ("np.load", "numpy.load"):
        assert keywords.get("allow_pickle", "False") == "False", where
