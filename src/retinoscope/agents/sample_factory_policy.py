"""From the configuration and the weights of a Sample Factory run to its policy, or to the reason why there is none.

Which network a run has is seen from the names of its weights; every one of them has to find its place.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from retinoscope.agents.actor_critic import NetworkDescription
from retinoscope.agents.from_module import from_module
from retinoscope.agents.networks import NetworkConfig
from retinoscope.agents.policy import ActionHead, Policy
from retinoscope.agents.sample_factory_config import (
    network_config_of,
    older_network_config_of,
    require_one_layer,
)
from retinoscope.agents.sample_factory_networks import SampleFactoryNetwork, names_in_checkpoint
from retinoscope.agents.sample_factory_spaces import (
    SPACES_FILE,
    StatedSpaces,
    heads_of_older_run,
    heads_of_run,
)
from retinoscope.agents.weights import build_policy
from retinoscope.errors import UserError
from retinoscope.scenarios import Scenario

_ACTOR = "action_parameterization.distribution_linear."
_DEVIATIONS = "action_parameterization.learned_stddev"
_PIXELS = "obs_normalizer.running_mean_std.running_mean_std.obs."
_RETURNS = "returns_normalizer."
_COUNTS = (f"{_PIXELS}count", f"{_RETURNS}count")  # of what was averaged; nothing is computed from them
_HEADS = {"core.core.": "rnn.", "critic_linear.": "value.", _ACTOR: "policy."}
_OUR_ENCODER = "encoder.network."
_OUR_DECODER = "encoder.decoder."  # learned for an auxiliary objective; no part of the agent
_OLDER_ENCODERS = ("encoder.base_encoder.", "encoder.basic_encoder.")  # with Sample Factory 1, and at first with 2
_OWN_ENCODERS = ("encoder.encoders.obs.", "encoder.basic_encoder.")  # the usual one, and that of its ViZDoom examples
_KINDS = ("weight", "bias")
_VARIANCE_FLOOR = 1e-5  # Sample Factory adds this to running variances
_LIMIT = 5.0  # and clips what it normalised by them here
_LIVE = "give the live module to retinoscope.from_module instead"
_LUMINANCE = (0.2989, 0.587, 0.114)  # by which the older system's views were made grey


@dataclass(frozen=True)
class Run:
    """What a run's directory holds.

    Attributes:
        path: of the checkpoint.
        configuration: Sample Factory's.
        model: the weights, by Sample Factory's names.
        scenario: the arena, if it is there.
        stated: spaces that a person stated.
    """

    path: Path
    configuration: dict[str, Any]
    model: dict[str, torch.Tensor]
    scenario: Scenario | None
    stated: StatedSpaces

    def has(self, prefix: str) -> bool:
        """Some weight's name begins so."""
        return any(name.startswith(prefix) for name in self.model)

    def refused(self, why: object) -> UserError:
        """The error of a run that cannot be loaded."""
        return UserError(f"{self.path}: {why}")


def policy_of(run: Run) -> Policy:
    """The policy of a run.

    Raises:
        UserError: it cannot be told, or cannot be expressed.
    """
    if run.has("actor_encoder."):
        raise run.refused(
            "its actor and critic have networks of their own (actor_critic_share_weights is false), which is not "
            f"supported; {_LIVE}"
        )
    if f"{_ACTOR}weight" not in run.model:
        raise run.refused(f"has no actor that Sample Factory makes; {_LIVE}")
    if run.has(_OUR_ENCODER):
        return _ours(run)
    for prefix in _OLDER_ENCODERS:
        if run.has(f"{prefix}fc1.") and run.configuration.get("encoder_custom") == "lindsey":
            return _of_older_system(run, prefix)
    for prefix in _OWN_ENCODERS:
        if run.has(prefix):
            return _own(run, prefix)
    raise run.refused(_unknown_encoder(next((name for name in run.model if name.startswith("encoder.")), _ACTOR)))


def _unknown_encoder(weight: str) -> str:
    return f"its network is not Sample Factory's own (see the weight {weight}), but the user's; {_LIVE}"


def _ours(run: Run) -> Policy:
    """A run that `retinoscope train` made."""
    config = _checked(run, network_config_of)
    heads = _heads(run)
    if run.scenario is not None:
        shape = (run.scenario.observation.height, run.scenario.observation.width, 3)
    else:
        shape = _stated_size(run, 3)
    used = {name: f"encoder.{name.removeprefix(_OUR_ENCODER)}" for name in run.model if name.startswith(_OUR_ENCODER)}
    return _actor_critic(run, config, shape, heads, used)


