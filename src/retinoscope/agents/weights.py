"""Agents as safetensors files: the weights and, in the header, everything needed to build the network again."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pydantic
import safetensors
import safetensors.torch
import torch

from retinoscope.agents.actor_critic import ActorCriticNetwork, ActorCriticPolicy, NetworkDescription
from retinoscope.agents.agent import Agent
from retinoscope.agents.from_module import from_module
from retinoscope.agents.networks import described_network
from retinoscope.agents.policy import ActionHead, Policy
from retinoscope.errors import UserError
from retinoscope.files import replacing
from retinoscope.scenarios import scenario_from

FORMAT = "retinoscope-agent-1"


def save_agent(agent: Agent, path: str | Path) -> Path:
    """Write an agent whose policy is an `ActorCriticPolicy` to one safetensors file.

    Raises:
        UserError: the policy is of another kind, or the file cannot be written.
    """
    path = Path(path)
    policy = agent.policy
    if not isinstance(policy, ActorCriticPolicy):
        raise UserError(f"{path}: only agents with this package's networks can be saved; keep the original checkpoint")
    description = policy.description
    header = {
        "format": FORMAT,
        "name": agent.name,
        "network": description.config.model_dump(),
        "observation_shape": list(description.observation_shape),
        "action_heads": {head.name: list(head.outputs) for head in description.action_heads},
        "scenario": agent.scenario.model_dump(mode="json") if agent.scenario else None,
        "frames_trained": agent.frames_trained,
        "training": agent.training,
    }
    tensors = {name: tensor.contiguous() for name, tensor in policy.network.state_dict().items()}
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as temporary:
            safetensors.torch.save_file(tensors, temporary, metadata={"retinoscope": json.dumps(header)})
    except OSError as error:
        raise UserError(f"{path}: cannot be written ({error.strerror}); choose another place") from None
    return path


def load_weights(path: Path) -> Agent:
    """Read an agent from a file that `save_agent` wrote.

    Raises:
        UserError: the file is damaged, foreign, or its weights do not fit the network it describes.
    """
    try:
        with safetensors.safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a dictionary)
    except (safetensors.SafetensorError, OSError):
        raise UserError(f"{path}: is truncated or not a safetensors file; copy it again from its source") from None
    try:
        header: dict[str, Any] = json.loads(metadata["retinoscope"])
        if header["format"] != FORMAT:
            raise UserError(f"{path}: has format {header['format']!r}, this version reads {FORMAT}; update retinoscope")
        description = NetworkDescription(
            described_network(header["network"]),
            tuple(header["observation_shape"]),
            tuple(ActionHead(name, tuple(outputs)) for name, outputs in header["action_heads"].items()),
        )
        scenario = scenario_from(header["scenario"]) if header["scenario"] else None
    except (KeyError, TypeError, ValueError, pydantic.ValidationError):
        raise UserError(f"{path}: describes no agent; use a file that retinoscope wrote") from None
    return Agent(
        name=header["name"],
        policy=build_policy(description, tensors, path),
        scenario=scenario,
        checkpoint=path,
        checkpoint_sha256=file_sha256(path),
        frames_trained=header["frames_trained"],
        training=header["training"],
    )


def build_policy(description: NetworkDescription, tensors: dict[str, torch.Tensor], path: Path) -> Policy:
    """The network with these weights; one with an encoder of the user's own is traced.

    Raises:
        UserError: a weight is missing, left over, of the wrong shape or not finite.
    """
    outputs = sum(len(head.outputs) for head in description.action_heads)
    network = ActorCriticNetwork(description.config, description.observation_shape, outputs)
    for name in ("pixel_mean", "pixel_scale"):  # may be per pixel
        setattr(network, name, torch.zeros_like(tensors[name]) if name in tensors else getattr(network, name))
    expected = network.state_dict()
    missing, extra = sorted(expected.keys() - tensors.keys()), sorted(tensors.keys() - expected.keys())
    if missing or extra:
        what = f"lacks {missing[0]}" if missing else f"has {extra[0]} too many"
        raise UserError(f"{path}: the checkpoint {what}; its network does not fit its configuration")
    for name, tensor in tensors.items():
        if tensor.shape != expected[name].shape:
            shapes = f"{tuple(tensor.shape)}, the configuration asks for {tuple(expected[name].shape)}"
            raise UserError(f"{path}: {name} has shape {shapes}; the network does not fit its configuration")
        if not torch.isfinite(tensor).all() and not name.endswith("_limit"):
            raise UserError(f"{path}: {name} holds values that are not finite; use an earlier checkpoint")
    network.load_state_dict(tensors)
    if not description.config.own:
        return ActorCriticPolicy(network, description)
    state = network.rnn.hidden_size if network.rnn is not None else None
    return from_module(
        network,
        observation_shape=description.observation_shape,
        actions=description.action_heads,
        initial_state=state,
        name=path.stem,
    ).policy


def file_sha256(path: Path) -> str:
    """Hash of the file's bytes, hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest() if hasattr(hashlib, "file_digest") else _digest(file)


def _digest(file: Any) -> str:
    digest = hashlib.sha256()
    while block := file.read(1 << 20):
        digest.update(block)
    return digest.hexdigest()
