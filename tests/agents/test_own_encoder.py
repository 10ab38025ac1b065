"""Encoders of the user's own: any module from pixels to features, looked into like ours; its code is never guessed."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from retinoscope.agents.actor_critic import ActorCriticNetwork, NetworkDescription
from retinoscope.agents.networks import NetworkConfig
from retinoscope.agents.own_encoder import OwnEncoder, described
from retinoscope.agents.policy import ActionHead
from retinoscope.agents.traced_policy import TracedPolicy
from retinoscope.agents.weights import build_policy
from retinoscope.errors import UserError

SHAPE = (20, 24, 3)
HEADS = (ActionHead("turn", ("left", "right")),)
CODE = """
import torch
from torch import nn

class Padded(nn.Module):
    def __init__(self, observation_shape):
        super().__init__()
        self.first = nn.Conv2d(observation_shape[2], 5, 5, stride=2, padding=2)
        self.last = nn.Linear(5 * 10 * 12, 7)

    def forward(self, pixels):
        return torch.relu(self.last(torch.relu(self.first(pixels)).flatten(1)))

def grey():
    return nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU(), nn.Flatten())

class Maps(nn.Module):
    def forward(self, pixels):
        return pixels

class Broken(nn.Module):
    def forward(self, pixels):
        return pixels @ torch.zeros(99, 1)

def numbers():
    return [1, 2]

anything = 3
"""


@pytest.fixture
def code(tmp_path: Path) -> Path:
    path = tmp_path / "mine.py"
    path.write_text(CODE)
    return path


def config_of(code: Path, name: str, **changed: object) -> NetworkConfig:
    return NetworkConfig(own=described(f"{code}:{name}"), rnn_size=6, **changed)  # type: ignore[arg-type]


@pytest.mark.parametrize("rnn", ["gru", "none"])
def test_its_policy_computes_what_its_network_computes_and_its_layers_are_found(code, rnn):
    config = config_of(code, "Padded", rnn=rnn)
    torch.manual_seed(1)
    network = ActorCriticNetwork(config, SHAPE, 2)
    network.pixel_mean.fill_(50.0)
    network.pixel_scale.fill_(40.0)
    policy = build_policy(NetworkDescription(config, SHAPE, HEADS), network.state_dict(), Path("run.pth"))
    assert isinstance(policy, TracedPolicy)
    pixels, state = torch.randint(0, 256, (4, *SHAPE)), torch.randn(4, 6 if rnn == "gru" else 0)
    step = policy.step(pixels.to(torch.uint8), state)
    encoder = network.encoder.module
    seen = ((pixels - 50.0) / 40.0).permute(0, 3, 1, 2)
    hidden = encoder(seen)
    if rnn == "gru":
        hidden = network.rnn(hidden[None], state[None])[1][0]
        torch.testing.assert_close(step.state, hidden)
    torch.testing.assert_close(step.logits, network.policy(hidden))
    torch.testing.assert_close(step.value, network.value(hidden)[:, 0])
    assert [layer.shape for layer in policy.layers][:2] == [(5, 10, 12), (7,)]
    field = policy.receptive_field(policy.layers[0].name)
    assert (field.height, field.width, field.row_stride, field.top, field.left) == (5, 5, 2, -2, -2)


def test_a_function_without_arguments_and_grey_pictures_do_as_well(code):
    encoder = OwnEncoder(config_of(code, "grey", greyscale=True), SHAPE)
    assert encoder.out_features == 2 * 18 * 22
    assert encoder(torch.zeros(3, 3, 20, 24)).shape == (3, encoder.out_features)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("Maps", r"gives \(2, 3, 20, 24\) for 2 pictures; it must give features"),
        ("Broken", "fails on pixels .2, 3, 20, 24. with RuntimeError"),
        ("numbers", "gives a list; let it be a class of torch.nn.Module"),
        ("anything", "is a int; let it be a class of torch.nn.Module"),
        ("absent", "has no 'absent'"),
    ],
)
def test_what_is_no_encoder_is_refused_in_one_line(code, name, said):
    with pytest.raises(UserError, match=said) as caught:
        OwnEncoder(config_of(code, name), SHAPE)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("text", ["mine.py", "package.module:Name", "absent.py:Name"])
def test_what_names_no_file_is_refused(text):
    with pytest.raises(UserError, match="is no code; give file.py:Name|there is no file absent.py"):
        described(text)


def test_code_that_has_changed_or_is_gone_is_not_run(code):
    config = config_of(code, "Padded")
    code.write_text(CODE + "\nraise SystemExit('this must not run')\n")
    with pytest.raises(UserError, match="is not as it was when this network was made; restore that version of it"):
        OwnEncoder(config, SHAPE)
    code.unlink()
    with pytest.raises(UserError, match="is not on this machine; put it there"):
        OwnEncoder(config, SHAPE)
