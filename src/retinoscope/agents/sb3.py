"""Agents of Stable-Baselines3 and sb3-contrib: PPO, A2C, DQN and RecurrentPPO that act from pixels.

The library itself is not imported: what it built is called by the names that it gives its parts, and at the end
compared with its own answers.
"""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import nn

from retinoscope.agents.actions import ActionHead, action_heads
from retinoscope.agents.agent import Agent
from retinoscope.agents.from_module import from_module
from retinoscope.agents.policy import inference
from retinoscope.errors import UserError
from retinoscope.worlds.world import World

_TOLERANCE = 1e-5
_ALGORITHMS = "PPO, A2C, DQN and RecurrentPPO"
_TRAINING = (
    "learning_rate",
    "gamma",
    "n_steps",
    "batch_size",
    "n_epochs",
    "gae_lambda",
    "ent_coef",
    "buffer_size",
)

Pixels = Callable[[torch.Tensor], torch.Tensor]


def from_sb3(model: Any, *, name: str | None = None, epsilon: float = 0.0, world: World | None = None) -> Agent:
    """An agent of a model of Stable-Baselines3 or sb3-contrib, as it is in memory.

    Its pixels are those that its environment gives, with stacked frames as channels, before `VecTransposeImage` and
    `VecNormalize`, which are taken over from the model, statistics included.

    Args:
        model: a PPO, A2C, DQN or RecurrentPPO that acts from pictures; networks of one's own are fine.
        name: for titles and file names; None for the algorithm's.
        epsilon: of DQN, the probability of a random action.
        world: in which it was trained; it also says what the actions are called.

    Raises:
        UserError: it is none of these, its observations are no pictures, or it does not compute what is read of it.
    """
    network = getattr(model, "policy", None)
    if not _is_theirs(model) or not isinstance(network, nn.Module):
        raise UserError(f"from_sb3: a {type(model).__name__} is no model of Stable-Baselines3; give {_ALGORITHMS}")
    if not any(isinstance(getattr(network, each, None), nn.Module) for each in ("q_net", "mlp_extractor")):
        raise UserError(f"from_sb3: {type(model).__name__} is not supported; give {_ALGORITHMS}")
    agent = agent_of_network(
        network,
        picture_shape(tuple(getattr(model.observation_space, "shape", None) or ())),
        model.action_space,
        _preprocess(model, network),
        name or type(model).__name__,
        epsilon,
        int(getattr(model, "num_timesteps", 0)) or None,
        () if world is None else world.declaration.actions[0].outputs,
    )
    agent.training.update(training_in(vars(model)))
    _require_same(agent, model)
    return dataclasses.replace(agent, predict=_Predict(model), world=world)


def agent_of_network(
    network: nn.Module,
    shape: tuple[int, int, int],
    actions: Any,
    preprocess: Pixels,
    name: str,
    epsilon: float = 0.0,
    frames_trained: int | None = None,
    names: Sequence[str] = (),
) -> Agent:
    """An agent of a network whose parts have the names that the library gives them.

    Args:
        network: `ActorCriticPolicy`, `RecurrentActorCriticPolicy` or `DQNPolicy`, or modules of the same names.
        shape: (height, width, channel) of its observations.
        actions: a space.
        preprocess: from pixels to what the features are extracted from.
        name: of the agent.
        epsilon: of Q-values.
        frames_trained: if known.
        names: of the actions, if there is one choice among that many.
    """
    kind = type(actions).__name__
    if kind == "MultiBinary" or np.any(np.asarray(getattr(actions, "start", 0))):
        raise UserError(f"agent {name!r}: actions {actions} are not supported; Discrete, MultiDiscrete and Box are")
    if getattr(network, "use_sde", False):
        raise UserError(f"agent {name!r}: its exploration depends on the state (gSDE), which is not supported")
    if getattr(actions, "n", None) == len(names):
        actions = tuple(names)
    common: dict[str, Any] = {
        "observation_shape": shape,
        "preprocess": preprocess,
        "name": name,
        "frames_trained": frames_trained,
    }
    q_network = getattr(network, "q_net", None)
    if isinstance(q_network, nn.Module):
        heads = action_heads(actions, q_values=True, epsilon=epsilon)
        return from_module(_without_optimizer(q_network), actions=heads, step=_q_values, **common)
    heads = action_heads(actions)
    own = _without_optimizer(network)
    if getattr(network, "lstm_actor", None) is None:
        return from_module(own, actions=heads, step=_actor_critic, **common)
    return from_module(own, actions=heads, step=_recurrent, initial_state=_Memory(network), **common)


