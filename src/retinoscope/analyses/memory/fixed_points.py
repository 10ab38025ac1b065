"""Where the memory stands still: fixed and slow points of the recurrent core under inputs that the agent really had."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import xarray

from retinoscope.agents.agent import Agent
from retinoscope.agents.policy import Policy, one_thread
from retinoscope.analyses.declaration import AGENT, FRAMES, MEMORY, RECORDING, Analysis
from retinoscope.analyses.early_vision.untrained import Untrained
from retinoscope.analyses.memory.fixed_point_drawings import drawings_of_points, panels_of_points
from retinoscope.analyses.memory.fixed_points_of_network import OfNetwork, points_of_network
from retinoscope.analyses.memory.held_views import MEAN, Stretches, Views, chosen_views, observations_at
from retinoscope.analyses.recorded import clock_attributes, picture_attribute, require_agent, require_same
from retinoscope.errors import NotMeasurable
from retinoscope.progress import progress_bar
from retinoscope.result import Result, provenance
from retinoscope.settings import parameters, setting, stated, with_settings

if TYPE_CHECKING:
    from retinoscope.rollouts import Recording

_MOST_STATE = 2_048  # numbers of a state; Jacobians are of their square


@parameters("fixed points")
class FixedPointsParameters:
    """Parameters of `fixed_points`."""

    views: int = setting(
        4, "number of inputs that stand for all views: centres of clusters of the encoder's output", least=1
    )
    rows: tuple[int, ...] | None = setting(
        None, "rows of the recording whose views are held instead; none to have them chosen", fewest=1
    )
    starts: int = setting(128, "number of recorded states from which points are sought under every input", least=2)
    iterations: int = setting(400, "iterations of the search before its last steps", least=10)
    fixed_speed: float = setting(
        1e-6,
        "highest speed of a fixed point, relative to the distance of unrelated states of the memory, per decision",
        above=0,
    )
    slow_share: float = setting(
        0.1, "share of the median speed of the recorded memory below which a point counts as slow", above=0
    )
    merge_distance: float = setting(
        0.02, "distance up to which two points count as one, relative to the distance of unrelated states", above=0
    )
    farthest: float = setting(
        1.0,
        "largest distance of a point from all recorded states, relative to the distance of unrelated states",
        above=0,
    )
    most_points: int = setting(
        128,
        "number of points of each input that are followed to the end, at most; fewer where states are "
        "large, for memory and time",
        least=1,
    )
    neighbours: int = setting(6, "number of decisions shown that are nearest to each point", least=1)
    apart_steps: int = setting(
        16, "distance in time between two of these decisions, at least", units="decisions", least=1
    )
    untrained: bool = setting(True, "also measure the network before its training, or else one with random weights")
    seed: int = setting(0, "seed of the clusters of views, and of random weights", least=0)


def fixed_points(
    recording: Recording,
    *,
    agent: Agent,
    parameters: FixedPointsParameters | None = None,
    progress: bool = False,
    **settings: Any,
) -> Result:
    """Points at which the memory stands still, or nearly so, while the agent sees one and the same.

    With the input x held, a decision maps the state h that enters to F(h, x), which leaves. The speed |F(h, x) - h| is
    minimised from many recorded states (Sussillo & Barak 2013, "Opening the black box", Neural Computation 25). The
    eigenvalues of the Jacobian at such a point say which deviations from it die out, and how fast.

    Args:
        recording: what the agent saw, and the states of its memory.
        agent: that of the recording.
        parameters: see `FixedPointsParameters`; single ones may be given by name instead.
        progress: show a progress bar on standard error.
        **settings: fields of `FixedPointsParameters` that replace those of `parameters`.

    Returns:
        A Result. By `point`, of all networks and inputs, by falling `starts`: `point_network` and `point_input`,
        `kind` (`stable`, `unstable`, `slow`), `speed` (relative to the distance of unrelated states, per decision),
        `unstable_directions`, `starts` (share of the starting states that led there), `distance` (to the nearest
        recorded state, relative to that of unrelated ones), `value`; by `point` and `number`, of the state, `state`; by
        `point` and `mode`, by falling size, `eigenvalue_real`, `eigenvalue_imaginary` and `time_constant` (decisions;
        negative where a deviation grows); `direction` (point, slow, number), real parts of the eigenvectors of the
        first modes; `outputs` (point, output), probabilities (numbers, where actions are continuous); `nearest_row`
        and `nearest_distance` (point, neighbour), decisions that were entered with the memory nearest to it, -1 where
        there are no more; `place` and `slow_in_plane` (point, axis), the point and its slowest direction in the
        first principal components. By `network`: `axes` (network, axis, number), `variance_share` (network, axis),
        `unrelated_distance`, `recorded_speed` (median), `starting_states`, and `trajectory` (network, stretch, step,
        axis) of the rows `trajectory_row` (stretch, step). By `held`, the inputs: `view` (held, height, width,
        channel), `view_row` (-1 for the mean input, whose view is the mean view) and `view_share`; `starts_elsewhere`
        (network, held).

    Raises:
        UserError: a parameter is unknown or out of range, the recording is of another agent, or there are no such rows.
        NotMeasurable: the recording does not hold the states that entered decisions, the state is too large, or
            episodes are too short.
    """
    chosen = with_settings(parameters or FixedPointsParameters(), settings)
    require_agent(agent, "fixed points")
    require_same(recording, agent)
    size = agent.policy.state_size
    if "state_entering" not in recording.columns:
        raise NotMeasurable(f"{recording.path}: does not hold the states of the memory that entered decisions")
    if size > _MOST_STATE:
        raise NotMeasurable(f"agent {agent.name!r}: its state has {size:,} numbers; {_MOST_STATE:,} are the most")
    stretches = Stretches.of(recording)
    views = chosen_views(recording, agent.policy, stretches, chosen.views, chosen.rows, chosen.seed)
    networks, why_not = _networks(agent, chosen)
    found = []
    with one_thread(), progress_bar("iterations", chosen.iterations * len(networks), progress) as advance:
        for name, policy in networks.items():
            of = points_of_network(name, policy, agent.policy, recording, stretches, views, chosen, advance)
            found.append(of)
    return _to_result(list(networks), found, recording, stretches, views, chosen, why_not)


def _networks(agent: Agent, chosen: FixedPointsParameters) -> tuple[dict[str, Policy], str]:
    """The agent's and one that has learned nothing, by name; and why there is none."""
    networks = {"trained": agent.policy}
    if not chosen.untrained:
        return networks, ""
    untrained = Untrained.one_of(agent, chosen.seed)
    if untrained.policies:
        networks["before training" if untrained.first is not None else "weights drawn anew"] = untrained.policies[-1]
    return networks, untrained.why_not


