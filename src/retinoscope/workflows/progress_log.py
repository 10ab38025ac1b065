"""Numbers and figures of analysed checkpoints, to TensorBoard and Weights & Biases, under tags that stay the same."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
import xarray
from PIL import Image

from retinoscope.errors import UserError
from retinoscope.result import Result, load_result

FOLDER = "tensorboard"
_PREFIX = "retinoscope"
_STEPS = "frames_trained"


class ProgressLog:
    """Writes to `tensorboard/` of a folder if tensorboard is installed (it comes with `retinoscope[train]`).

    Tags: `retinoscope/ANALYSIS/NUMBER`, with the labels of its dimensions behind it (`.../rising_before/rewarded/fc`),
    and `retinoscope/FIGURE`. The step is the frames trained.
    """

    def __init__(self, folder: Path, wandb: bool = False) -> None:
        """Open the logs.

        Args:
            folder: that the analyses are written to.
            wandb: log to Weights & Biases too; its own settings hold (`WANDB_MODE=offline`, `WANDB_PROJECT`).

        Raises:
            UserError: `wandb` is asked for and not installed.
        """
        self._writer = _tensorboard_writer(folder / FOLDER)
        self._run = _wandb_run(folder) if wandb else None

    def __enter__(self) -> ProgressLog:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._writer is not None:
            self._writer.close()
        if self._run is not None:
            self._run.finish(exit_code=int(kind is not None))

    def log(self, directory: Path, manifest: dict[str, Any]) -> None:
        """Log what one run of the analyses found at the checkpoint that it looked at."""
        step = int(manifest["agent"]["frames_trained"] or 0)
        numbers: dict[str, float] = {}
        for product in manifest["products"]:
            if product["kind"] == "result":
                numbers |= numbers_of(load_result(directory / product["path"]))
        figures = {
            f"{_PREFIX}/{Path(product['path']).stem}": directory / product["path"]
            for product in manifest["products"]
            if product["kind"] == "figure" and product["path"].endswith(".png")
        }
        self._write(step, numbers, figures)

    def log_checkpoints(self, result: Result) -> None:
        """Log the numbers of a `training_progress`, each at the frames of its checkpoint."""
        frames = result.data["frames_trained"].values
        for index in np.argsort(frames, kind="stable"):
            at = result.data.isel(checkpoint=int(index)).drop_vars([_STEPS, "checkpoint_sha256"])
            self._write(int(frames[index]), numbers_of(Result(result.analysis, at)), {})

    def _write(self, step: int, numbers: dict[str, float], figures: dict[str, Path]) -> None:
        if self._writer is not None:
            for tag, number in numbers.items():
                self._writer.add_scalar(tag, number, step)
            for tag, path in figures.items():
                with Image.open(path) as image:
                    self._writer.add_image(tag, np.asarray(image.convert("RGB")), step, dataformats="HWC")
            self._writer.flush()
        if self._run is not None:
            import wandb

            images = {tag: wandb.Image(str(path)) for tag, path in figures.items()}
            self._run.log({_STEPS: step, **numbers, **images})


def numbers_of(result: Result) -> dict[str, float]:
    """Every finite number of a Result that has a name: single ones, and those whose dimensions are all labelled."""
    return dict(_numbers(result))


def _numbers(result: Result) -> Iterator[tuple[str, float]]:
    for name, variable in result.data.data_vars.items():
        if variable.dtype.kind not in "fiub" or not all(_is_labelled(result.data, each) for each in variable.dims):
            continue
        for place, value in np.ndenumerate(variable.values):
            labels = [str(result.data[each].values[at]) for each, at in zip(variable.dims, place, strict=True)]
            if np.isfinite(value):
                yield "/".join([_PREFIX, result.analysis, str(name), *labels]), float(value)


def _is_labelled(data: xarray.Dataset, dimension: Any) -> bool:
    return dimension in data.coords and data[dimension].dtype.kind in "UO"


def _tensorboard_writer(folder: Path) -> Any:
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        return None
    return SummaryWriter(str(folder))


def _wandb_run(folder: Path) -> Any:
    try:
        import wandb
    except ImportError:
        raise UserError("wandb is not installed; install it with: pip install 'retinoscope[wandb]'") from None
    identifier = hashlib.sha256(str(folder.resolve()).encode()).hexdigest()[:16]
    run = wandb.init(
        project=None if "WANDB_PROJECT" in os.environ else _PREFIX,
        name=folder.name,
        id=identifier,
        resume="allow",
        dir=str(folder),
    )
    run.define_metric("*", step_metric=_STEPS)
    return run
