"""Agents of Stable-Baselines3: saved ones, with the library's own answers beside them, and models in memory."""

from __future__ import annotations

import base64
import io
import json
import pickle
import types
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from retinoscope.agents.load import load_agent
from retinoscope.agents.sb3 import from_sb3
from retinoscope.agents.sb3_network import Build, Memory, Wanted
from retinoscope.errors import UserError

SAVED = Path(__file__).parents[1] / "data" / "sb3"
"""Saved by Stable-Baselines3 2.9.2 without the state of the optimizer; `answers.json` is what its own methods gave for
three random pictures of 36 x 40 (torch.randint, seed 0)."""


def pictures(channels: int, height: int = 36, width: int = 40) -> torch.Tensor:
    shape = (3, height, width, channels)
    return torch.randint(0, 256, shape, generator=torch.Generator().manual_seed(0), dtype=torch.uint8)


@pytest.mark.parametrize(
    ("name", "channels", "heads", "state_size", "layers"),
    [
        ("ppo", 3, {"action": 4}, 0, ["linear_0", "policy_net_0", "value_net_0"]),
        ("a2c", 3, {"action 0": 3, "action 1": 3, "action 2": 2}, 0, ["linear_0"]),
        ("dqn", 6, {"action": 4}, 0, ["linear_0"]),
        ("recurrent_ppo", 3, {"action": 4}, 24, ["linear_0", "lstm_actor", "lstm_critic"]),
    ],
)
def test_a_saved_model_computes_what_the_library_computes(
    name: str, channels: int, heads: dict[str, int], state_size: int, layers: list[str]
) -> None:
    agent = load_agent(SAVED / f"{name}.zip")
    policy = agent.policy
    assert policy.observation_shape == (36, 40, channels) and policy.state_size == state_size
    assert {head.name: len(head.outputs) for head in policy.action_heads} == heads
    names = [layer.name for layer in policy.layers if layer.kind in ("dense", "recurrent")]
    assert all(name.endswith(end) for name, end in zip(names, layers, strict=True))
    assert [layer.role for layer in policy.layers if layer.kind == "convolution"] == ["encoder stage"] * 3
    assert policy.layers_of("encoder output")[0].name.endswith("linear_0")
    expected = json.loads((SAVED / "answers.json").read_text())[name]
    step = policy.step(pictures(channels), policy.initial_state(3))
    parts = step.logits.split(list(heads.values()), 1)
    logits = torch.cat([part.log_softmax(1) for part in parts], 1) if name in ("a2c", "recurrent_ppo") else step.logits
    torch.testing.assert_close(logits, torch.tensor(expected["logits"]), rtol=0, atol=1e-5)
    torch.testing.assert_close(step.value, torch.tensor(expected["value"]), rtol=0, atol=1e-5)
    assert agent.checkpoint == SAVED / f"{name}.zip" and agent.training["gamma"] == 0.99 and agent.frames_trained == 0
    assert policy.action_heads[0].kind == {"ppo": "gaussian", "dqn": "q_values"}.get(name, "choice")
    if name == "ppo":
        assert policy.action_heads[0].bounds == ((-1.0, 2.0), (-1.0, 2.0))


def changed(path: Path, name: str, change: Callable[[dict[str, Any]], object], **members: bytes) -> Path:
    with zipfile.ZipFile(SAVED / f"{name}.zip") as saved, zipfile.ZipFile(path, "w") as file:
        data = json.loads(saved.read("data"))
        change(data)
        file.writestr("data", json.dumps(data))
        file.writestr("policy.pth", members.get("weights", saved.read("policy.pth")))
    return path


