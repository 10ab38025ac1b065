"""What every process of Sample Factory needs: our environment and encoder, a safe `torch.load`, quiet, and an end.

Sample Factory's processes are sent the registered factories by reference, so importing this module is the first thing
each of them does, or the process does that they are forked from; that is why it acts on import.
"""

from __future__ import annotations

import argparse
import logging
import multiprocessing
import os
import signal
import sys
import warnings
from multiprocessing.context import SpawnContext, SpawnProcess
from typing import Any

import gymnasium
import numpy as np
import torch
from sample_factory.algo.learning import learner_worker
from sample_factory.algo.runners import runner
from sample_factory.algo.utils import env_info
from sample_factory.algo.utils.context import global_model_factory, sf_global_context
from sample_factory.algo.utils.multiprocessing_utils import get_mp_ctx
from sample_factory.cfg.arguments import cfg_dict
from sample_factory.envs.env_utils import TrainingInfoInterface, register_env
from sample_factory.model.encoder import Encoder as SampleFactoryEncoder
from sample_factory.utils.utils import log as sample_factory_log

from retinoscope.agents.networks import NetworkConfig
from retinoscope.agents.own_encoder import make_encoder as encoder_of
from retinoscope.agents.safe_load import allow_sample_factory_checkpoints
from retinoscope.agents.sample_factory_config import network_config_of
from retinoscope.scale.spawning import end_with_parent, forget_what_opencv_left, termination_ignored
from retinoscope.scenarios import foreign_part
from retinoscope.training.learner import LeveredActorCritic, LeveredLearner, levers_of
from retinoscope.training.learning_pass import learning_pass, make_decoder
from retinoscope.training.levers import Levers

_MOST_FORKED = 128  # players

allow_sample_factory_checkpoints()
learner_worker.Learner = LeveredLearner
torch.set_num_threads(1)
# Sample Factory's own use of older interfaces, which its user can do nothing about.
for _message in ("env.* to get variables from other wrappers", "Converting a tensor with requires_grad", "`torch.jit"):
    warnings.filterwarnings("ignore", message=f".*{_message}")
for _handler in sample_factory_log.handlers:
    if not isinstance(_handler, logging.FileHandler):
        _handler.setLevel(logging.ERROR)  # the console; all else goes to sf_log.txt in the run directory


class TrainingEnvironment(gymnasium.Wrapper, TrainingInfoInterface):
    """The arena as Sample Factory wants it: a tuple of discrete actions, pick-ups per episode, harm weighted."""

    def __init__(self, scenario: str, harm_weights: tuple[float, float], harm_ramp_frames: tuple[int, int]) -> None:
        from retinoscope.worlds.doom.environment import GatheringEnvironment

        environment = GatheringEnvironment(scenario, objects_in_view=False)
        gymnasium.Wrapper.__init__(self, environment)
        TrainingInfoInterface.__init__(self)
        self._harm_weights, self._harm_ramp_frames = harm_weights, harm_ramp_frames
        self._effects = np.array(environment.scenario.class_effects)
        self._harm_reward = np.zeros(len(self._effects))  # an arena made elsewhere sets its own reward
        if foreign_part(environment.scenario) is None:
            self._harm_reward = environment.scenario.reward.pickup_scale * np.minimum(self._effects, 0)
        self._pickups = np.zeros(len(self._effects), np.int64)
        self.action_space = gymnasium.spaces.Tuple(
            [gymnasium.spaces.Discrete(len(outputs)) for outputs in environment.scenario.action_heads.values()]
        )

    def reset(self, **keywords: Any) -> Any:
        self._pickups[:] = 0
        return self.env.reset(**keywords)

    def step(self, action: Any) -> Any:
        observation, reward, terminated, truncated, info = self.env.step(np.asarray(action))
        pickups = info["pickups"][: len(self._effects)]  # pick-ups by kind come after those that are inferred
        self._pickups += pickups
        reward = float(reward) + (self._present_harm_weight() - 1) * float(pickups @ self._harm_reward)
        # Sample Factory copies what is in `info`, so it gets only what it uses.
        summary: dict[str, Any] = {}
        if terminated or truncated:
            summary["episode_extra_stats"] = {
                "healing": float(self._pickups[self._effects > 0].sum()),
                "harmful": float(self._pickups[self._effects < 0].sum()),
            }
        return observation, reward, terminated, truncated, summary

    def _present_harm_weight(self) -> float:
        frames = self.training_info.get("approx_total_training_steps", 0)
        return float(np.interp(frames, self._harm_ramp_frames, self._harm_weights))


