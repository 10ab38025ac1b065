"""What a stimulus does to the memory: shown after real recorded histories, and compared with the same without it.

A recurrent layer shown an image from its zero state answers to the beginning of an episode as much as to the image.
Here real recorded histories lead to the states that it starts from. After each, the agent looks at the stimulus for
some steps, or at the same view without it; the response is the difference of the two states.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
import xarray

from retinoscope.agents.agent import Agent
from retinoscope.agents.policy import Policy, inference
from retinoscope.analyses.declaration import AGENT, MEMORY, RECORDING, SHOWS_IMAGES, WORLD, Analysis, Given
from retinoscope.analyses.drawing import Drawing, FigureDrawing
from retinoscope.analyses.images.display import agent_of
from retinoscope.analyses.images.showing import Showing, own_and_handed_on, what_was_shown
from retinoscope.errors import NotMeasurable
from retinoscope.progress import progress_bar
from retinoscope.result import Result
from retinoscope.settings import parameters, setting
from retinoscope.statistics.decoding import decode, fit_reduction
from retinoscope.stimuli.presentation import AT_A_TIME
from retinoscope.worlds.choosing import WorldLike

if TYPE_CHECKING:
    from retinoscope.rollouts import Recording


@parameters("recurrent response")
class RecurrentParameters:
    """Parameters of `recurrent_response`."""

    steps: int = setting(6, "for how long the stimulus is shown", units="decisions", least=1)
    histories: int = setting(6, "number of recorded states to start from", least=2)
    settled: int = setting(
        20, "decisions since the start of an episode before its state is taken as a history", units="decisions", least=0
    )
    images: int = setting(
        600, "number of images that are shown, at most, as evenly over classes as the set allows", least=4
    )
    components: int = setting(32, "principal components of the response that the read-out uses, at most", least=1)
    permutations: int = setting(100, "number of permutations of the labels", least=1)
    seed: int = setting(
        0,
        "seed of permutations and bootstrap, and of the choice of images if they are shown for this analysis alone",
        least=0,
    )


def recurrent_response(
    agent: Agent | Policy,
    *,
    recording: Recording,
    world: WorldLike | None = None,
    given: Given | None = None,
    parameters: RecurrentParameters | None = None,
    progress: bool = False,
    **settings: Any,
) -> Result:
    """Show images for some steps after recorded histories; the response is the difference to the same without them.

    Args:
        agent: the agent that was recorded, with a recurrent core.
        recording: where the histories come from.
        world: whose view the images are shown in; None for the one the agent was trained in.
        given: the Result of `shown_images`, if it is at hand; else images are shown here.
        parameters: see `RecurrentParameters`; single ones may be given by name instead.
        progress: show a progress bar on standard error if that is a terminal.
        **settings: fields of `RecurrentParameters` that replace those of `parameters`, and of
            `ShownImagesParameters` (dataset, presentation, class_effects, ...) where images are shown here.

    Returns:
        A Result over `shown_steps` (1, 2, ...): `size` (shown_steps, class), length of the response relative to the
        typical distance of recorded states from their mean; `balanced`, `low`, `high`, `chance`, `chance_high`, `p`
        (shown_steps), decoding of the class from the response averaged over histories; `history_share` (shown_steps),
        the share of the responses' variance that depends on the history; `response` (image, unit) float32, at the last
        step, averaged over histories; `score` (image, axis), its principal components, `share` (axis); `label` (image).

    Raises:
        NotMeasurable: the agent has no recurrent core, the recording no such histories, or too few images were shown.
        UserError: a parameter is unknown or out of range, or images cannot be shown.
    """
    chosen, handed_on = own_and_handed_on(parameters or RecurrentParameters(), settings)
    agent = agent_of(agent)
    policy = agent.policy
    if not policy.state_size:
        raise NotMeasurable(f"agent {agent.name!r}: has no recurrent core; choose another agent")
    histories, typical = _histories(recording, chosen)
    needed = {"images": chosen.images, "images_elsewhere": 0, "held_out_per_class": 0, "layers": ()}
    needed |= {"checkpoints": False, "seed": chosen.seed}
    shown = what_was_shown(agent, world, given, handed_on, needed, progress)
    images = shown.some(chosen.images)
    shown.require_both_parts(images, "images")
    views = shown.views(images, "images")
    states_without = _states_without(policy, shown.empty_view, histories, chosen.steps)
    shape = (chosen.steps, len(images), policy.state_size)
    mean, square = np.zeros(shape, np.float32), np.zeros(shape[:2])
    with progress_bar("images", len(images), progress) as advance:
        for start in range(0, len(images), AT_A_TIME):
            part = slice(start, start + AT_A_TIME)
            responses = _responses(policy, views[part], histories, states_without)
            mean[:, part] = responses.mean(axis=1)
            square[:, part] = (responses**2).sum(axis=3).mean(axis=1)
            advance(responses.shape[2])
    data = _dataset(mean, square, shown, images, typical, chosen)
    data.attrs["caption"] = (
        f"n = {len(images)} images of {shown.name}, {shown.place}, each after the same {len(histories)} recorded "
        f"histories of at least {chosen.settled} decisions. Response: recurrent state after looking at the stimulus "
        "less the state after looking as long at the empty arena. Decoded from the response averaged over histories, "
        f"on {int(shown.is_test[images].sum())} held-out images, with 95% bootstrap interval; chance: "
        f"{chosen.permutations} permutations of the labels."
    )
    return shown.result("recurrent_response", data, chosen, recording, place=str(shown.place))


def _histories(recording: Recording, chosen: RecurrentParameters) -> tuple[np.ndarray, float]:
    """States entering evenly spaced decisions, (history, state), and the typical distance of states from their mean."""
    steps = np.concatenate([block["step"].values for block in recording.blocks(4096, ())])
    settled = np.flatnonzero(steps >= chosen.settled)
    if len(settled) < chosen.histories:
        raise NotMeasurable(
            f"recording: has {len(settled)} decisions {chosen.settled} or more after the start of an episode, "
            f"{chosen.histories} histories are asked for; record more, or ask for fewer"
        )
    rows = settled[np.linspace(0, len(settled) - 1, chosen.histories).round().astype(int)]
    names = ["state_entering"]
    states = np.concatenate([recording.rows(int(row), int(row) + 1, names)[names[0]].values for row in rows])
    sample = settled[:: max(1, len(settled) // 500)]
    every = np.concatenate([recording.rows(int(row), int(row) + 1, names)[names[0]].values for row in sample])
    return states, float(np.median(np.linalg.norm(every - every.mean(axis=0), axis=1)))


def _states_without(policy: Policy, empty: np.ndarray, histories: np.ndarray, steps: int) -> np.ndarray:
    """States (step, history, state) while the agent looks at the empty arena."""
    return _run(policy, np.broadcast_to(empty, (len(histories), *empty.shape)), histories[None], steps)[:, 0]


def _responses(
    policy: Policy, observations: np.ndarray, histories: np.ndarray, states_without: np.ndarray
) -> np.ndarray:
    """(step, history, image, state)."""
    count = len(observations)
    after = _run(policy, observations, np.repeat(histories[:, None], count, axis=1), len(states_without))
    return after - states_without[:, :, None]


def _run(policy: Policy, observations: np.ndarray, states: np.ndarray, steps: int) -> np.ndarray:
    """States (step, run, batch, state) while each of the batch looks at the same view, run by run.

    Args:
        policy: the network.
        observations: (batch, height, width, channel) uint8.
        states: (run, batch, state), those entering.
        steps: how many.
    """
    found = np.empty((steps, *states.shape), np.float32)
    with inference():
        seen = torch.from_numpy(np.ascontiguousarray(observations)).to(policy.device)
        for number, those in enumerate(states):
            state = torch.from_numpy(those).to(policy.device)
            for step in range(steps):
                state = policy.step(seen, state).state
                found[step, number] = state.cpu().numpy()
    return found


def _dataset(
    mean: np.ndarray,
    square: np.ndarray,
    shown: Showing,
    images: np.ndarray,
    typical: float,
    chosen: RecurrentParameters,
) -> xarray.Dataset:
    labels, is_test = shown.labels[images], shown.is_test[images]
    names = ("balanced", "low", "high", "chance", "chance_high", "p")
    columns: dict[str, list[float]] = {name: [] for name in names}
    for responses in mean:
        reduction = fit_reduction(responses[~is_test], chosen.components)
        each = decode(reduction.scores(responses), labels, is_test, chosen.permutations, chosen.seed)
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
    return xarray.Dataset(variables, coords={"shown_steps": steps, **shown.coordinates((shown.place,))})


def _draw(result: Result) -> list[Drawing]:
    from retinoscope.figures.recurrent_response import recurrent_response as figure_of

    caption = result.data.attrs["caption"]
    draw = functools.partial(figure_of, result)
    return [FigureDrawing("recurrent_response", "Responses of the memory", caption, draw, says_caption=True)]


ANALYSIS = Analysis(
    name="recurrent_response",
    title="Responses of the memory",
    group="images",
    summary="What an image does to the memory after real histories, step by step, and what can be read out of it.",
    run=recurrent_response,
    parameters=RecurrentParameters,
    of="agent",
    needs=(AGENT, RECORDING, WORLD, MEMORY, SHOWS_IMAGES),
    builds_on=("shown_images",),
    draw=_draw,
    rank=50,
    methods="""
        After each of {{ histories }} recorded histories of {{ settled }} decisions at least, {{ sizes.image }}
        images of {{ dataset }} ({{ place }}) were shown for {{ steps }} decisions; the response is the
        difference of the recurrent state to that after the same view without the image. The class was read out
        of the response by Fisher's linear discriminant [@hastie2009] on {{ components }} principal components
        at most, against {{ permutations }} permutations of the labels (seed {{ seed }}).
    """,
)
