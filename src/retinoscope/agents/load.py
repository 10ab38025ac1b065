"""Finding an agent by what the user calls it: a shipped name, a run directory, a checkpoint file, or code of theirs."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import torch

from retinoscope.agents.agent import Agent
from retinoscope.agents.sample_factory_run import Checkpoint, list_checkpoints, load_checkpoint
from retinoscope.agents.sb3_zip import load_sb3_zip
from retinoscope.agents.weights import load_weights
from retinoscope.errors import UserError
from retinoscope.user_code import load_named, names_code

SHIPPED_FOLDER = Path(__file__).parent / "shipped"
SHIPPED_CHECKPOINTS = ("untrained", "early", "final")


def shipped_agents() -> tuple[str, ...]:
    """Names of the agents that come with the package; each has the checkpoints `SHIPPED_CHECKPOINTS`."""
    return tuple(sorted(folder.name for folder in SHIPPED_FOLDER.glob("*") if (folder / "final.safetensors").is_file()))


def load_agent(
    name_or_path: str | Path = "digits", checkpoint: str | int = "final", device: str | torch.device = "cpu"
) -> Agent:
    """Load an agent, ready to be looked into.

    Args:
        name_or_path: name of a shipped agent, a run directory, a checkpoint file (`.pth`, `.safetensors`), a model of
            Stable-Baselines3 (`.zip`), or the user's own code, which is run: `file.py:name` or `package.module:name`,
            an `Agent` or a function that returns one.
        checkpoint: for a shipped agent `untrained`, `early` or `final`; for a run directory `first`, `final`, or a
            number of frames (the checkpoint nearest to it is taken). Ignored for a file.
        device: where to compute.

    Raises:
        UserError: there is no such agent, checkpoint or device, or the file cannot be used.
    """
    require_device(str(device))
    return on_device(_find(str(name_or_path), checkpoint), device)


def on_device(agent: Agent, device: str | torch.device) -> Agent:
    """The same agent, computing there.

    Raises:
        UserError: this machine cannot.
    """
    require_device(str(device))
    return agent if str(device) == "cpu" else dataclasses.replace(agent, policy=agent.policy.to(device))


def _find(text: str, checkpoint: str | int) -> Agent:
    if text in shipped_agents():
        if checkpoint not in SHIPPED_CHECKPOINTS:
            choice = _listed(SHIPPED_CHECKPOINTS)
            raise UserError(f"agent {text!r}: has no checkpoint {checkpoint!r}; choose from {choice}")
        return load_weights(SHIPPED_FOLDER / text / f"{checkpoint}.safetensors")
    path = Path(text)
    if names_code(text) and not path.exists():
        advice = "give what retinoscope.from_module returns, or a function without arguments that returns it"
        return load_named(text, Agent, "agent", advice)
    if path.is_dir():
        return load_checkpoint(_choose(list_checkpoints(path), checkpoint, path).path)
    if path.is_file() and path.suffix == ".zip":
        return load_sb3_zip(path)
    if path.is_file():
        return load_weights(path) if path.suffix == ".safetensors" else load_checkpoint(path)
    known = _listed(shipped_agents())
    raise UserError(
        f"agent {text!r}: unknown; choose from {known} or give a run directory, a checkpoint file or file.py:name"
    )


def _choose(checkpoints: tuple[Checkpoint, ...], wanted: str | int, path: Path) -> Checkpoint:
    if wanted == "final":
        return checkpoints[-1]
    if wanted in ("first", "untrained"):
        return checkpoints[0]
    try:
        frames = float(wanted)
    except ValueError:
        raise UserError(f"{path}: checkpoint {wanted!r} unknown; choose first, final or a number of frames") from None
    return min(checkpoints, key=lambda each: abs(each.frames - frames))


def require_device(device: str) -> None:
    """Raises `UserError` if this machine cannot compute there."""
    try:
        is_missing = torch.device(device).type == "cuda" and not torch.cuda.is_available()
    except RuntimeError:
        raise UserError(f"device {device!r}: unknown; choose cpu or cuda") from None
    if is_missing:
        raise UserError(f"device {device!r}: this machine has no usable CUDA device; use --device cpu")


def _listed(names: tuple[str, ...]) -> str:
    return ", ".join(names) or "(none shipped)"
