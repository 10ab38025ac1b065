"""Who is compared: agents, runs and checkpoints by what the user calls them, each with a name of its own."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from retinoscope.agents.agent import Agent
from retinoscope.agents.load import SHIPPED_FOLDER, load_agent, on_device, shipped_agents
from retinoscope.agents.siblings import place, run_directory
from retinoscope.analyses.checkpoints import every_checkpoint
from retinoscope.analyses.compared import Member
from retinoscope.errors import UserError

ALL = "all"


def members_of(
    named: Sequence[Agent | str | Path], checkpoints: str | Iterable[str | int] | None = None, device: str = "cpu"
) -> tuple[Member, ...]:
    """The agents that are meant, those of one training one behind the other in the order of training.

    Args:
        named: agents, or what `load_agent` takes; `digits@early` is a checkpoint of it.
        checkpoints: `all` for every checkpoint of every run that is named, or names of checkpoints that `load_agent`
            takes, parted by commas; None for the one that is named, else the last.
        device: where to compute.

    Raises:
        UserError: there is no such agent or checkpoint, or one is named twice.
    """
    wanted = _checkpoints(checkpoints)
    found: list[Agent] = []
    for each in named:
        found += _named(each, wanted, device)
    runs = [_run_of(each) for each in found]
    known = list(dict.fromkeys(runs))
    names = dict(zip(known, _told_apart([name for _, name in known], [key for key, _ in known]), strict=True))
    several = {run: runs.count(run) > 1 for run in known}
    members = []
    for run in known:
        own = [agent for agent, its in zip(found, runs, strict=True) if its == run]
        own.sort(key=lambda each: float("inf") if each.frames_trained is None else each.frames_trained)
        for agent in own:
            label = f"{names[run]} {_checkpoint_name(agent)}" if several[run] else names[run]
            members.append(Member(label, names[run], agent))
    return tuple(members)


def _checkpoints(given: str | Iterable[str | int] | None) -> str | tuple[str, ...] | None:
    if given is None or given == ALL:
        return ALL if given else None
    parts = given.split(",") if isinstance(given, str) else list(given)
    wanted = tuple(str(each).strip() for each in parts if str(each).strip())
    if not wanted:
        raise UserError("checkpoints: none is named; give all, or some as first,1e6,final")
    return wanted


def _named(each: Agent | str | Path, wanted: str | tuple[str, ...] | None, device: str) -> list[Agent]:
    if isinstance(each, Agent):
        agent, text, own = on_device(each, device), None, True
    else:
        text, at, checkpoint = str(each), "", ""
        if "@" in text and not Path(text).exists():
            text, at, checkpoint = text.rpartition("@")
        agent, own = load_agent(text, _known_as(text, checkpoint or "final"), device), bool(at)
    if wanted is None or (own and wanted != ALL):
        return [agent]
    if wanted == ALL:
        return list(every_checkpoint(agent))
    assert text is not None
    return [load_agent(text, _known_as(text, name), device) for name in wanted]


def _known_as(agent: str, checkpoint: str) -> str:
    """The first checkpoint has another name where an agent is shipped."""
    return "untrained" if checkpoint == "first" and agent in shipped_agents() else checkpoint


def _run_of(agent: Agent) -> tuple[str, str]:
    """What tells its training from others, and what that is called."""
    path, run = place(agent), run_directory(agent)
    if run is not None:
        return str(run), run.name
    if path is not None and path.parent.parent == SHIPPED_FOLDER.resolve():
        return str(path.parent), path.parent.name
    key = str(path) if path is not None else f"{agent.name} {agent.checkpoint_sha256}"
    return key, agent.name


def _told_apart(names: Sequence[str], keys: Sequence[str]) -> list[str]:
    """Names, with the folder above where two are the same, and a number where that is the same too."""
    found = []
    for name, key in zip(names, keys, strict=True):
        above = Path(key).parent.name
        found.append(f"{above}/{name}" if names.count(name) > 1 and above else name)
    return [
        name if found.count(name) == 1 else f"{name} ({found[: place + 1].count(name)})"
        for place, name in enumerate(found)
    ]


def _checkpoint_name(agent: Agent) -> str:
    """`untrained` and the like of shipped agents; else how long it was trained: `2.31M`."""
    path = place(agent)
    if path is not None and path.parent.parent == SHIPPED_FOLDER.resolve():
        return path.stem
    if agent.frames_trained is None:
        return path.stem if path is not None else "in memory"
    return "untrained" if agent.frames_trained == 0 else f"{agent.frames_trained / 1e6:.2f}M"