def _of_older_system(run: Run, prefix: str) -> Policy:
    """A run of the system before this one, which kept its encoder twice and computed with that at `prefix`."""
    config = _checked(run, older_network_config_of)
    heads = heads_of_older_run(len(run.model[f"{_ACTOR}weight"]), run.stated, run.path)
    model = dict(run.model)
    inner = {name.removeprefix(prefix): tensor for name, tensor in model.items() if name.startswith(prefix)}
    for name in [name for name in model if name.startswith("encoder.")]:
        if name.removeprefix(prefix) not in inner and name.removeprefix("encoder.") not in inner:
            raise run.refused(_unknown_encoder(name))
        del model[name]
    for n in (1, 2):  # its first versions gave these a second name
        for kind in _KINDS:
            again, first = inner.pop(f"conv{n}.{kind}", None), inner.get(f"conv_head.{2 * n - 2}.{kind}")
            if again is not None and (first is None or not torch.equal(again, first)):
                raise run.refused(_unknown_encoder(f"{prefix}conv{n}.{kind}"))
    if run.configuration.get("greyscale") and "conv_head.0.weight" in inner:
        kernels = inner["conv_head.0.weight"]
        if kernels.shape[1] != 1:
            raise run.refused("greyscale is true, its first convolution sees colours; restore its configuration")
        # A convolution of the weighted sum of the colours is one of the colours, whose kernels are weighted.
        inner["conv_head.0.weight"] = kernels * torch.tensor(_LUMINANCE, dtype=kernels.dtype)[:, None, None]
    for name in (f"{_PIXELS}running_mean", f"{_PIXELS}running_var"):
        if name in model:
            model[name] = model[name].permute(1, 2, 0)  # its views had their channels first
    places = {f"conv_head.{2 * n}": f"encoder.layers.conv{n + 1}.convolution" for n in range(config.vvs_depth + 2)}
    places["fc1"] = "encoder.layers.fc.linear"
    used = {f"{theirs}.{kind}": f"{ours}.{kind}" for theirs, ours in places.items() for kind in _KINDS}
    whole = Run(run.path, run.configuration, model | inner, run.scenario, run.stated)
    return _actor_critic(whole, config, _stated_size(run, 3), heads, used)


def _actor_critic(
    run: Run,
    config: NetworkConfig,
    shape: tuple[int, int, int],
    heads: tuple[ActionHead, ...],
    encoder: Mapping[str, str],
) -> Policy:
    """One of this package's networks.

    Args:
        run: the run.
        config: the network's shape.
        shape: of an observation, (height, width, channel).
        heads: of the actor.
        encoder: from Sample Factory's names of the encoder's weights to ours.
    """
    tensors: dict[str, torch.Tensor] = {}
    for name, tensor in run.model.items():
        ours = encoder.get(name) or next(
            (new + name.removeprefix(old) for old, new in _HEADS.items() if name.startswith(old)), None
        )
        if ours is not None:
            tensors[ours] = tensor
        elif not name.startswith((_PIXELS, _RETURNS, _OUR_DECODER)):
            raise run.refused(f"has a weight {name}, for which this network has no place; {_LIVE}")
    tensors |= _statistics(run.model, run.configuration)
    tensors = {name: tensor.float().contiguous() for name, tensor in tensors.items()}
    try:
        return build_policy(NetworkDescription(config, shape, heads), tensors, run.path)
    except UserError as error:
        raise error if str(error).startswith(str(run.path)) else run.refused(error) from None


def _own(run: Run, prefix: str) -> Policy:
    """A run with one of Sample Factory's own networks."""
    model = run.model
    for name in model:
        if "measurements" in name:
            raise run.refused(f"its network is also given numbers ({name}), which are not in a picture; {_LIVE}")
    outputs, has_deviations = len(model[f"{_ACTOR}weight"]), _DEVIATIONS in model
    heads = _heads(run)
    normalised = f"{_PIXELS}running_mean" in model
    shape = _own_shape(run, prefix)
    try:
        network = SampleFactoryNetwork(
            run.configuration, shape, outputs, has_deviations, normalised, f"{_RETURNS}running_mean" in model
        )
    except UserError as error:
        raise run.refused(error) from None
    expected = network.state_dict()
    names = dict(names_in_checkpoint(network, prefix))
    for ours, theirs in names.items():
        if theirs not in model:
            raise run.refused(f"lacks {theirs}, which the network of its configuration has; {_LIVE}")
        if model[theirs].shape != expected[ours].shape:
            shapes = f"{tuple(model[theirs].shape)}, the configuration asks for {tuple(expected[ours].shape)}"
            raise run.refused(f"{theirs} has shape {shapes}; the network does not fit its configuration")
        if not torch.isfinite(model[theirs]).all():
            raise run.refused(f"{theirs} holds values that are not finite; use an earlier checkpoint")
    for name in model.keys() - {*names.values(), *_COUNTS}:
        raise run.refused(_unknown_encoder(name))
    network.load_state_dict({ours: model[theirs].float() for ours, theirs in names.items()})
    try:
        return from_module(
            network,
            observation_shape=shape,
            actions=heads,
            initial_state=network.state_size or None,
            name=run.path.stem,
        ).policy
    except UserError as error:
        raise run.refused(error) from None