class PixelEncoder(SampleFactoryEncoder):
    """Our encoder behind Sample Factory's interface; it gets normalised pixels as (batch, height, width, channel)."""

    def __init__(self, cfg: Any, observation_space: Any) -> None:
        super().__init__(cfg)
        config, self.levers = network_config_of(dict(cfg_dict(cfg))), levers_of(cfg)
        self.network = encoder_of(config, observation_space["obs"].shape)
        self.decoder = make_decoder(self.network, config, observation_space["obs"].shape, self.levers)
        self.auxiliary_loss: torch.Tensor | None = None

    def forward(self, observations: dict[str, torch.Tensor]) -> torch.Tensor:
        pixels = observations["obs"].permute(0, 3, 1, 2)
        decoder = self.decoder if self.training else None  # players need no reconstruction
        features, self.auxiliary_loss = learning_pass(self.network, decoder, pixels, self.levers)
        return features

    def model_to_device(self, device: torch.device) -> None:
        # After initialisation, which needs contiguous weights; on a CPU this layout trains a third faster.
        self.to(device=device, memory_format=torch.channels_last)

    def get_out_size(self) -> int:
        return self.network.out_features


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Teach Sample Factory's parser our options."""
    parser.add_argument("--scenario", type=str, required=True)
    parser.add_argument("--encoder_custom", type=str)
    parser.add_argument("--initial_harm_weight", type=float, default=1.0)
    parser.add_argument("--harm_weight", type=float, default=1.0)
    parser.add_argument("--harm_ramp_start", type=int, default=0)
    parser.add_argument("--harm_ramp_stop", type=int, default=1)
    for name, field in (NetworkConfig.model_fields | Levers.model_fields).items():
        if name not in ("encoder", "rnn", "rnn_size"):
            kind, default = type(field.default), field.default
            if kind is tuple:  # as text: Sample Factory knows no lists
                kind, default = str, ",".join(str(each) for each in field.default)
            parser.add_argument(f"--{name}", type=_boolean if kind is bool else kind, default=default)


def _boolean(text: str) -> bool:
    return text.lower() == "true"


def make_environment(_name: str, cfg: Any, _env_config: Any, render_mode: str | None = None) -> TrainingEnvironment:
    """The environment, by the signature that Sample Factory calls."""
    weights = (cfg.initial_harm_weight, cfg.harm_weight)
    return TrainingEnvironment(cfg.scenario, weights, (cfg.harm_ramp_start, cfg.harm_ramp_stop))


def make_encoder(cfg: Any, observation_space: Any) -> PixelEncoder:
    """The encoder, by the signature that Sample Factory calls."""
    return PixelEncoder(cfg, observation_space)


def make_actor_critic(cfg: Any, obs_space: Any, action_space: Any) -> LeveredActorCritic:
    """The network, by the signature that Sample Factory calls."""
    return LeveredActorCritic(global_model_factory(), obs_space, action_space, cfg)


class _Process:
    """Learner, inference and players alike would outlive a training that is killed outright.

    Asked to end (SIGTERM), as SLURM asks every process of a job, they go on until the training tells them: the learner
    has to save.
    """

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._variables = dict(os.environ)

    def run(self) -> None:
        os.environ.clear()  # they are those of now, not of when what this is forked from was started
        os.environ.update(self._variables)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)  # the engines inherit it
        end_with_parent()
        super().run()  # type: ignore[misc]


class _Spawned(_Process, SpawnProcess):
    pass


class _Spawning(SpawnContext):
    Process = _Spawned


if sys.platform == "linux":
    from multiprocessing import forkserver
    from multiprocessing.context import ForkServerContext, ForkServerProcess

    class _Forked(_Process, ForkServerProcess):
        pass

    class _Forking(ForkServerContext):
        Process = _Forked


def _starting(workers: int) -> multiprocessing.context.BaseContext:
    """How Sample Factory starts its processes: on Linux from one that has loaded the libraries, and computes nothing.

    That one can be handed 256 files for each, and the process of the network's decisions needs one for every player.
    """
    forget_what_opencv_left()
    if sys.platform != "linux" or workers > _MOST_FORKED:
        return _Spawning()
    multiprocessing.set_forkserver_preload([__name__])
    with termination_ignored():  # without it, nobody would know when the others end
        forkserver.ensure_running()
    return _Forking()


def _environment_described(cfg: Any) -> Any:
    """As Sample Factory's `obtain_env_info_in_a_separate_process`, by a process that is started as the others are."""
    answers = get_mp_ctx(False).Queue()
    process = get_mp_ctx(False).Process(
        target=env_info.spawn_tmp_env_and_get_info, args=(sf_global_context(), answers, cfg)
    )
    process.start()
    found = answers.get()
    process.join()
    return found


def register(workers: int = 1) -> None:
    """Make environment and encoder known to Sample Factory in this process, and how it is to start others."""
    get_mp_ctx.mp_ctx = _starting(workers)
    runner.obtain_env_info_in_a_separate_process = _environment_described
    register_env("retinoscope", make_environment)
    global_model_factory().register_encoder_factory(make_encoder)
    global_model_factory().register_actor_critic_factory(make_actor_critic)