def _to_result(
    names: list[str],
    found: list[OfNetwork],
    recording: Recording,
    stretches: Stretches,
    views: Views,
    chosen: FixedPointsParameters,
    why_not: str,
) -> Result:
    points = xarray.concat([each.points for each in found], "point")
    if not points.sizes["point"]:
        raise NotMeasurable(
            f"{recording.path}: no point is as slow as {chosen.slow_share:g} of the recorded memory; give a larger "
            "slow_share"
        )
    networks = xarray.concat([each.network for each in found], "network")
    pictures = observations_at(recording, views.rows)
    mean = stretches.read(recording, "observation").mean(axis=(0, 1))
    shown = np.concatenate([pictures, mean[None].astype(pictures.dtype)])
    data = points.merge(networks).assign(
        view=(("held", "height", "width", "channel"), shown),
        view_row=("held", [*views.rows.tolist(), -1]),
        view_share=("held", [*views.shares.tolist(), np.nan], {"units": "share of decisions"}),
        trajectory_row=(("stretch", "step"), stretches.rows),
    )
    near = points["nearest_row"].values[:, 0]
    data["nearest_view"] = (("point", "height", "width", "channel"), observations_at(recording, near))
    data = data.assign_coords(network=names, held=[*views.names, MEAN])
    if all(each.is_whole for each in found):
        data = data.isel(held=slice(len(views.names)))  # the mean input was held by none
    data.attrs |= clock_attributes(recording.world.clock) | {"picture": picture_attribute(recording.world)}
    data.attrs["layer"] = recording.layers_of("memory")[0]
    data.attrs["caption"] = _caption(data, found, stretches, recording, chosen, why_not)
    return Result("fixed_points", data, stated(chosen), provenance(recording=recording))


def _caption(
    data: xarray.Dataset,
    found: list[OfNetwork],
    stretches: Stretches,
    recording: Recording,
    chosen: FixedPointsParameters,
    why_not: str,
) -> str:
    starts = ", ".join(f"{int(each)}" for each in np.unique(data["starting_states"].values))
    sentences = [
        f"The memory under one input that stays: a fixed point moves by less than {chosen.fixed_speed:g} of the "
        f"distance of unrelated states in a decision; a slow point is one where the speed is least, and less than "
        f"{chosen.slow_share:g} of its recorded median. Sought from {starts} recorded states under each input "
        f"(Sussillo & Barak 2013); n = {recording.frames:,} decisions.",
        f"Lines: some of {stretches.rows.size:,} decisions in {len(stretches.rows)} "
        f"{'stretch' if len(stretches.rows) == 1 else 'stretches'}, in the first principal components of each "
        "network's memory.",
    ]
    if len(data["network"]) > 1:
        other = str(data["network"].values[1])
        sentences.append(f"The other network ({other}) was shown the same views and has components of its own.")
    if any(each.is_whole for each in found):
        sentences.append("The mean input could not be held, for every step has to pass the whole network.")
    return " ".join([*sentences, why_not]).strip()


ANALYSIS = Analysis(
    name="fixed_points",
    title="Where the memory stands still",
    group="memory",
    summary="Fixed and slow points of the memory under inputs that the agent had, and how fast deviations die out.",
    run=fixed_points,
    parameters=FixedPointsParameters,
    of="recording",
    needs=(RECORDING, AGENT, MEMORY, FRAMES),
    draw=drawings_of_points,
    explore=panels_of_points,
    rank=40,
    methods="""
        Fixed and slow points of the memory were sought under inputs that the agent had had, {{ labels.held | listed }},
        by minimising the speed with which the state changes while the input is held [@sussillo2013], from {{
        found.starting_states | max }} recorded states under each. A point counts as fixed where its speed is at most
        {{ fixed_speed }} of the distance of unrelated states in a decision, and as slow where it is at most {{
        slow_share }} of the recorded median; points nearer to each other than {{ merge_distance }} of the distance of
        unrelated states were taken for one, and those farther than {{ farthest }} from all recorded states were left
        out. {{ sizes.point }} were found in {{ labels.network | listed }}. Their stability was read off the eigenvalues
        of the Jacobian (seed {{ seed }}).
    """,
)
