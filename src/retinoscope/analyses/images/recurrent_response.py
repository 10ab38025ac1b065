"""What a stimulus does to the memory: shown after real recorded histories, and compared with the same without it.

A recurrent layer shown an image from its zero state answers to the beginning of an episode as much as to the image.
Here real recorded histories lead to the states that it starts from. After each, the agent looks at the stimulus for
some steps, or at the same view without it; the response is the difference of the two states.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
import xarray

from retinoscope.agents.agent import Agent
from retinoscope.agents.policy import Policy, inference
from retinoscope.analyses.images.display import display
from retinoscope.analyses.images.shown_dataset import Dataset, ShownDataset
from retinoscope.errors import NotMeasurable, UserError
from retinoscope.progress import progress_bar
from retinoscope.result import Result
from retinoscope.scenarios import ArenaArchive
from retinoscope.statistics.decoding import decode, fit_reduction
from retinoscope.stimuli.places import Presentation
from retinoscope.stimuli.presentation import present

if TYPE_CHECKING:
    from retinoscope.rollouts import Recording


@dataclass(frozen=True)
class RecurrentParameters:
    """Parameters of `recurrent_response`.

    Attributes:
        steps: for which the stimulus is shown.
        histories: recorded states to start from.
        settled: decisions since the start of an episode from which on its state is taken as a history.
        images: shown at most, as evenly over classes as the set allows.
        components: principal components of the response that the read-out uses, at most.
        permutations: of the labels.
        seed: of the choices.
    """

    steps: int = 6
    histories: int = 6
    settled: int = 20
    images: int = 600
    components: int = 32
    permutations: int = 100
    seed: int = 0

    def __post_init__(self) -> None:
        for name, least in (("steps", 1), ("histories", 2), ("settled", 0), ("images", 4), ("components", 1)):
            if getattr(self, name) < least:
                raise UserError(f"{name}: {getattr(self, name)} is too few; give at least {least}")


def recurrent_response(
    agent: Agent | Policy,
    recording: Recording,
    arena: ArenaArchive | None = None,
    dataset: Dataset = None,
    *,
    presentation: Presentation | None = None,
    class_effects: Mapping[str, int] | None = None,
    parameters: RecurrentParameters | None = None,
    progress: bool = False,
) -> Result:
    """Show images for some steps after recorded histories; the response is the difference to the same without them.

    Args:
        agent: the agent that was recorded, with a recurrent core.
        recording: where the histories come from.
        arena: whose view the images are shown in; None for the one the agent was trained in.
        dataset: what `load_labelled_images` takes, or its result; None for the images of the arena.
        presentation: how images are shown, at its first place; None for the defaults.
        class_effects: change of health per class, where the arena does not say.
        parameters: None for the defaults.
        progress: show progress bars.

    Returns:
        A Result over `shown_steps` (1, 2, ...): `size` (shown_steps, class), length of the response relative to the
        typical distance of recorded states from their mean; `balanced`, `low`, `high`, `chance`, `chance_high`, `p`
        (shown_steps), decoding of the class from the response averaged over histories; `history_share` (shown_steps),
        the share of the responses' variance that depends on the history; `response` (image, unit) float32, at the last
        step, averaged over histories; `score` (image, axis), its principal components, `share` (axis); `label` (image).

    Raises:
        NotMeasurable: the agent has no recurrent core, or the recording no such histories.
        UserError: the data set or the presentation cannot be used.
    """
    parameters = parameters or RecurrentParameters()
    images = display(agent, arena, dataset, presentation, class_effects)
    shown, place = images.shown, images.place
    policy = images.policy
    if not policy.state_size:
        raise NotMeasurable(f"agent {images.agent.name!r}: has no recurrent core; choose another agent")
    chosen = shown.some(parameters.images, parameters.seed)
    histories, typical = _histories(recording, parameters)
    states_without = _states_without(policy, images.arena, histories, parameters.steps)
    shape = (parameters.steps, len(chosen), policy.state_size)
    mean, square = np.zeros(shape, np.float32), np.zeros(shape[:2])
    with progress_bar("images", len(chosen), progress) as advance:
        for each in present(images.arena, shown.images[chosen], (place,), size=64):
            part = slice(each.start, each.start + len(each.observations))
            responses = _responses(policy, each.observations, histories, states_without)
            mean[:, part] = responses.mean(axis=1)
            square[:, part] = (responses**2).sum(axis=3).mean(axis=1)
            advance(len(each.observations))
    data = _dataset(mean, square, shown, chosen, typical, parameters).assign_coords(images.coordinates((place,)))
    data.attrs["caption"] = (
        f"n = {len(chosen)} images of {shown.name}, {place}, each after the same {len(histories)} "
        "recorded histories of at "
        f"least {parameters.settled} decisions. Response: recurrent state after looking at the stimulus less the state "
        "after looking as long at the empty arena. Decoded from the response averaged over histories, on "
        f"{int(shown.is_test[chosen].sum())} held-out images, with 95% bootstrap interval; chance: "
        f"{parameters.permutations} permutations of the labels."
    )
    return images.result("recurrent_response", data, parameters, recording, place=str(place))


def _histories(recording: Recording, parameters: RecurrentParameters) -> tuple[np.ndarray, float]:
    """States entering evenly spaced decisions, (history, state), and the typical distance of states from their mean."""
    steps = np.concatenate([block["step"].values for block in recording.blocks(4096, ["value"])])
    settled = np.flatnonzero(steps >= parameters.settled)
    if len(settled) < parameters.histories:
        raise NotMeasurable(
            f"recording: has {len(settled)} decisions {parameters.settled} or more after the start of an episode, "
            f"{parameters.histories} histories are asked for; record more, or ask for fewer"
        )
    rows = settled[np.linspace(0, len(settled) - 1, parameters.histories).round().astype(int)]
    names = ["state_entering"]
    states = np.concatenate([recording.rows(int(row), int(row) + 1, names)[names[0]].values for row in rows])
    sample = settled[:: max(1, len(settled) // 500)]
    every = np.concatenate([recording.rows(int(row), int(row) + 1, names)[names[0]].values for row in sample])
    return states, float(np.median(np.linalg.norm(every - every.mean(axis=0), axis=1)))


def _states_without(policy: Policy, arena: ArenaArchive, histories: np.ndarray, steps: int) -> np.ndarray:
    """States (step, history, state) while the agent looks at the empty arena."""
    from retinoscope.stimuli.arena_presentation import empty_view

    view = torch.from_numpy(empty_view(arena)).to(policy.device)
    return _run(policy, view[None].expand(len(histories), *view.shape), histories, steps)


def _responses(
    policy: Policy, observations: np.ndarray, histories: np.ndarray, states_without: np.ndarray
) -> np.ndarray:
    """(step, history, image, state)."""
    found = []
    seen = torch.from_numpy(observations).to(policy.device)
    for number, history in enumerate(histories):
        after = _run(policy, seen, np.repeat(history[None], len(seen), axis=0), len(states_without))
        found.append(after - states_without[:, number, None])
    return np.stack(found, axis=1)


def _run(policy: Policy, observations: torch.Tensor, states: np.ndarray, steps: int) -> np.ndarray:
    """States (step, batch, state) while each of the batch looks at the same view."""
    with inference():
        state, found = torch.from_numpy(states).to(policy.device), []
        for _ in range(steps):
            state = policy.step(observations, state).state
            found.append(state.cpu().numpy())
    return np.stack(found)


def _dataset(
    mean: np.ndarray,
    square: np.ndarray,
    shown: ShownDataset,
    chosen: np.ndarray,
    typical: float,
    parameters: RecurrentParameters,
) -> xarray.Dataset:
    labels, is_test = shown.labels[chosen], shown.is_test[chosen]
    names = ("balanced", "low", "high", "chance", "chance_high", "p")
    columns: dict[str, list[float]] = {name: [] for name in names}
    for responses in mean:
        reduction = fit_reduction(responses[~is_test], parameters.components)
        each = decode(reduction.scores(responses), labels, is_test, parameters.permutations, parameters.seed)
        chance = (float(each.permuted_balanced.mean()), float(np.quantile(each.permuted_balanced, 0.95)))
        for name, value in zip(names, (*each.interval, *chance, each.p), strict=True):
            columns[name].append(value)
    lengths = np.sqrt(square) / typical
    size = np.stack([lengths[:, labels == label].mean(axis=1) for label in range(len(shown.class_names))], axis=1)
    common = (mean.astype(np.float64) ** 2).sum(axis=2).mean(axis=1)
    centred = mean[-1] - mean[-1].mean(axis=0)
    reduction = fit_reduction(centred, 2, standardise=False)
    scores = reduction.scores(centred)
    variables: dict[str, Any] = {name: ("shown_steps", values, {"units": "1"}) for name, values in columns.items()}
    variables |= {
        "size": (("shown_steps", "class"), size, {"units": "typical distance of recorded states from their mean"}),
        "history_share": ("shown_steps", 1 - common / square.mean(axis=1), {"units": "1"}),
        "response": (("image", "unit"), mean[-1], {"units": "activity"}),
        "score": (("image", "axis"), scores, {"units": "activity"}),
        "share": ("axis", scores.var(axis=0) / max(float(centred.var(axis=0).sum()), 1e-30), {"units": "1"}),
        "label": ("image", labels),
    }
    steps = ("shown_steps", np.arange(1, len(mean) + 1), {"units": "decisions"})
    return xarray.Dataset(variables, coords={"shown_steps": steps, **shown.coordinates()})