class Harmful:
    """Writes a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.write_text, (self.path, "executed")


def a_call_of(module: str, name: str) -> str:
    """A pickle that would call something, beginning as one that only names it."""
    texts = b"".join(b"\x8c" + bytes([len(text)]) + text.encode() for text in (module, name))
    return base64.b64encode(b"\x80\x04" + texts + b"\x93)R.").decode()


CALL = a_call_of("stable_baselines3.common.policies", "ActorCriticCnnPolicy")
FLAT = "<class 'stable_baselines3.common.torch_layers.FlattenExtractor'>"


def set_in(*keys: str, to: Any) -> Callable[[dict[str, Any]], object]:
    def change(data: dict[str, Any]) -> None:
        for key in keys[:-1]:
            data = data[key]
        data[keys[-1]] = to

    return change


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        (
            "a2c",
            set_in("policy_class", ":serialized:", to="gASVAAAAAAAAAIwDbXkulIwFTXlOZXSUk5Qu"),
            "a class of its own",
        ),
        ("a2c", set_in("policy_class", ":serialized:", to=CALL), "class of its own"),
        ("a2c", set_in("policy_kwargs", "features_extractor_class", to="<class 'mine.Net'>"), "of its own, mine.Net"),
        ("a2c", set_in("policy_kwargs", "features_extractor_class", to=FLAT), "its weights are not those"),
        (
            "a2c",
            set_in("policy_kwargs", "activation_fn", to="<class 'mine.Act'>"),
            "activation function is mine.Act",
        ),
        ("a2c", set_in("policy_kwargs", "something", to=3), "what its policy makes of something is not known"),
        ("a2c", set_in("policy_kwargs", "normalize_images", to=False), "VecNormalize, if used, is not in the file"),
        ("a2c", set_in("observation_space", "dtype", to="float32"), "are float32, and VecNormalize, if used, is not"),
        ("a2c", set_in("observation_space", "high_repr", to="1"), "its observations are not from 0 to 255"),
        ("a2c", set_in("observation_space", "_shape", to=[4]), "no pictures but a Box of"),
        (
            "a2c",
            set_in("action_space", ":type:", to="<class 'gymnasium.spaces.MultiBinary'>"),
            "are a MultiBinary",
        ),
        ("ppo", set_in("use_sde", to=True), "depends on the state"),
        ("ppo", set_in("policy_kwargs", "net_arch", to={"pi": [8], "vf": [6]}), "weights are not those"),
        ("recurrent_ppo", set_in("policy_kwargs", "lstm_kwargs", to={"dropout": 0.5}), "LSTM has arguments of its own"),
        ("dqn", lambda data: data.pop("action_space"), "is not described as models of Stable-Baselines3 are"),
    ],
)
def test_what_the_words_in_a_file_do_not_tell_is_refused_in_one_line(
    tmp_path: Path, name: str, change: Callable[[dict[str, Any]], object], message: str
) -> None:
    with pytest.raises(UserError, match=message) as raised:
        load_agent(changed(tmp_path / "model.zip", name, change))
    assert "\n" not in str(raised.value) and "give the live model: retinoscope.from_sb3(model)" in str(raised.value)


def test_no_pickle_in_a_file_is_executed(tmp_path: Path) -> None:
    written = tmp_path / "executed"
    harmful = base64.b64encode(pickle.dumps(Harmful(written))).decode()

    def everywhere(data: dict[str, Any]) -> None:
        for value in data.values():
            if isinstance(value, dict) and ":serialized:" in value:
                value[":serialized:"] = harmful

    with pytest.raises(UserError, match="of a class of its own"):
        load_agent(changed(tmp_path / "first.zip", "a2c", everywhere))
    kept = json.loads(zipfile.ZipFile(SAVED / "a2c.zip").read("data"))["policy_class"]

    def all_but_the_class(data: dict[str, Any]) -> None:
        everywhere(data)
        data["policy_class"] = kept

    load_agent(changed(tmp_path / "second.zip", "a2c", all_but_the_class))
    weights = io.BytesIO()
    torch.save({"weight": Harmful(written)}, weights)
    with pytest.raises(UserError, match="would execute code on loading; not loaded"):
        load_agent(changed(tmp_path / "third.zip", "a2c", lambda data: None, weights=weights.getvalue()))
    assert not written.exists()


def test_damaged_and_foreign_files_are_refused_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "short.zip").write_bytes((SAVED / "dqn.zip").read_bytes()[:5000])
    with zipfile.ZipFile(tmp_path / "foreign.zip", "w") as file:
        file.writestr("readme.txt", "nothing")
    for name, message in {"short": "truncated or no model", "foreign": "is no model of Stable-Baselines3"}.items():
        with pytest.raises(UserError, match=message) as raised:
            load_agent(tmp_path / f"{name}.zip")
        assert "\n" not in str(raised.value)


# Models in memory: stand-ins with the attributes and methods of the library's own, which is not installed here.


class Space(types.SimpleNamespace):
    pass


class Model:
    """What `from_sb3` needs of PPO, DQN or RecurrentPPO."""

    def __init__(
        self, wanted: Wanted, normalized: Any = None, dtype: Any = np.uint8, divides: bool | None = None
    ) -> None:
        torch.manual_seed(0)
        self.policy: Any = wanted.made()
        self.policy.normalize_images = normalized is None if divides is None else divides
        self.policy.set_training_mode = self.policy.train
        self.policy.optimizer = object()
        self.policy.last = torch.ones(3, requires_grad=True) * 2  # which cannot be copied deeply
        self.observation_space = Space(shape=wanted.build.shape, dtype=np.dtype(dtype))
        self.action_space = Space(n=4, shape=())
        self.num_timesteps, self.gamma, self.learning_rate = 40, 0.9, lambda left: left
        self._normalized = normalized
        self._answers()

    def get_vec_normalize_env(self) -> Any:
        return self._normalized

    def _answers(self) -> None:
        network = self.policy

        def features(seen: torch.Tensor) -> torch.Tensor:
            pictures = seen.float() / 255 if network.normalize_images else seen.float()
            return network.features_extractor(pictures)

        def distribution(seen: torch.Tensor, states: Any = None, starts: Any = None) -> Any:
            hidden = features(seen)
            if states is not None:
                hidden = network.lstm_actor(hidden[None], states)[0][0]
            logits = network.action_net(network.mlp_extractor.policy_net(hidden)).log_softmax(1)
            found = types.SimpleNamespace(distribution=types.SimpleNamespace(logits=logits))
            return found if states is None else (found, None)

        def values(seen: torch.Tensor, states: Any = None, starts: Any = None) -> torch.Tensor:
            hidden = features(seen)
            if states is not None and network.critic is not None:
                hidden = network.critic(hidden)
            elif states is not None:
                hidden = (network.lstm_critic or network.lstm_actor)(hidden[None], states)[0][0]
            return network.value_net(network.mlp_extractor.value_net(hidden))

        network.get_distribution, network.predict_values = distribution, values


Model.__module__ = "stable_baselines3.ppo.ppo"
SHAPE = (3, 36, 40)


class Normalizing:
    """`VecNormalize`, as far as it is asked."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        draw = np.random.default_rng(0)
        self.obs_rms = types.SimpleNamespace(mean=draw.uniform(90, 160, shape), var=draw.uniform(100, 4000, shape))
        self.norm_obs, self.epsilon, self.clip_obs = True, 1e-8, 1.5

    def normalize_obs(self, frames: np.ndarray) -> np.ndarray:
        scaled = (frames - self.obs_rms.mean) / np.sqrt(self.obs_rms.var + self.epsilon)
        return np.clip(scaled, -self.clip_obs, self.clip_obs).astype(np.float32)


