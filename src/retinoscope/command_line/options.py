"""Options that several commands share, each written once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def whole_number(text: str) -> int:
    """`100000`, `100_000` or `1e5` -> 100000."""
    try:
        number = float(text)
        if number.is_integer():
            return int(number)
    except ValueError:
        pass
    raise typer.BadParameter(f"{text!r} is not a whole number")


AgentName = Annotated[
    str,
    typer.Argument(
        metavar="AGENT", help="A shipped agent, a run directory, a checkpoint, an SB3 model.zip, or file.py:name."
    ),
]
ScenarioName = Annotated[
    str, typer.Argument(metavar="SCENARIO", help="A shipped scenario, a YAML or ViZDoom .cfg file, or vizdoom:NAME.")
]
Images = Annotated[
    str | None,
    typer.Option(
        help="Use other images: digits, apples, gabors, mnist, cifar10, openml:NAME, an .npz file or a folder.",
        show_default="the scenario's",
    ),
]
Split = Annotated[
    str | None,
    typer.Option(help="Part of the images: train, test (held out) or all.", show_default="the scenario's"),
]
Checkpoint = Annotated[
    str,
    typer.Option(
        help="Checkpoint of a shipped agent: untrained, early or final; of a run: first, final or a number of frames."
    ),
]
World = Annotated[
    str | None,
    typer.Option(
        "--world",
        "--arena",
        help="Where to play: a scenario, a YAML or ViZDoom .cfg file, vizdoom:NAME, or file.py:name of your own world.",
        show_default="the one the agent was trained in",
    ),
]
Device = Annotated[str, typer.Option(help="Where to compute: cpu or cuda.")]
Seed = Annotated[int, typer.Option(help="Seed of everything that is drawn at random.")]
Greedy = Annotated[bool, typer.Option("--greedy", help="Take the most probable action instead of drawing one.")]
Workers = Annotated[int | None, typer.Option(help="Number of processes that play.", show_default="one per core")]
Cluster = Annotated[
    str | None,
    typer.Option(help="Use a Dask cluster: tcp://HOST:PORT, or slurm:FILE.yaml.", show_default="this machine"),
]
Settings = Annotated[
    Path | None,
    typer.Option(
        "--settings",
        help="YAML file with parameters of analyses, by analysis; --set overrides it.",
        show_default="none",
    ),
]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace what an earlier run wrote there.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")]
SingleFile = Annotated[
    bool, typer.Option("--single-file", help="Also write single-file.html, a page of at most 20 MB to send to others.")
]
ReportDirectory = Annotated[Path, typer.Argument(metavar="DIR", help="A directory that `retinoscope analyze` wrote.")]
