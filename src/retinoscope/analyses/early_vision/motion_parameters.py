"""Parameters of `tuning_to_motion`, and which gratings they mean for one agent."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from retinoscope.agents.policy import Layer, Policy
from retinoscope.analyses.early_vision.grating_parameters import frequencies_of
from retinoscope.analyses.early_vision.receptive_field_parameters import ends_of_stages, maps_of_encoder
from retinoscope.errors import UserError
from retinoscope.settings import parameters, setting
from retinoscope.stimuli.gratings import Gratings, highest_contrast
from retinoscope.stimuli.white_noise import noise_level

Array = NDArray[np.float64]

_STILL_PHASES = 4
"""Of the root-mean-square over a cycle, four samples give for a sinusoid, and for half of one, what many would give."""


@parameters("tuning to motion")
class TuningToMotionParameters:
    """Parameters of `tuning_to_motion`."""

    layers: tuple[str, ...] | None = setting(
        None,
        "names of layers; none for those that can tell motion: with stacked frames the maps of the encoder (of more "
        "than eight, the first and the last of each size) and its output, and the memory",
        fewest=1,
    )
    most_units: int = setting(
        256,
        "number of units of a layer that are measured, at most, evenly spaced among all; of a map a unit is a channel",
        least=1,
    )
    directions: int = setting(
        16, "number of directions over 360 degrees; an even number, so that each has its opposite", least=4
    )
    frequencies: int = setting(6, "number of spatial frequencies, evenly spaced on a logarithmic scale", least=3)
    lowest_frequency: float | None = setting(
        None, "none for one cycle in the longer side of the picture", units="cycles per pixel", above=0
    )
    highest_frequency: float = setting(
        0.5, "0.5 is the finest that pixels can show", units="cycles per pixel", above=0, most=0.5
    )
    cycle_steps: tuple[int, ...] = setting(
        (4, 8, 16),
        "how long a cycle lasts: a grating drifts by one of its cycles in so many decisions, 3 at least",
        units="decisions",
        fewest=1,
    )
    settling_steps: int = setting(
        32, "how long a memory sees a grating before its answers count", units="decisions", least=0
    )
    untrained: int | None = setting(
        None,
        "number of networks with random weights, measured beside the agent and the first checkpoint of "
        "its run; none for 5, or, where these take more than 2e12 operations, as many as these allow, 2 "
        "at least",
        least=0,
    )
    batch_size: int = setting(128, "gratings at a time", units="gratings", least=1)
    seed: int = setting(0, "seed of the untrained networks", least=0)


@dataclass(frozen=True)
class MotionDesign:
    """The gratings for one agent.

    Attributes:
        mean: grey level, pixel units.
        amplitude: of every channel, pixel units.
        directions: degrees, into which stripes drift. frequencies: cycles per pixel.
        cycle_steps: decisions in which they drift by a cycle.
        ages: (channel,) of the frame that a channel belongs to, decisions; the newest is 0.
    """

    mean: float
    amplitude: float
    directions: Array
    frequencies: Array
    cycle_steps: tuple[int, ...]
    ages: NDArray[np.int64]

    @property
    def rates(self) -> Array:
        """Cycles per decision."""
        return 1 / np.array(self.cycle_steps, float)

    def drifting(self, rate: int, steps: NDArray[np.int64]) -> Gratings:
        """What is seen at chosen decisions: (direction, frequency, step), the last varying fastest.

        Args:
            rate: number of the rate.
            steps: decisions since phase 0.
        """
        cycle = self.cycle_steps[rate]
        shape = (len(self.directions), len(self.frequencies), len(steps))
        direction, frequency, step = (each.ravel() for each in np.indices(shape))
        phase = 360 * steps[step] / cycle
        # What an older frame shows lies behind what is seen now.
        channels = self.amplitude * np.exp(2j * np.pi * self.ages / cycle)
        return Gratings(
            self.mean,
            self.directions[direction],
            self.frequencies[frequency],
            phase,
            np.broadcast_to(channels, (len(phase), len(channels))),
        )

    def still(self) -> Gratings:
        """(orientation, frequency, phase): the same stripes standing still, in every orientation once."""
        shape = (len(self.directions) // 2, len(self.frequencies), _STILL_PHASES)
        orientation, frequency, phase = (each.ravel() for each in np.indices(shape))
        return Gratings(
            self.mean,
            self.directions[orientation],
            self.frequencies[frequency],
            360 * phase / _STILL_PHASES,
            np.full((len(phase), len(self.ages)), self.amplitude),
        )

    def grey(self) -> Gratings:
        """The grey screen: one grating without contrast."""
        one = replace(self, amplitude=0.0).still()
        return Gratings(self.mean, one.orientation[:1], one.frequency[:1], one.phase[:1], one.amplitude[:1])


def motion_design_of(policy: Policy, asked: TuningToMotionParameters, frames: int) -> MotionDesign:
    """The gratings that the parameters mean for this policy, of the highest contrast that pixels can show.

    Raises:
        UserError: the parameters cannot go together.
    """
    if asked.directions % 2:
        raise UserError(
            f"tuning to motion: directions is {asked.directions}; give an even number, so that each has its opposite"
        )
    if min(asked.cycle_steps) < 3:
        raise UserError(
            f"tuning to motion: cycle_steps has {min(asked.cycle_steps)}; give 3 at least, for what drifts by half a "
            "cycle at every decision drifts either way"
        )
    mean, _ = noise_level(policy.grey_level)
    channels = policy.observation_shape[2]
    return MotionDesign(
        mean=mean,
        amplitude=min(highest_contrast(mean), 1.0) * mean,
        directions=np.arange(asked.directions) * 360 / asked.directions,
        frequencies=frequencies_of(
            policy, "tuning to motion", asked.frequencies, asked.lowest_frequency, asked.highest_frequency
        ),
        cycle_steps=tuple(sorted(set(asked.cycle_steps), reverse=True)),
        ages=frames - 1 - np.arange(channels) // (channels // frames),
    )


def is_behind(layer: Layer) -> bool:
    """Whether a layer lies behind the encoder, where a memory may have a say."""
    return layer.role not in ("encoder stage", "encoder output")


def motion_layers_of(policy: Policy, asked: TuningToMotionParameters, frames: int) -> list[Layer]:
    """The layers that are measured, in order.

    Raises:
        UserError: there is no such layer.
    """
    if asked.layers is not None:
        return [policy.layer(name) for name in dict.fromkeys(asked.layers)]
    memory = list(policy.layers_of("memory"))
    if frames == 1:
        return memory or [policy.layers[0]]
    output = [each for each in policy.layers_of("encoder output") if not each.is_map]
    return [*ends_of_stages(maps_of_encoder(policy)), *output, *memory]
