"""Everything a training run can be told, with the defaults that trained the shipped agents."""

from __future__ import annotations

from typing import Any

import pydantic

from retinoscope.agents.networks import NetworkConfig
from retinoscope.training.levers import Levers, Schedule, share_of_learning_rate


class TrainingNetwork(NetworkConfig):
    """The network of a training: its convolutions begin small, so that what they become is learned."""

    initial_scale: float = pydantic.Field(
        0.12,
        gt=0,
        description="factor on the initial weights of the convolutions: the smaller, the less they shape fields",
    )


class TrainingConfig(Levers):
    """Parameters of APPO (Petrenko et al. 2020, "Sample Factory") and of the network it trains.

    Frames count the engine's frames, skipped ones included, as Sample Factory does: one decision is `frame_skip` of
    them.

    In a dense arena it pays to run over a mildly harmful stimulus on the way to a healing one, so an agent that
    maximises the plain reward has little reason to tell them apart. `harm_weight` makes harm count for more, but only
    once the agent gathers (`harm_ramp`): counted so from the start, it learns to touch nothing. Where kinds are hard to
    tell apart, healing and harm cancel even when counted alike: with an `initial_harm_weight` below 1 it pays to
    gather first.
    """

    frames: float = pydantic.Field(30e6, gt=0, description="train until this many frames in all")
    seed: int = pydantic.Field(0, ge=0, description="seed of weights, worlds and actions")
    network: TrainingNetwork = TrainingNetwork()
    convolution_weight_decay: float = pydantic.Field(
        1.0, ge=0, description="weight decay of the kernels of convolutions"
    )
    final_weight_decay: float = pydantic.Field(
        0.0,
        ge=0,
        le=1,
        description="share of all weight decay that is left at the end; it falls linearly",
    )
    weight_decay_fall: tuple[float, float] = pydantic.Field(
        (0.2, 0.33), description="beginning and end of that fall, as shares of the run"
    )
    learning_rate: float = pydantic.Field(7e-4, gt=0, description="learning rate of Adam at its highest")
    learning_rate_schedule: Schedule = pydantic.Field("linear", description="how the learning rate falls")
    final_learning_rate: float = pydantic.Field(
        0.05, gt=0, le=1, description="share of the learning rate that is left at the end"
    )
    warm_up: float = pydantic.Field(0.0, ge=0, lt=1, description="share of the run in which the learning rate rises")
    discount: float = pydantic.Field(0.985, gt=0, le=1, description="discount factor gamma, per decision")
    entropy_coefficient: float = pydantic.Field(0.003, ge=0, description="weight of the policy's entropy in the loss")
    batch_size: int = pydantic.Field(1024, ge=1, description="decisions per gradient step")
    rollout: int = pydantic.Field(32, ge=2, description="decisions through which the gradient travels back")
    initial_harm_weight: float = pydantic.Field(
        1.0, ge=0, description="weight of harmful pick-ups in the training reward before the harm ramp"
    )
    harm_weight: float = pydantic.Field(
        3.0, ge=1, description="weight of harmful pick-ups in the training reward at the end of the run"
    )
    harm_ramp: tuple[float, float] = pydantic.Field(
        (0.27, 0.55), description="beginning and end of the rise of that weight, as shares of the run"
    )
    workers: int = pydantic.Field(2, ge=1, description="number of processes that play")
    environments_per_worker: int = pydantic.Field(16, ge=2, multiple_of=2, description="environments in each process")
    pixel_mean: float = pydantic.Field(51.0, description="subtracted from every pixel value, 0-255")
    pixel_scale: float = pydantic.Field(44.0, gt=0, description="what the difference is divided by")
    checkpoint_seconds: int = pydantic.Field(120, ge=1, description="seconds between the checkpoints kept for resuming")
    milestone_seconds: int = pydantic.Field(300, ge=1, description="seconds between checkpoints that are never deleted")
    device: str = pydantic.Field("cpu", pattern="^(cpu|cuda)$", description="where to compute: cpu or cuda")

    @pydantic.field_validator("network", mode="before")
    @classmethod
    def _of_a_training(cls, given: Any) -> Any:
        """What a plain network does not name explicitly is as trainings have it."""
        if isinstance(given, NetworkConfig) and not isinstance(given, TrainingNetwork):
            return {name: getattr(given, name) for name in given.model_fields_set}
        return given


def learning_rate_at(config: TrainingConfig, frames: float) -> float:
    """The learning rate after so many frames, by the schedule of the run."""
    done = min(frames / config.frames, 1.0)
    share = share_of_learning_rate(config.learning_rate_schedule, done, config.final_learning_rate, config.warm_up)
    return config.learning_rate * share


def sample_factory_arguments(
    config: TrainingConfig, experiment: str, train_dir: str, scenario: str, frame_skip: int
) -> list[str]:
    """The command line Sample Factory would be given for this configuration."""
    network = config.network
    values: dict[str, object] = {
        "algo": "APPO",
        "env": "retinoscope",
        "experiment": experiment,
        "train_dir": train_dir,
        "scenario": scenario,
        "restart_behavior": "resume",
        "train_for_env_steps": int(config.frames),
        "initial_harm_weight": config.initial_harm_weight,
        "harm_weight": config.harm_weight,
        "harm_ramp_start": int(config.harm_ramp[0] * config.frames),
        "harm_ramp_stop": int(config.harm_ramp[1] * config.frames),
        "seed": config.seed,
        "device": "cpu" if config.device == "cpu" else "gpu",
        "num_workers": config.workers,
        "num_envs_per_worker": config.environments_per_worker,
        "worker_num_splits": 2,
        "batch_size": config.batch_size,
        "env_frameskip": frame_skip,
        "rollout": config.rollout,
        "recurrence": config.rollout if network.rnn != "none" else 1,
        "num_epochs": 1,
        "learning_rate": config.learning_rate,
        "lr_schedule": "constant",  # the schedule is ours: Sample Factory has none that ends with the run
        "gamma": config.discount,
        "exploration_loss_coeff": config.entropy_coefficient,
        "normalize_input": False,
        "obs_subtract_mean": config.pixel_mean,
        "obs_scale": config.pixel_scale,
        "use_rnn": network.rnn != "none",
        "rnn_type": "gru",
        "rnn_size": network.rnn_size,
        "with_wandb": False,
        "save_every_sec": config.checkpoint_seconds,
        "save_milestones_sec": config.milestone_seconds,
        "save_best_every_sec": 10**9,
        "keep_checkpoints": 3,
        "experiment_summaries_interval": 10,
        "decorrelate_experience_max_seconds": 5,
    }
    values |= network.model_dump(exclude={"encoder", "rnn", "rnn_size"})
    for name in ("channels", "kernel_sizes", "strides", "paddings"):
        values[name] = ",".join(str(each) for each in getattr(network, name))
    values |= config.model_dump(include=set(Levers.model_fields))
    values["weight_decay_fall"] = ",".join(str(each) for each in config.weight_decay_fall)
    values["encoder_custom"] = network.encoder  # the older tool's name; "encoder" is ambiguous to Sample Factory
    return [f"--{key}={value}" for key, value in values.items()]
