"""Layers of two trainings of one network, from different weights, find each other; those of untrained ones less so."""

from __future__ import annotations

import numpy as np
import torch
import xarray

from retinoscope.agents.actions import ActionHead
from retinoscope.agents.actor_critic import ActorCriticPolicy, NetworkDescription
from retinoscope.agents.agent import Agent
from retinoscope.agents.networks import NetworkConfig
from retinoscope.analyses.between_agents.representations import representations
from retinoscope.analyses.compared import Compared, Member, Views

SHAPE = (24, 20, 3)
KINDS = 6


def pictures(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """(picture, height, width, 3) uint8 with a bar somewhere, upright or lying, of one of three colours; its kind."""
    random = np.random.default_rng(seed)
    kind = random.integers(KINDS, size=count)
    found = random.integers(80, 140, (count, 1, 1, 3)) + random.integers(-8, 8, (count, *SHAPE))
    for number, (row, column) in enumerate(random.integers(2, 10, (count, 2))):
        size = (10, 3) if kind[number] % 2 else (3, 10)
        found[number, row : row + size[0], column : column + size[1], kind[number] // 2] = 240
    return found.astype(np.uint8), kind


def trained(seed: int, steps: int) -> Agent:
    """A network that names the kind of a picture, by so many steps of Adam."""
    config = NetworkConfig(
        global_channels=16, retinal_bottleneck=8, kernel_size=3, hidden_size=24, rnn_size=8, rnn="none"
    )
    head = (ActionHead("kind", tuple(map(str, range(KINDS)))),)
    policy = ActorCriticPolicy.untrained(NetworkDescription(config, SHAPE, head), seed)
    policy.network.pixel_mean.fill_(110.0)
    policy.network.pixel_scale.fill_(40.0)
    policy.network.requires_grad_(True)
    optimiser = torch.optim.Adam(policy.network.parameters(), lr=3e-3)
    views, kinds = pictures(1024, 99)
    random = torch.Generator().manual_seed(seed)
    for _ in range(steps):
        chosen = torch.randint(len(views), (64,), generator=random)
        seen = torch.from_numpy(views[chosen.numpy()])
        loss = torch.nn.functional.cross_entropy(
            policy.step(seen, policy.initial_state(64)).logits, torch.from_numpy(kinds[chosen.numpy()])
        )
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    policy.network.requires_grad_(False)
    return Agent(f"training {seed}", policy, checkpoint_sha256=f"{seed}{steps}", frames_trained=steps)


def test_layers_of_two_trainings_find_each_other() -> None:
    agents = [trained(seed, 250) for seed in (1, 2)]
    shown, kinds = pictures(240, 7)
    for each in agents:
        with torch.no_grad():
            logits = each.policy.step(torch.from_numpy(shown), each.policy.initial_state(len(shown))).logits
        assert (logits.argmax(dim=1).numpy() == kinds).mean() > 0.9, "the trainings have not learned"
    members = tuple(Member(each.name, each.name, each) for each in agents)
    layers = tuple(each.name for each in agents[0].policy.layers if each.name != "value")  # which nothing was taught
    compared = Compared(members, views=Views(shown, np.arange(len(shown)), "240 pictures"))
    found = representations(compared, layers=layers, shuffles=5, shape_shuffles=2).data
    share = {kind: both_ways(found, f"training 1{kind}", f"training 2{kind}") for kind in ("", " redrawn")}
    assert share[""] >= 0.6 > 0.5 > share[" redrawn"], share
    assert share[""] > 3 * float(found["found_by_chance"].sel(found_member="training 1", found_other="training 2"))
    same = found["same_layer"].sel(measure="cka", stimuli="images", pair_layer=["conv3", "fc", "policy"])
    of_kind = {kind: same.isel(pair=found["pair_kind"].values == kind).values for kind in ("agents", "redrawn")}
    assert (of_kind["agents"] > of_kind["redrawn"]).all()


def both_ways(found: xarray.Dataset, one: str, other: str) -> float:
    """The share of layers that find the one of the same name, over measures and directions."""
    shares = [
        found["found"].sel(stimuli="images", found_member=first, found_other=second)
        for first, second in ((one, other), (other, one))
    ]
    return float(np.mean(shares))
