"""What a training can be told beyond its task: the levers that decide how much of early vision is learned.

They are the same for an agent and for its supervised twin. What each does to the receptive fields is in
docs/early-vision.md.
"""

from __future__ import annotations

import math
from typing import Literal

import pydantic

Schedule = Literal["linear", "cosine", "exponential", "constant"]


def share_of_learning_rate(schedule: Schedule, done: float, least: float, warm_up: float = 0.0) -> float:
    """Share of the learning rate that a schedule leaves.

    Args:
        schedule: how it falls from 1 to `least`.
        done: share of the training that is over, 0 to 1.
        least: share at the end.
        warm_up: share of the training in which it rises.
    """
    if done < warm_up:
        return max(done / warm_up, 0.01)  # not from zero, so that the first step is one
    done = (done - warm_up) / (1.0 - warm_up)
    falls = {
        "linear": 1.0 - (1.0 - least) * done,
        "cosine": least + (1.0 - least) * (1.0 + math.cos(math.pi * done)) / 2,
        "exponential": least**done,
        "constant": 1.0,
    }
    return falls[schedule]


class Levers(pydantic.BaseModel):
    """Weight decay by part of the network, penalties, noise, and an auxiliary objective.

    The decay is decoupled from the gradient (Loshchilov & Hutter 2019, "Decoupled weight decay regularization"): every
    step takes `learning rate x decay` of a weight away. Biases do not decay. Noise and activity penalty are those of
    Lindsey et al. (2019).
    """

    model_config = pydantic.ConfigDict(frozen=True, extra="forbid")

    convolution_weight_decay: float = pydantic.Field(
        0.0, ge=0, description="weight decay of the kernels of convolutions"
    )
    dense_weight_decay: float = pydantic.Field(0.0, ge=0, description="weight decay of the encoder's dense layers")
    memory_weight_decay: float = pydantic.Field(0.0, ge=0, description="weight decay of the recurrent layer")
    head_weight_decay: float = pydantic.Field(0.0, ge=0, description="weight decay of actor and critic")
    final_weight_decay: float = pydantic.Field(
        1.0,
        ge=0,
        le=1,
        description="share of all weight decay that is left at the end; it falls linearly",
    )
    weight_decay_fall: tuple[float, float] = pydantic.Field(
        (0.0, 1.0), description="beginning and end of that fall, as shares of the training"
    )
    activity_penalty: float = pydantic.Field(
        0.0, ge=0, description="weight of the mean absolute activity of the convolutions in the loss"
    )
    input_noise: float = pydantic.Field(
        0.0, ge=0, description="noise added to the input of the first layer, in its units"
    )
    retinal_noise: float = pydantic.Field(0.0, ge=0, description="noise added to the output of the retina, conv2")
    noise: Literal["gaussian", "poisson"] = pydantic.Field(
        "gaussian", description="kind of noise; poisson: its variance grows with the activity, as for photons or spikes"
    )
    reconstruction_weight: float = pydantic.Field(
        0.0, ge=0, description="weight of an auxiliary objective: to reconstruct the observation"
    )
    reconstruction_layer: str = pydantic.Field("fc", description="layer from which it is reconstructed: conv1, ... fc")

    @pydantic.field_validator("weight_decay_fall")
    @classmethod
    def _in_order(cls, fall: tuple[float, float]) -> tuple[float, float]:
        if not 0 <= fall[0] <= fall[1] <= 1:
            raise ValueError("give two shares of the training, the smaller one first")
        return fall

    def share_of_weight_decay(self, done: float) -> float:
        """Share of all weight decay that is left when the share `done` of the training is over."""
        start, stop = self.weight_decay_fall
        fallen = float(done >= stop) if start == stop else min(max((done - start) / (stop - start), 0.0), 1.0)
        return 1.0 - (1.0 - self.final_weight_decay) * fallen
