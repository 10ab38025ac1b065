"""`retinoscope examples`: which samples drive each component of the memory."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from retinoscope.command_line import options
from retinoscope.command_line.output import print_json


def examples(
    source: Annotated[
        str | None, typer.Argument(metavar="[AGENT|RECORDING]", help="An agent, which is recorded, or a recording.")
    ] = None,
    out: Annotated[Path, typer.Option(help="Folder for lists, results and figures.")] = Path("examples"),
    world: options.World = None,
    activity: Annotated[
        Path | None,
        typer.Option(
            help="Instead of an agent: a .npy file (sample, step, unit), a folder of NAME/agent_hs.npy, or one of "
            "NAME.npy (time, unit), with observation.npy, value.npy, terminated.npy and so on where there are any.",
            show_default="none",
        ),
    ] = None,
    frames: Annotated[
        Path | None,
        typer.Option(
            help="Frames for --activity: a .npy file, or a folder of NAME/ims.npy, NAME.npy or pictures in NAME/.",
            show_default="none",
        ),
    ] = None,
    gradient_step: Annotated[
        int | None,
        typer.Option(
            help="Step of each sample that gradients are taken from, counted from 0.", show_default="the last"
        ),
    ] = None,
    proportion: Annotated[
        list[float] | None,
        typer.Option(
            help="Share of the steps that counts as high, as middling and as low; may be repeated.", show_default="0.1"
        ),
    ] = None,
    components: Annotated[
        str, typer.Option(help="ica:16, pca:16 or nmf:16, without a number to have it chosen; or units.")
    ] = "ica:16",
    fit_steps: Annotated[
        int, typer.Option(parser=options.whole_number, help="Steps, drawn at random, on which components are found.")
    ] = 20_000,
    layer: Annotated[
        str | None, typer.Option(help="Layer whose activity is used.", show_default="the first of the memory")
    ] = None,
    decisions: Annotated[
        int, typer.Option(parser=options.whole_number, help="Decisions to record of an agent.")
    ] = 10_000,
    window_steps: Annotated[int, typer.Option(help="Length of a sample of a recording, in decisions.")] = 16,
    stride_steps: Annotated[
        int | None,
        typer.Option(help="Decisions from the start of one sample to that of the next.", show_default="the window"),
    ] = None,
    burn_in_steps: Annotated[
        int | None, typer.Option(help="Decisions left out at the start of every episode.", show_default="measured")
    ] = None,
    leave_out_constant: Annotated[
        bool, typer.Option("--leave-out-constant", help="Leave out units that never change.")
    ] = False,
    stability: Annotated[
        bool, typer.Option("--stability", help="Also measure how stable the components are; takes minutes.")
    ] = False,
    gallery: Annotated[bool, typer.Option(help="Draw a contact sheet for each component.")] = True,
    keys: Annotated[
        str | None,
        typer.Option(
            help="Names of the scopes in JSON and CSV, such as any,saliency_step; those of the levels may follow.",
            show_default="any_step,gradient_step,high,middle,low",
        ),
    ] = None,
    ids: Annotated[
        str, typer.Option(help="How JSON and CSV name samples: names, or numbers (33 for sample_00033).")
    ] = "names",
    checkpoint: options.Checkpoint = "final",
    seed: options.Seed = 0,
    as_json: options.AsJson = False,
) -> None:
    """Find the samples that drive each component.

    For each component of the memory, the samples where it is high, middling, low: at any step, and at the step that
    gradients are taken from. Writes dataset_examples.json, .csv and .nc, histograms, and contact sheets.

    \b
    Example:
        retinoscope examples digits.zarr --components pca:4 --out examples
    """
    import retinoscope
    from retinoscope.rollouts import is_recording

    made = retinoscope.examples(
        source if source is None or is_recording(source) else retinoscope.load_agent(source, checkpoint),
        out=out,
        world=world,
        activity=activity,
        frames=frames,
        gradient_step=gradient_step,
        proportion=tuple(proportion or (0.1,)),
        components=components,
        fit_steps=fit_steps,
        layer=layer,
        decisions=decisions,
        window_steps=window_steps,
        stride_steps=stride_steps,
        burn_in_steps=burn_in_steps,
        leave_out_constant=leave_out_constant,
        stability=stability,
        gallery=gallery,
        keys=keys,
        ids=ids,
        seed=seed,
        progress=True,
    )
    if as_json:
        result = made.result
        print_json({"directory": made.directory, "files": list(made.files), "parameters": result.parameters})
        return
    typer.echo(made.result.data.attrs["caption"])
    for cut, component in zip(
        made.result.data["cut"].values[0].tolist(), made.result.data["component"].values.tolist(), strict=True
    ):
        if cut:
            typer.echo(f"component {component}: {cut}")
    typer.echo(made.directory / made.files[0])