def picture_shape(shape: tuple[int, ...]) -> tuple[int, int, int]:
    """(height, width, channel) of what a network takes with its channels first.

    Raises:
        UserError: it is no picture.
    """
    if len(shape) != 3:
        raise UserError(f"from_sb3: observations of shape {shape} are no pictures; a CnnPolicy is wanted")
    channel, height, width = shape
    return height, width, channel


def divided_by_255(pixels: torch.Tensor) -> torch.Tensor:
    """What the library does to pictures: channels first, and 0 to 1."""
    return channels_first(pixels) / 255


def channels_first(pixels: torch.Tensor) -> torch.Tensor:
    """(batch, height, width, channel) -> (batch, channel, height, width), float."""
    first = pixels.permute(0, 3, 1, 2)
    return first if first.is_floating_point() else first.float()


class Normalised:
    """`VecNormalize`: less the mean, over the standard deviation, cut; then channels first.

    Args:
        statistics: a `VecNormalize`.
        is_first: its pictures have their channels first.
    """

    def __init__(self, statistics: Any, is_first: bool) -> None:
        deviation = np.sqrt(statistics.obs_rms.var + statistics.epsilon)
        self.mean, self.deviation = (torch.from_numpy(np.asarray(e)) for e in (statistics.obs_rms.mean, deviation))
        self.limit, self.is_first = float(statistics.clip_obs), is_first

    def __call__(self, pixels: torch.Tensor) -> torch.Tensor:
        pictures = channels_first(pixels) if self.is_first else pixels
        # In double precision, as there.
        scaled = (pictures.double() - self.mean.to(pixels.device)) / self.deviation.to(pixels.device)
        cut = scaled.clamp(-self.limit, self.limit).float()
        return cut if self.is_first else channels_first(cut)


class _Memory:
    """The states of the LSTMs at the start of an episode: (h, c) of the actor's and of the critic's, if it has one."""

    def __init__(self, network: Any) -> None:
        self.count = 1 if network.lstm_critic is None else 2
        self.layers, self.units = network.lstm_actor.num_layers, network.lstm_actor.hidden_size

    def __call__(self, batch: int) -> tuple[tuple[torch.Tensor, torch.Tensor], ...]:
        zeros = torch.zeros(self.layers, batch, self.units)
        return tuple((zeros, zeros.clone()) for _ in range(self.count))


def _q_values(network: Any, inputs: torch.Tensor, _: Any) -> torch.Tensor:
    values: torch.Tensor = network.q_net(network.features_extractor(inputs))
    return values


