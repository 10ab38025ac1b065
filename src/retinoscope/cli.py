"""The command line: one thin command per stage. Each parses its options, makes one call of the library and prints.

The rooms are imported inside the commands, so that `retinoscope --help` answers at once.
"""

from __future__ import annotations

import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from retinoscope.command_line import options
from retinoscope.command_line.analyze import analyze
from retinoscope.command_line.check import check
from retinoscope.command_line.compare import compare
from retinoscope.command_line.doctor import doctor
from retinoscope.command_line.examples import examples
from retinoscope.command_line.explore import explore
from retinoscope.command_line.export import export
from retinoscope.command_line.intervene import intervene
from retinoscope.command_line.join import join
from retinoscope.command_line.output import interval, print_json, print_table
from retinoscope.command_line.players import PlayerName, load_player
from retinoscope.command_line.scenario import scenario_app
from retinoscope.command_line.sweep import sweep
from retinoscope.command_line.train import DeferredCommand, train
from retinoscope.command_line.train_classifier import DeferredClassifierCommand, train_classifier
from retinoscope.errors import UserError


class _InWorkflowOrder(typer.core.TyperGroup):
    """Lists the commands in the order in which one needs them."""

    def list_commands(self, ctx: Any) -> list[str]:
        return ["scenario", *(name for name in super().list_commands(ctx) if name != "scenario")]


