"""Saved models of Stable-Baselines3, read without executing anything that is in them.

A model is a zip. Its `data` is JSON in which objects are pickled, and described in words beside that: the words are
read, the pickles are not. Weights are loaded by torch, weights only.
"""

from __future__ import annotations

import base64
import binascii
import dataclasses
import io
import json
import pickle
import pickletools
import re
import types
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from retinoscope.agents.agent import Agent
from retinoscope.agents.sb3 import agent_of_network, divided_by_255, picture_shape, training_in
from retinoscope.agents.sb3_network import ACTIVATIONS, Build, Memory, Wanted
from retinoscope.agents.weights import file_sha256
from retinoscope.errors import UserError

_POLICIES = {
    "stable_baselines3.common.policies.ActorCriticCnnPolicy": ("actor-critic", True),
    "stable_baselines3.common.policies.ActorCriticPolicy": ("actor-critic", False),
    "sb3_contrib.common.recurrent.policies.RecurrentActorCriticCnnPolicy": ("recurrent", True),
    "sb3_contrib.common.recurrent.policies.RecurrentActorCriticPolicy": ("recurrent", False),
    "stable_baselines3.dqn.policies.CnnPolicy": ("q", True),
    "stable_baselines3.dqn.policies.DQNPolicy": ("q", False),
}
"""Classes of policies by their full names: which network they are, and whether it has convolutions as a rule."""

_EXTRACTORS = {
    "stable_baselines3.common.torch_layers.NatureCNN": True,
    "stable_baselines3.common.torch_layers.FlattenExtractor": False,
}
_WITHOUT_EFFECT = (
    "optimizer_class",
    "optimizer_kwargs",
    "ortho_init",
    "log_std_init",
    "full_std",
    "use_expln",
)
_LIVE = "load it with its own code and give the live model: retinoscope.from_sb3(model)"
_NAMED_CLASS = re.compile(r"<class '([\w.]+)'>")
_WHOLE_CLASS = ("PROTO", "FRAME", "SHORT_BINUNICODE", "MEMOIZE", "STACK_GLOBAL", "STOP")


def load_sb3_zip(path: Path) -> Agent:
    """The agent of a saved PPO, A2C, DQN or RecurrentPPO whose network is the library's own.

    Raises:
        UserError: it is no such file, or something in it is not known from its words alone.
    """
    data, weights = _read(path)
    try:
        wanted, space = _wanted(data), _Space.of(data["action_space"])
    except _Unclear as unclear:
        raise UserError(f"{path}: {unclear}; {_LIVE}") from None
    except (KeyError, TypeError, ValueError, IndexError):
        raise UserError(f"{path}: is not described as models of Stable-Baselines3 are; {_LIVE}") from None
    network = wanted.made()
    try:
        network.load_state_dict(weights)
    except RuntimeError:
        raise UserError(f"{path}: its weights are not those of the network that it describes; {_LIVE}") from None
    agent = agent_of_network(network, picture_shape(wanted.build.shape), space, divided_by_255, path.stem)
    frames = data.get("num_timesteps")
    return dataclasses.replace(
        agent,
        checkpoint=path,
        checkpoint_sha256=file_sha256(path),
        frames_trained=frames if isinstance(frames, int) else None,
        training=training_in(data),
    )


class _Unclear(Exception):
    """What cannot be known for sure; the message is the reason."""


def _read(path: Path) -> tuple[dict[str, Any], dict[str, torch.Tensor]]:
    try:
        with zipfile.ZipFile(path) as file:
            data = json.loads(file.read("data"))
            weights = torch.load(io.BytesIO(file.read("policy.pth")), map_location="cpu", weights_only=True)
    except KeyError:
        raise UserError(f"{path}: is no model of Stable-Baselines3 (it has no data or no policy.pth)") from None
    except pickle.UnpicklingError:
        raise UserError(f"{path}: its weights hold objects that would execute code on loading; not loaded") from None
    except (OSError, zipfile.BadZipFile, ValueError, RuntimeError, EOFError):
        raise UserError(f"{path}: is truncated or no model of Stable-Baselines3; save it again") from None
    if not isinstance(data, dict) or not isinstance(weights, dict):
        raise UserError(f"{path}: is no model of Stable-Baselines3; save it again")
    return data, weights