def _features(network: Any, inputs: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Of the actor and of the critic."""
    actor = network.pi_features_extractor(inputs)
    is_shared = network.vf_features_extractor is network.pi_features_extractor
    return actor, actor if is_shared else network.vf_features_extractor(inputs)


def _outputs(network: Any, actor: torch.Tensor, critic: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    numbers = network.action_net(network.mlp_extractor.forward_actor(actor))
    value = network.value_net(network.mlp_extractor.forward_critic(critic))
    deviations = getattr(network, "log_std", None)
    if deviations is not None:
        numbers = torch.cat([numbers, deviations.expand_as(numbers)], dim=1)
    return numbers, value


def _actor_critic(network: Any, inputs: torch.Tensor, _: Any) -> tuple[torch.Tensor, torch.Tensor]:
    return _outputs(network, *_features(network, inputs))


def _recurrent(network: Any, inputs: torch.Tensor, state: Any) -> tuple[torch.Tensor, torch.Tensor, Any]:
    features, of_critic = _features(network, inputs)
    hidden, leaving = network.lstm_actor(features[None], state[0])
    actor, states = hidden[0], [leaving]
    if network.lstm_critic is not None:
        hidden, leaving = network.lstm_critic(of_critic[None], state[1])
        critic, states = hidden[0], [*states, leaving]
    else:
        critic = actor if network.critic is None else network.critic(of_critic)
    return (*_outputs(network, actor, critic), states)


def _is_theirs(model: Any) -> bool:
    packages = {each.__module__.partition(".")[0] for each in type(model).__mro__}
    return bool(packages & {"stable_baselines3", "sb3_contrib"})


def training_in(described: Mapping[str, Any]) -> dict[str, object]:
    """Parameters of the training among what a model is described by."""
    return {name: described[name] for name in _TRAINING if isinstance(described.get(name), int | float)}


def _without_optimizer(network: nn.Module) -> nn.Module:
    """The same module, not to be copied with what its training needs and what it computed last."""
    own = copy.copy(network)
    for each in ("optimizer", "lr_schedule", "action_dist"):
        vars(own).pop(each, None)
    return own


def _preprocess(model: Any, network: Any) -> Pixels:
    space = model.observation_space
    statistics = model.get_vec_normalize_env()
    if statistics is not None and statistics.norm_obs:
        return Normalised(statistics, tuple(statistics.obs_rms.mean.shape) == tuple(space.shape))
    if space.dtype != np.uint8:
        raise UserError(
            f"from_sb3: observations of type {space.dtype} are not supported, pixels of 0 to 255 are; if VecNormalize "
            "makes them, load the model with its environment"
        )
    return divided_by_255 if network.normalize_images else channels_first


class _Predict:
    """The library's own forward pass over consecutive decisions, one at a time, as it plays."""

    def __init__(self, model: Any) -> None:
        self._model = model

    def __call__(self, observations: np.ndarray, is_start: np.ndarray) -> np.ndarray:
        """Logits, (time, output)."""
        network, states = self._model.policy, None
        was_training = network.training
        network.set_training_mode(False)
        found = []
        with inference():
            for pixels, start in zip(observations, is_start, strict=True):
                seen = _as_they_see(self._model, torch.from_numpy(pixels[None]).to(network.device))
                if getattr(network, "lstm_actor", None) is None:
                    found.append(_their_own(self._model, network, seen)[0])
                    continue
                if states is None:
                    zeros = torch.zeros(
                        network.lstm_actor.num_layers, 1, network.lstm_actor.hidden_size, device=seen.device
                    )
                    states = (zeros, zeros.clone())
                starts = torch.tensor([float(start)], device=seen.device)
                distribution, states = network.get_distribution(seen, states, starts)
                found.append(_numbers(distribution))
        network.set_training_mode(was_training)
        return torch.cat(found).cpu().numpy()


def _require_same(agent: Agent, model: Any) -> None:
    """What was read of the network is what the library computes.

    Raises:
        UserError: it is not.
    """
    policy, network = agent.policy, model.policy
    generator = torch.Generator().manual_seed(1)
    pixels = torch.randint(0, 256, (4, *policy.observation_shape), generator=generator, dtype=torch.uint8)
    pixels = pixels.to(policy.device)
    was_training = network.training
    network.set_training_mode(False)
    with inference():
        step = policy.step(pixels, policy.initial_state(4))
        logits, value = _their_own(model, network, _as_they_see(model, pixels))
    network.set_training_mode(was_training)
    ours = step.logits
    if policy.action_heads[0].kind == "choice":
        ours, logits = _log_probabilities(policy.action_heads, ours), _log_probabilities(policy.action_heads, logits)
    is_same = torch.allclose(ours, logits, rtol=_TOLERANCE, atol=_TOLERANCE)
    if not is_same or not torch.allclose(step.value, value.reshape(4), rtol=_TOLERANCE, atol=_TOLERANCE):
        raise UserError(
            f"agent {agent.name!r}: its network computes something else than {type(network).__name__} does as a rule; "
            "use retinoscope.from_module with a step of your own"
        )


def _log_probabilities(heads: tuple[ActionHead, ...], logits: torch.Tensor) -> torch.Tensor:
    parts = logits.split([len(head.outputs) for head in heads], dim=1)
    return torch.cat([part.log_softmax(dim=1) for part in parts], dim=1)


def _as_they_see(model: Any, pixels: torch.Tensor) -> torch.Tensor:
    """What the environment would hand to the model, by the library's own wrappers."""
    frames = pixels.cpu().numpy()
    statistics = model.get_vec_normalize_env()
    if statistics is not None and statistics.norm_obs:
        is_first = tuple(statistics.obs_rms.mean.shape) == tuple(model.observation_space.shape)
        frames = statistics.normalize_obs(np.moveaxis(frames, -1, 1) if is_first else frames)
        frames = frames if is_first else np.moveaxis(frames, -1, 1)
    else:
        frames = np.moveaxis(frames, -1, 1)
    return torch.from_numpy(np.ascontiguousarray(frames)).to(pixels.device)


def _their_own(model: Any, network: Any, seen: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Logits (or means and logarithms of deviations, or Q-values) and values, from the library's own methods."""
    if hasattr(network, "q_net"):
        values = network.q_net(seen)
        return values, values.max(dim=1).values
    if getattr(network, "lstm_actor", None) is None:
        return _numbers(network.get_distribution(seen)), network.predict_values(seen)
    zeros = torch.zeros(network.lstm_actor.num_layers, len(seen), network.lstm_actor.hidden_size, device=seen.device)
    states, starts = (zeros, zeros.clone()), torch.ones(len(seen), device=seen.device)
    distribution, _ = network.get_distribution(seen, states, starts)
    return _numbers(distribution), network.predict_values(seen, states, starts)


def _numbers(distribution: Any) -> torch.Tensor:
    inner = distribution.distribution
    if isinstance(inner, list | tuple):
        return torch.cat([each.logits for each in inner], dim=1)
    return torch.cat([inner.mean, inner.stddev.log()], dim=1) if hasattr(inner, "scale") else inner.logits
