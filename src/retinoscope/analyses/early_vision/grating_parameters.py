"""Parameters of `tuning_to_gratings`, and which gratings they mean for one agent."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from retinoscope.agents.agent import Agent
from retinoscope.agents.policy import Layer, Policy
from retinoscope.analyses.early_vision.receptive_field_parameters import ends_of_stages, maps_of_encoder
from retinoscope.errors import UserError
from retinoscope.settings import parameters, setting
from retinoscope.stimuli.gratings import Gratings, colour_axes, highest_contrast
from retinoscope.stimuli.white_noise import noise_level
from retinoscope.worlds.choosing import declared_by
from retinoscope.worlds.declaration import Picture
from retinoscope.worlds.world import World

Array = NDArray[np.float64]


@parameters("tuning to gratings")
class TuningToGratingsParameters:
    """Parameters of `tuning_to_gratings`."""

    layers: tuple[str, ...] | None = setting(
        None,
        "names of layers; none for the maps of the encoder (of more than eight, the first and the last of each size), "
        "its output and the memory",
        fewest=1,
    )
    most_units: int = setting(
        256,
        "number of units of a layer that are measured, at most, evenly spaced among all; of a map a unit is a channel",
        least=1,
    )
    orientations: int = setting(
        18, "number of orientations over 180 degrees; an even number, so that each has its orthogonal", least=4
    )
    frequencies: int = setting(12, "number of spatial frequencies, evenly spaced on a logarithmic scale", least=3)
    lowest_frequency: float | None = setting(
        None, "none for one cycle in the longer side of the picture", units="cycles per pixel", above=0
    )
    highest_frequency: float = setting(
        0.5, "0.5 is the finest that pixels can show", units="cycles per pixel", above=0, most=0.5
    )
    phases: int = setting(8, "number of phases over a cycle", least=4)
    highest_contrast: float | None = setting(
        None,
        "amplitude of a grating over the grey level; none for the highest that stays within 0 to 255",
        above=0,
        most=1,
    )
    contrasts: int = setting(8, "number of contrasts, evenly spaced on a logarithmic scale over five octaves", least=3)
    untrained: int | None = setting(
        None,
        "number of networks with random weights, measured beside the agent and the first checkpoint of "
        "its run; none for 5, or, where these take more than 2e12 operations, as many as these allow, 2 "
        "at least",
        least=0,
    )
    shuffles: int = setting(
        200, "number of shuffles of orientations and phases, for the selectivity that occurs by chance", least=20
    )
    batch_size: int = setting(
        128, "gratings at a time; memory grows with it and with the number of units", units="gratings", least=1
    )
    seed: int = setting(0, "seed of the untrained networks and of the shuffles", least=0)


@dataclass(frozen=True)
class Design:
    """The gratings for one agent.

    Attributes:
        mean: grey level, pixel units.
        orientations, phases: degrees. frequencies: cycles per pixel. contrasts: amplitude over the grey level.
        axes: name -> (channel,) directions in colour space, of length 1 in a frame.
    """

    mean: float
    orientations: Array
    frequencies: Array
    phases: Array
    contrasts: Array
    axes: dict[str, Array]

    @property
    def amplitude(self) -> float:
        """Along every axis of the table alike: what the axis that needs the most of one primary has room for."""
        return float(self.contrasts[-1] * self.mean / max(np.abs(axis).max() for axis in self.axes.values()))

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """(axis, orientation, frequency, phase)."""
        return len(self.axes), len(self.orientations), len(self.frequencies), len(self.phases)

    def table(self) -> Gratings:
        """All of `shape`, the last of them varying fastest."""
        axis, orientation, frequency, phase = (each.ravel() for each in np.indices(self.shape))
        directions = np.stack(list(self.axes.values()))
        return Gratings(
            self.mean,
            self.orientations[orientation],
            self.frequencies[frequency],
            self.phases[phase],
            self.amplitude * directions[axis],
        )

    def grey(self) -> Gratings:
        """The grey screen: one grating without contrast."""
        nothing = np.zeros(1)
        return Gratings(self.mean, nothing, nothing, nothing, np.zeros((1, len(next(iter(self.axes.values()))))))

    def contrast_series(self, places: NDArray[np.int64]) -> Gratings:
        """Chosen gratings at every contrast and phase.

        Args:
            places: (grating, 3) numbers of axis, orientation and frequency.

        Returns:
            (grating, contrast, phase), the last varying fastest. Contrast is that of the primary that varies most.
        """
        chosen, contrast, phase = (
            each.ravel() for each in np.indices((len(places), len(self.contrasts), len(self.phases)))
        )
        directions = np.stack([axis / np.abs(axis).max() for axis in self.axes.values()])
        axis, orientation, frequency = places[chosen].T
        return Gratings(
            self.mean,
            self.orientations[orientation],
            self.frequencies[frequency],
            self.phases[phase],
            self.mean * self.contrasts[contrast][:, None] * directions[axis],
        )


def design_of(policy: Policy, asked: TuningToGratingsParameters, frames: int) -> Design:
    """The gratings that the parameters mean for this policy, around its grey level as white noise is.

    Raises:
        UserError: the parameters cannot go together, or the contrast leaves the range of pixels.
    """
    if asked.orientations % 2:
        raise UserError(
            f"tuning to gratings: orientations is {asked.orientations}; give an even number, so that each has its "
            "orthogonal"
        )
    mean, _ = noise_level(policy.grey_level)
    room = highest_contrast(mean)
    highest = min(room, 1.0) if asked.highest_contrast is None else asked.highest_contrast
    if highest > room * (1 + 1e-9):
        raise UserError(
            f"tuning to gratings: highest_contrast is {highest:g}; around this agent's grey level of {mean:.4g} pixels "
            f"would leave 0 to 255, give at most {room:.3g}"
        )
    return Design(
        mean=mean,
        orientations=np.arange(asked.orientations) * 180 / asked.orientations,
        frequencies=frequencies_of(
            policy, "tuning to gratings", asked.frequencies, asked.lowest_frequency, asked.highest_frequency
        ),
        phases=np.arange(asked.phases) * 360 / asked.phases,
        contrasts=np.geomspace(highest / 32, highest, asked.contrasts),
        axes=colour_axes(policy.observation_shape[2], frames),
    )


def picture_of(agent: Agent | Policy, world: World | None) -> Picture | None:
    """What is declared of the observations, if it is of those that the agent sees.

    Args:
        agent: an agent or its policy, of which no world is known.
        world: in which it lives; None for its own.
    """
    declared = world.declaration if world is not None else declared_by(agent) if isinstance(agent, Agent) else None
    policy = agent.policy if isinstance(agent, Agent) else agent
    is_its_own = declared is not None and declared.picture.shape == policy.observation_shape
    return declared.picture if declared is not None and is_its_own else None


def frequencies_of(policy: Policy, whose: str, count: int, lowest: float | None, highest: float) -> Array:
    """Spatial frequencies, evenly spaced on a logarithmic scale, cycles per pixel.

    Args:
        policy: that is shown the gratings.
        whose: parameters these are, for messages.
        count: how many.
        lowest: None for one cycle in the longer side of the picture.
        highest: likewise cycles per pixel.

    Raises:
        UserError: the lowest is not below the highest.
    """
    height, width, _ = policy.observation_shape
    first = min(1 / max(height, width), highest / 2) if lowest is None else lowest
    if not first < highest:
        raise UserError(f"{whose}: lowest_frequency is {first:g}; give less than highest_frequency, {highest:g}")
    return np.geomspace(first, highest, count)


def layers_of(policy: Policy, asked: TuningToGratingsParameters) -> list[Layer]:
    """The layers that are measured, in order.

    Raises:
        UserError: there is no such layer.
    """
    if asked.layers is not None:
        return [policy.layer(name) for name in dict.fromkeys(asked.layers)]
    behind = [each for each in policy.layers_of("encoder output", "memory") if not each.is_map]
    return [*ends_of_stages(maps_of_encoder(policy)), *behind] or [policy.layers[0]]


def units_of(layer: Layer, most_units: int) -> NDArray[np.int64]:
    """Numbers of the units that are measured, evenly spaced among all."""
    count = min(layer.shape[0], most_units)
    return np.unique(np.linspace(0, layer.shape[0] - 1, count).round().astype(np.int64))
