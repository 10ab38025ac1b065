"""Agents from the user's own code: `file.py:name` and `package.module:name`."""

from __future__ import annotations

import concurrent.futures
import multiprocessing
import sys
from pathlib import Path

import pytest
import torch

from retinoscope.agents.agent import Agent
from retinoscope.agents.load import load_agent
from retinoscope.agents.policy import Policy
from retinoscope.errors import UserError

CODE = """
import torch
import retinoscope
from beside import OUTPUTS

class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.out = torch.nn.Linear(36, OUTPUTS)

    def forward(self, pixels):
        return self.out(pixels.flatten(1) / 255)

def make():
    preprocess = lambda pixels: pixels.float()
    return retinoscope.from_module(Net(), observation_shape=(4, 3, 3), actions=OUTPUTS, preprocess=preprocess)

def failing():
    return 1 / 0

def refusing():
    return retinoscope.from_module(Net(), observation_shape=(4, 3, 3), actions=7)

agent = make()
network = Net()
"""


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(sys, "path", list(sys.path))
    (tmp_path / "beside.py").write_text("OUTPUTS = 4\n", encoding="utf-8")
    path = tmp_path / "random.py"  # the name of a module that there is already
    path.write_text(CODE, encoding="utf-8")
    yield path
    sys.modules.pop("beside", None)


def logits(policy: Policy) -> list[float]:
    return policy.step(torch.ones(1, 4, 3, 3), policy.initial_state(1)).logits[0].tolist()


def test_an_agent_and_a_function_that_makes_one_are_found_in_a_file(file: Path) -> None:
    first, second = load_agent(f"{file}:agent"), load_agent(f"{file}:make")
    assert isinstance(first, Agent) and logits(first.policy) == logits(second.policy)
    import random

    assert random.random() < 1  # the module of this name is still what it was


def test_the_same_in_a_module_of_a_package(file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "my_agents").mkdir()
    file.rename(tmp_path / "my_agents" / "first.py")
    monkeypatch.chdir(tmp_path)
    assert load_agent("my_agents.first:make").policy.output_names()[-1] == "action 3"
    sys.modules.pop("my_agents.first")
    sys.modules.pop("my_agents")


def test_what_such_a_file_defines_goes_to_other_processes(file: Path) -> None:
    policy = load_agent(f"{file}:make").policy
    spawn = multiprocessing.get_context("spawn")
    with concurrent.futures.ProcessPoolExecutor(1, mp_context=spawn) as pool:
        assert pool.submit(logits, policy).result() == logits(policy)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("nothing", "has no 'nothing'; choose from make, failing, refusing, agent$"),
        ("failing", r"its code fails with ZeroDivisionError: division by zero \(random.py, line 20\)$"),
        ("refusing", "the network gives 4 logits, the actions need 7$"),
        (
            "network",
            "is a Net; give what retinoscope.from_module returns, or a function without arguments that returns it$",
        ),
        ("Net", "is a type; give what"),
    ],
)
def test_a_name_that_is_no_agent_is_refused_in_one_line(file: Path, name: str, message: str) -> None:
    with pytest.raises(UserError, match=message) as raised:
        load_agent(f"{file}:{name}")
    assert "\n" not in str(raised.value)


def test_files_and_modules_that_are_not_there_or_fail_are_refused_in_one_line(tmp_path: Path) -> None:
    broken = tmp_path / "broken.py"
    broken.write_text("def make(:\n", encoding="utf-8")
    for text, message in {
        f"{tmp_path}/none.py:make": "there is no file",
        f"{broken}:make": r"its code fails with SyntaxError: invalid syntax \(broken.py, line 1\)$",
        "no_such_package.agents:make": "there is no module no_such_package.agents",
        "digit": "unknown; choose from",
    }.items():
        with pytest.raises(UserError, match=message) as raised:
            load_agent(text)
        assert "\n" not in str(raised.value)