def _own_shape(run: Run, prefix: str) -> tuple[int, int, int]:
    """(height, width, channel) of the pictures, which Sample Factory's own networks get with the channels first."""
    mean = run.model.get(f"{_PIXELS}running_mean")
    if mean is not None:
        if mean.ndim != 3:
            raise run.refused(f"its observations have shape {tuple(mean.shape)} and are no pictures; {_LIVE}")
        channel, height, width = mean.shape
        shape = (height, width, channel)
        if run.stated.observation not in (None, shape):
            wrong = run.stated.observation
            raise run.refused(f"its observations have shape {shape}, {SPACES_FILE} says {wrong}; correct it")
        return shape
    first = next(
        (run.model[name] for inner in ("enc.", "") if (name := f"{prefix}{inner}conv_head.0.weight") in run.model), None
    )
    if first is None:
        raise run.refused(_unknown_encoder(next(name for name in run.model if name.startswith(prefix))))
    return _stated_size(run, first.shape[1])


def _stated_size(run: Run, channels: int) -> tuple[int, int, int]:
    """The size of the pictures where the weights do not tell: as a person or the configuration states it."""
    if run.stated.observation is not None:
        return run.stated.observation
    if str(run.configuration.get("env")).startswith("atari_"):
        return 84, 84, channels
    try:
        return int(run.configuration["res_h"]), int(run.configuration["res_w"]), channels
    except (KeyError, TypeError, ValueError):
        if run.scenario is not None:
            return run.scenario.observation.height, run.scenario.observation.width, channels
        raise run.refused(
            f"the run does not say how large its views are; add {SPACES_FILE} to it, such as "
            f'{{"observation": [72, 128, {channels}]}}'
        ) from None


def _heads(run: Run) -> tuple[ActionHead, ...]:
    has_deviations = _DEVIATIONS in run.model
    outputs = len(run.model[f"{_ACTOR}weight"]) * (2 if has_deviations else 1)
    return heads_of_run(outputs, run.configuration, run.scenario, run.stated, run.path, has_deviations)


def _checked(run: Run, read: Any) -> NetworkConfig:
    try:
        require_one_layer(run.configuration)
        found: NetworkConfig = read(run.configuration)
    except UserError as error:
        raise run.refused(error) from None
    return found


def _statistics(model: dict[str, torch.Tensor], configuration: dict[str, Any]) -> dict[str, torch.Tensor]:
    """Normalisation of pixels and values as buffers of `ActorCriticNetwork`."""
    mean = torch.tensor(float(configuration.get("obs_subtract_mean", 0.0)))
    scale = torch.tensor(float(configuration.get("obs_scale", 1.0)))
    found = {"input_limit": torch.tensor(float("inf")), "output_limit": torch.tensor(float("inf"))}
    if f"{_PIXELS}running_mean" in model:
        # They normalise twice: by the constants, then by running statistics of the result.
        mean = mean + scale * model[f"{_PIXELS}running_mean"]
        scale = scale * torch.sqrt(model[f"{_PIXELS}running_var"] + _VARIANCE_FLOOR)
        found["input_limit"] = torch.tensor(_LIMIT)
    found |= {"pixel_mean": mean, "pixel_scale": scale}
    found |= {"value_mean": torch.tensor(0.0), "value_scale": torch.tensor(1.0)}
    if f"{_RETURNS}running_mean" in model:
        found["value_mean"] = model[f"{_RETURNS}running_mean"].reshape(())
        found["value_scale"] = torch.sqrt(model[f"{_RETURNS}running_var"] + _VARIANCE_FLOOR).reshape(())
        found["output_limit"] = torch.tensor(_LIMIT)
    return found