def _wanted(data: Mapping[str, Any]) -> Wanted:
    name = _class_name(data["policy_class"])
    if name not in _POLICIES:
        raise _Unclear(f"its policy is of a class of its own, {name or 'without a name'}")
    kind, has_cnn = _POLICIES[name]
    arguments = dict(_arguments(data))
    for each in _WITHOUT_EFFECT:
        arguments.pop(each, None)
    if arguments.pop("normalize_images", True) is not True:
        # Pixels as they are, or normalised by the environment: that is not said.
        raise _Unclear("normalize_images is off, and VecNormalize, if used, is not in the file")
    if arguments.pop("use_sde", False) or data.get("use_sde") or arguments.pop("squash_output", False):
        raise _Unclear("its exploration depends on the state (gSDE)")
    if "features_extractor_class" in arguments:
        extractor = _named(arguments.pop("features_extractor_class"))
        if extractor not in _EXTRACTORS:
            raise _Unclear(f"its features are extracted by a class of its own, {extractor}")
        has_cnn = _EXTRACTORS[extractor]
    of_extractor = dict(arguments.pop("features_extractor_kwargs", None) or {})
    of_extractor.pop("normalized_image", None)
    actor, critic = _units(arguments.pop("net_arch", None), has_cnn)
    activation = _named(arguments.pop("activation_fn", None)) or ("ReLU" if kind == "q" else "Tanh")
    if activation.rpartition(".")[2] not in ACTIVATIONS:
        raise _Unclear(f"its activation function is {activation}")
    space = _Space.of(data["action_space"])
    build = Build(
        _picture(data["observation_space"]),
        space.outputs,
        space.shape != (),
        has_cnn,
        int(of_extractor.pop("features_dim", 512)),
        actor,
        critic,
        activation.rpartition(".")[2],
        bool(arguments.pop("share_features_extractor", True)),
    )
    memory = _memory(arguments) if kind == "recurrent" else None
    if left := [*arguments, *of_extractor]:
        raise _Unclear(f"what its policy makes of {left[0]} is not known here")
    return Wanted(build, memory, kind == "q")


def _memory(arguments: dict[str, Any]) -> Memory:
    if arguments.pop("lstm_kwargs", None):
        raise _Unclear("its LSTM has arguments of its own")
    return Memory(
        int(arguments.pop("lstm_hidden_size", 256)),
        int(arguments.pop("n_lstm_layers", 1)),
        bool(arguments.pop("shared_lstm", False)),
        bool(arguments.pop("enable_critic_lstm", True)),
    )


def _arguments(data: Mapping[str, Any]) -> dict[str, Any]:
    """Of the policy: JSON as it is, other things in words."""
    given = data.get("policy_kwargs") or {}
    return {name: value for name, value in given.items() if name not in (":type:", ":serialized:")}


def _units(given: Any, has_cnn: bool) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Of the layers behind the features: the actor's and the critic's."""
    if isinstance(given, list) and given and isinstance(given[0], dict):
        given = given[0] if len(given) == 1 else _refuse(given)
    if given is None:
        given = [] if has_cnn else [64, 64]
    both = (given.get("pi", []), given.get("vf", [])) if isinstance(given, dict) else (given, given)
    return tuple(map(int, both[0])), tuple(map(int, both[1]))


def _refuse(given: Any) -> Any:
    raise _Unclear(f"its layers are described as {given}")


def _named(value: Any) -> str:
    """`package.Name` in `<class 'package.Name'>`."""
    match = _NAMED_CLASS.fullmatch(str(value or ""))
    return match[1] if match else ""


def _class_name(described: Mapping[str, Any]) -> str:
    """The full name in a pickle that is nothing but the name of a class; empty for any other. Read, not loaded."""
    try:
        operations = list(pickletools.genops(base64.b64decode(described[":serialized:"], validate=True)))
    except (ValueError, binascii.Error):
        return ""
    texts = [argument for operation, argument, _ in operations if operation.name == "SHORT_BINUNICODE"]
    is_name = all(operation.name in _WHOLE_CLASS for operation, _, _ in operations) and len(texts) == 2
    return ".".join(map(str, texts)) if is_name else ""


def _picture(described: Mapping[str, Any]) -> tuple[int, int, int]:
    shape = tuple(int(each) for each in described["_shape"])
    if _kind(described) != "Box" or len(shape) != 3:
        raise _Unclear(f"its observations are no pictures but a {_kind(described)} of {shape}")
    if described["dtype"] != "uint8":
        raise _Unclear(f"its observations are {described['dtype']}, and VecNormalize, if used, is not in the file")
    if (described.get("low_repr"), described.get("high_repr")) != ("0", "255"):
        raise _Unclear("its observations are not from 0 to 255")
    return shape[0], shape[1], shape[2]


def _kind(described: Mapping[str, Any]) -> str:
    return _named(described[":type:"]).rpartition(".")[2]


class _Space(types.SimpleNamespace):
    """An action space as it is described: `n`, `nvec`, or `shape`, `low` and `high`; `outputs` numbers of the actor."""

    shape: tuple[int, ...]
    outputs: int

    @classmethod
    def of(cls, described: Mapping[str, Any]) -> _Space:
        kind = _kind(described)
        if kind == "Discrete" and int(described.get("start", 0)) == 0:
            return cls(n=int(described["n"]), shape=(), outputs=int(described["n"]))
        if kind == "MultiDiscrete":
            numbers = torch.tensor([int(each) for each in re.findall(r"\d+", str(described["nvec"]))])
            return cls(nvec=numbers, shape=(), outputs=int(numbers.sum()))
        if kind == "Box":
            (size,) = (int(each) for each in described["_shape"])
            low, high = (_bounds(described.get(name), size) for name in ("low", "high"))
            return cls(shape=(size,), low=low, high=high, outputs=size)
        raise _Unclear(f"its actions are a {kind}")


def _bounds(text: Any, size: int) -> list[float]:
    numbers = [float(each) for each in re.findall(r"-?(?:inf|\d[\d.e+-]*)", str(text))]
    if len(numbers) != size:
        raise _Unclear("the bounds of its actions are not said in full")
    return numbers