app = typer.Typer(
    name="retinoscope",
    cls=_InWorkflowOrder,
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,  # plain help: quick, and examples can be copied
    pretty_exceptions_enable=False,
)
app.add_typer(scenario_app, name="scenario")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; typer turns Ctrl-C into exit code 130.

    Returns:
        The exit code: 0 done, 1 a fault of ours, 2 the user's input is wrong, 130 interrupted.
    """
    arguments = sys.argv[1:] if arguments is None else list(arguments)
    try:
        app(arguments, prog_name="retinoscope")
    except SystemExit as finished:
        return finished.code if isinstance(finished.code, int) else int(finished.code is not None)
    except UserError as error:
        typer.echo(f"retinoscope: {error}", err=True)
        return 2
    except Exception as error:
        if "--debug" in arguments:
            traceback.print_exc()
        reason = " ".join(f"{type(error).__name__}: {error}".split())
        hint = "" if "--debug" in arguments else "; `retinoscope --debug ...` shows where"
        typer.echo(f"retinoscope: this is a fault of ours: {reason}{hint}", err=True)
        return 1
    return 0


@app.callback()
def retinoscope_options(
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of a fault.")] = False,
    version: Annotated[
        bool,
        typer.Option("--version", help="Show the version.", is_eager=True, callback=lambda wanted: _version(wanted)),
    ] = False,
) -> None:
    """Looks inside agents that learn to see.

    Give it an agent, and it writes a folder with one web page: movies, receptive fields, a recording and analyses.
    `retinoscope COMMAND --help` explains each command.

    \b
    Example:
        retinoscope analyze digits --out demo
    """


def _version(wanted: bool) -> None:
    if wanted:
        import retinoscope

        typer.echo(f"retinoscope {retinoscope.__version__}")
        raise typer.Exit


app.command("train", cls=DeferredCommand, help=train.__doc__)(lambda: None)
app.command("train-classifier", cls=DeferredClassifierCommand, help=train_classifier.__doc__)(lambda: None)


@app.command()
def evaluate(
    agent: PlayerName = "digits",
    world: options.World = None,
    episodes: Annotated[int, typer.Option(help="Episodes of the agent, and as many of a random policy.")] = 200,
    checkpoint: options.Checkpoint = "final",
    seed: options.Seed = 0,
    greedy: options.Greedy = False,
    workers: options.Workers = None,
    cluster: options.Cluster = None,
    as_json: options.AsJson = False,
) -> None:
    """Compare an agent with a random policy.

    How long episodes last and what they return, and the events of the world by their names, each with a 95% bootstrap
    interval over episodes.

    \b
    Example:
        retinoscope evaluate digits --episodes 4
    """
    import retinoscope
    from retinoscope.rollouts.evaluation import summarise

    player = load_player(agent, checkpoint, world)
    result = retinoscope.evaluate(
        player,
        world,
        episodes=episodes,
        seed=seed,
        greedy=greedy,
        workers=workers,
        cluster=cluster,
        progress=True,
    )
    summary = summarise(result)
    if as_json:
        policies = {name: {key: value._asdict() for key, value in each.items()} for name, each in summary.items()}
        print_json({"policies": policies, "parameters": result.parameters, "provenance": result.provenance})
        return
    rows = []
    for key in summary["agent"]:
        intervals = (summary[policy][key] for policy in ("agent", "random"))
        rows.append((key, *map(interval, intervals)))
    print_table(("per episode, mean [95% interval]", player.name, "random policy"), rows)
    typer.echo(f"n = {episodes} episodes each, seed {seed}")


@app.command()
def watch(
    agent: PlayerName = "digits",
    world: options.World = None,
    frames: Annotated[int, typer.Option(parser=options.whole_number, help="Decisions to play.")] = 1000,
    out: Annotated[
        Path | None, typer.Option(help="Write a movie, .mp4 or .gif, instead.", show_default="play in a window")
    ] = None,
    checkpoint: options.Checkpoint = "final",
    seed: options.Seed = 0,
    greedy: options.Greedy = False,
) -> None:
    """Watch an agent play, in a window or in a movie.

    \b
    Example:
        retinoscope watch digits --frames 100 --out digits.mp4
    """
    import retinoscope

    player = load_player(agent, checkpoint, world)
    movie = retinoscope.watch(player, world, frames=frames, out=out, seed=seed, greedy=greedy, progress=True)
    if movie is not None:
        typer.echo(movie)


@app.command()
def record(
    agent: PlayerName = "digits",
    world: options.World = None,
    frames: Annotated[int, typer.Option(parser=options.whole_number, help="Decisions to record.")] = 10_000,
    out: Annotated[Path, typer.Option(help="The recording, a folder.")] = Path("recording.zarr"),
    checkpoint: options.Checkpoint = "final",
    seed: options.Seed = 0,
    environments: Annotated[
        int | None,
        typer.Option(help="Environments played side by side.", show_default="frames / 2000, 1 to 16 in each part"),
    ] = None,
    batch: Annotated[
        int | None,
        typer.Option(
            help="Environments whose actions are computed together.", show_default="half, or half of a part's"
        ),
    ] = None,
    part: Annotated[
        str | None,
        typer.Option(metavar="K/N", help="Only this part, as 3/64; `join` makes one of them.", show_default="all"),
    ] = None,
    parts: Annotated[
        int | None, typer.Option(help="Record so many parts side by side and join them.", show_default="in one piece")
    ] = None,
    cluster: options.Cluster = None,
    workers: options.Workers = None,
    block_frames: Annotated[int, typer.Option(help="Decisions written at a time; no more can be lost.")] = 4096,
    keep_frames: Annotated[
        int, typer.Option(help="Keep the frame of every n-th decision; 0 for none. They can be rendered again.")
    ] = 1,
    greedy: options.Greedy = False,
    device: options.Device = "cpu",
    as_json: options.AsJson = False,
) -> None:
    """Let an agent play; store what it saw, did and computed.

    The same command continues a recording that was interrupted, whatever interrupted it. At the end some rows are
    replayed through the agent, to show that what is stored is what it computed.

    \b
    Example:
        retinoscope record digits --frames 600 --out digits.zarr
        retinoscope record digits --frames 600 --out parts --part 1/2
        retinoscope record digits --frames 600 --out parts --part 2/2
    """
    import retinoscope

    recording = retinoscope.record(
        load_player(agent, checkpoint, world, device),
        world,
        frames=frames,
        out=out,
        seed=seed,
        environments=environments,
        batch=batch,
        part=part,
        parts=parts,
        cluster=cluster,
        workers=workers,
        block_frames=block_frames,
        keep_frames=keep_frames,
        greedy=greedy,
        progress=True,
    )
    if as_json:
        print_json({"path": recording.path, "frames": recording.frames, "episodes": len(recording.episodes)})
        return
    episodes = len(recording.episodes)
    typer.echo(f"{recording.path}: {recording.frames:,} frames, {episodes} episodes; replayed rows agree")


app.command()(join)
app.command()(export)
app.command()(check)
app.command()(analyze)
app.command()(compare)
app.command()(examples)
app.command()(explore)
app.command()(intervene)
app.command()(sweep)
app.command()(doctor)


@app.command()
def agents(as_json: options.AsJson = False) -> None:
    """List the agents that come with retinoscope.

    \b
    Example:
        retinoscope agents
    """
    import retinoscope
    from retinoscope.agents.load import SHIPPED_CHECKPOINTS

    keys = ("agent", "checkpoint", "world", "frames_trained", "layers")
    rows: list[tuple[Any, ...]] = []
    for name in retinoscope.shipped_agents():
        for checkpoint in SHIPPED_CHECKPOINTS:
            agent = retinoscope.load_agent(name, checkpoint)
            layers = {layer.name: "x".join(map(str, layer.shape)) for layer in agent.policy.layers}
            world = agent.scenario.name if agent.scenario else None
            rows.append((name, checkpoint, world, agent.frames_trained, layers))
    if as_json:
        print_json({"agents": [dict(zip(keys, row, strict=True)) for row in rows]})
        return
    cells = [(*row[:-1], ", ".join(" ".join(layer) for layer in row[-1].items())) for row in rows]
    print_table([key.replace("_", " ") for key in keys], cells)


@app.command()
def report(directory: options.ReportDirectory, single_file: options.SingleFile = False) -> None:
    """Make index.html again from saved results.

    Nothing is computed anew: the figures are drawn from what `retinoscope analyze` left in the folder.

    \b
    Example:
        retinoscope report analysis
    """
    import retinoscope

    typer.echo(retinoscope.rebuild_report(directory, single_file=single_file).report)