@pytest.mark.parametrize(
    "model",
    [
        Model(Wanted(Build(SHAPE, 4, features=8, actor=(5,), critic=(6,)))),
        Model(Wanted(Build(SHAPE, 4, features=8), Memory(units=6, layers=2))),
        Model(Wanted(Build(SHAPE, 4, features=8), Memory(units=6, layers=2, has_critic=False))),
        Model(Wanted(Build(SHAPE, 4, features=8), Memory(units=6, layers=2, is_shared=True, has_critic=False))),
        Model(Wanted(Build(SHAPE, 4, features=8)), divides=False),
        Model(Wanted(Build(SHAPE, 4, features=8)), Normalizing(SHAPE), np.float32),
        Model(Wanted(Build(SHAPE, 4, features=8)), Normalizing((36, 40, 3)), np.float32),
    ],
    ids=[
        "PPO",
        "RecurrentPPO",
        "a critic without memory",
        "one memory for both",
        "pixels as they are",
        "VecNormalize",
        "VecNormalize before VecTransposeImage",
    ],
)
def test_a_model_in_memory_computes_what_its_own_methods_compute(model: Model) -> None:
    agent = from_sb3(model, name="mine")
    policy, seen = agent.policy, pictures(3)
    assert (agent.name, agent.frames_trained, agent.training) == ("mine", 40, {"gamma": 0.9})
    assert policy.observation_shape == (36, 40, 3)
    step = policy.step(seen, policy.initial_state(3))
    normalized = model.get_vec_normalize_env()
    frames: Any = seen.permute(0, 3, 1, 2)
    if normalized is not None:
        is_first = normalized.obs_rms.mean.shape == SHAPE
        frames = torch.from_numpy(normalized.normalize_obs((frames if is_first else seen).numpy()))
        frames = frames if is_first else frames.permute(0, 3, 1, 2)
    states = (torch.zeros(2, 3, 6),) * 2 if policy.state_size else None
    theirs = model.policy.get_distribution(frames, states, None)
    logits = (theirs[0] if states else theirs).distribution.logits
    torch.testing.assert_close(step.logits.log_softmax(1), logits, rtol=0, atol=1e-5)
    torch.testing.assert_close(step.value, model.policy.predict_values(frames, states)[:, 0], rtol=0, atol=1e-5)
    assert not hasattr(policy.module, "optimizer") and hasattr(model.policy, "optimizer") and not policy.notes
    if normalized is not None:
        pixels = seen.float().requires_grad_()
        policy.step(pixels, policy.initial_state(3)).value.sum().backward()
        assert pixels.grad is not None and pixels.grad.abs().sum() > 0


def test_a_model_that_computes_something_else_or_is_none_is_refused() -> None:
    for method in ("predict_values", "get_distribution"):
        model, other = Model(Wanted(Build(SHAPE, 4, features=8))), Model(Wanted(Build(SHAPE, 4, features=8)))
        nn.init.normal_(other.policy.value_net.weight)
        nn.init.normal_(other.policy.action_net.weight)
        setattr(model.policy, method, getattr(other.policy, method))
        with pytest.raises(UserError, match="computes something else than .* does as a rule; use retinoscope.from_mod"):
            from_sb3(model)
    with pytest.raises(UserError, match="a Linear is no model of Stable-Baselines3; give PPO, A2C, DQN"):
        from_sb3(nn.Linear(3, 3))
    with pytest.raises(UserError, match="of type float32 are not supported"):
        from_sb3(Model(Wanted(Build(SHAPE, 4, features=8)), None, np.float32))
    model = Model(Wanted(Build(SHAPE, 4, features=8)))
    model.observation_space.shape = (4,)
    with pytest.raises(UserError, match=r"observations of shape \(4,\) are no pictures"):
        from_sb3(model)
    model.policy = nn.Linear(3, 3)
    with pytest.raises(UserError, match="Model is not supported; give PPO, A2C, DQN"):
        from_sb3(model)
