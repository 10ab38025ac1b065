"""The supervised twin: the agent's encoder, trained to name the class of what stands in the arena instead of to act.

The twin is an agent like any other: its one head is the class, it has no recurrent core, and its critic is silent. So
receptive fields, attribution, embedding and decoding run on it unchanged. Training is plain PyTorch.
"""

from __future__ import annotations

import dataclasses
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pydantic
import torch
from torch import nn

from retinoscope.agents.actor_critic import ActorCriticNetwork, ActorCriticPolicy, NetworkDescription
from retinoscope.agents.agent import Agent
from retinoscope.agents.load import require_device
from retinoscope.agents.networks import NetworkConfig
from retinoscope.agents.policy import ActionHead, Policy, inference, one_thread
from retinoscope.agents.weights import load_weights, save_agent
from retinoscope.analyses.images.shown_dataset import Dataset, ShownDataset, shown_dataset
from retinoscope.errors import UserError
from retinoscope.progress import progress_bar
from retinoscope.scenarios import ArenaArchive, Scenario, get_arena
from retinoscope.stimuli.places import Place, Presentation, parse_class_effects, parse_presentation
from retinoscope.stimuli.presentation import present
from retinoscope.training.learning_pass import learning_pass, make_decoder
from retinoscope.training.levers import Levers, share_of_learning_rate
from retinoscope.training.optimiser import PartedAdamW, parts_of

CLASS_HEAD = "class"
DISTANCES = (100.0, 60.0, 160.0)
BEARINGS = (0.0, -30.0, -15.0, 15.0, 30.0)


class ClassifierConfig(Levers):
    """Parameters of a twin's training.

    With the schedule `one_cycle` the learning rate rises and falls once (Smith & Topin 2019, "Super-convergence").
    """

    convolution_weight_decay: float = pydantic.Field(
        1e-2, ge=0, description="weight decay of the kernels of convolutions"
    )
    dense_weight_decay: float = pydantic.Field(1e-2, ge=0, description="weight decay of the encoder's dense layer")
    head_weight_decay: float = pydantic.Field(1e-2, ge=0, description="weight decay of the layer that names classes")
    network: NetworkConfig = NetworkConfig(rnn="none")
    epochs: int = pydantic.Field(6, ge=1, description="times that every presentation is seen")
    presentations: int = pydantic.Field(
        60_000,
        ge=1,
        description="observations to train on, at most; every image is shown at as many places as they allow",
    )
    learning_rate: float = pydantic.Field(2e-3, gt=0, description="learning rate at its highest")
    learning_rate_schedule: Literal["one_cycle", "linear", "cosine", "exponential", "constant"] = pydantic.Field(
        "one_cycle", description="how the learning rate changes"
    )
    final_learning_rate: float = pydantic.Field(
        0.05, gt=0, le=1, description="share of the learning rate that is left at the end; not used by one_cycle"
    )
    batch_size: int = pydantic.Field(64, ge=2, description="observations per gradient step")
    pixel_mean: float = pydantic.Field(51.0, description="subtracted from every pixel value, 0-255")
    pixel_scale: float = pydantic.Field(44.0, gt=0, description="what the difference is divided by")
    seed: int = pydantic.Field(0, ge=0, description="seed of weights and of the order of observations")
    device: str = pydantic.Field("cpu", pattern="^(cpu|cuda)$", description="where to compute: cpu or cuda")


@dataclasses.dataclass(frozen=True)
class TrainedClassifier:
    """What `train_classifier` returns.

    Attributes:
        path: the twin, which `load_agent` reads.
        agent: the twin.
        accuracy: share of held-out images named rightly, over all places.
        accuracy_by_place: the same for every place, by its name.
        held_out: number of held-out images.
        seconds: that it took.
    """

    path: Path
    agent: Agent
    accuracy: float
    accuracy_by_place: dict[str, float]
    held_out: int
    seconds: float


def train_classifier(
    scenario: Scenario | str | Path,
    out: str | Path,
    dataset: Dataset = None,
    config: ClassifierConfig | None = None,
    presentation: Presentation | str | None = None,
    class_effects: Mapping[str, int] | str | None = None,
    progress: bool = False,
) -> TrainedClassifier:
    """Train an encoder to name the class of images that stand in the arena, and save it as an agent.

    Args:
        scenario: whose arena and view the images are shown in.
        out: the twin's file, `.safetensors`.
        dataset: what `load_labelled_images` takes, or its result; None for the images of the arena.
        config: None for the defaults.
        presentation: where images are shown, as for `analyze`; None for several distances and bearings in the arena.
        class_effects: change of health per class, where the arena does not say; they order the classes.
        progress: show progress bars.

    Raises:
        UserError: the scenario, the data set or the presentation cannot be used, or the file cannot be written.
    """
    began = time.monotonic()
    config, path = config or ClassifierConfig(), Path(out)
    if path.suffix != ".safetensors":
        raise UserError(f"{path}: a twin is a .safetensors file; let its name end so")
    if config.network.rnn != "none":
        raise UserError("network: the twin names what it sees now and has no recurrent core; use rnn 'none'")
    require_device(config.device)
    arena = get_arena(scenario)
    shown = shown_dataset(arena, dataset, parse_class_effects(class_effects))
    chosen = parse_presentation(presentation) if presentation else Presentation(distances=DISTANCES, bearings=BEARINGS)
    places = chosen.places(arena.scenario)
    policy = _untrained(arena.scenario, shown, config)
    with one_thread():
        _train(policy, arena, shown, places, config, progress)
    twin_policy = ActorCriticPolicy(policy.network.to("cpu"), policy.description)
    correct = _correct(twin_policy, arena, shown, places, progress)
    by_place = {str(place): float(each.mean()) for place, each in zip(places, correct, strict=True)}
    training: dict[str, Any] = {
        "supervised": True,
        "dataset": shown.name,
        "config": config.model_dump(),
        "test_accuracy": float(correct.mean()),
        "held_out_images": correct.shape[1],
    }
    name = f"{arena.scenario.name}-twin"
    agent = Agent(name, twin_policy, arena.scenario, training=training)
    save_agent(agent, path)
    return TrainedClassifier(
        path, load_weights(path), float(correct.mean()), by_place, correct.shape[1], time.monotonic() - began
    )


def is_twin(policy: Policy) -> bool:
    """Whether this network names classes instead of acting."""
    return [head.name for head in policy.action_heads] == [CLASS_HEAD]


def _untrained(scenario: Scenario, shown: ShownDataset, config: ClassifierConfig) -> ActorCriticPolicy:
    view = scenario.observation
    heads = (ActionHead(CLASS_HEAD, shown.class_names),)
    description = NetworkDescription(config.network, (view.height, view.width, 3), heads)
    policy = ActorCriticPolicy.untrained(description, config.seed)
    network = policy.network
    network.pixel_mean.fill_(config.pixel_mean)
    network.pixel_scale.fill_(config.pixel_scale)
    with torch.no_grad():  # there is no return that a critic could foresee
        network.value.weight.zero_()
        network.value.bias.zero_()
    return policy


def _train(
    policy: ActorCriticPolicy,
    arena: ArenaArchive,
    shown: ShownDataset,
    places: Sequence[Place],
    config: ClassifierConfig,
    progress: bool,
) -> None:
    network = policy.network.to(config.device).train().requires_grad_(True)
    network.value.requires_grad_(False)
    with tempfile.TemporaryDirectory(prefix="retinoscope-twin-") as folder:
        seen, labels = _presentations(arena, shown, places, config, Path(folder), progress)
        rows, steps = np.random.default_rng(config.seed), -(-len(labels) // config.batch_size)
        decoder = make_decoder(network.encoder, config.network, policy.observation_shape, config)
        optimiser = _optimiser(network, decoder, config)
        schedule = _schedule(optimiser, config, config.epochs * steps)
        with progress_bar("gradient steps", config.epochs * steps, progress) as advance:
            for _ in range(config.epochs):
                order = rows.permutation(len(labels))
                for start in range(0, len(order), config.batch_size):
                    chosen = np.sort(order[start : start + config.batch_size])
                    pixels = torch.from_numpy(seen[chosen]).to(config.device)
                    truth = torch.from_numpy(labels[chosen]).to(config.device)
                    seen_by_it = network.input_of_encoder(pixels)
                    features, auxiliary = learning_pass(network.encoder, decoder, seen_by_it, config)
                    loss = torch.nn.functional.cross_entropy(network.policy(features), truth)
                    optimiser.zero_grad()
                    (loss if auxiliary is None else loss + auxiliary).backward()
                    optimiser.step()
                    schedule.step()
                    done = schedule.last_epoch / (config.epochs * steps)
                    optimiser.leave_decay(config.share_of_weight_decay(done))
                    advance(1)
    network.eval().requires_grad_(False)


def _optimiser(network: ActorCriticNetwork, decoder: nn.Module | None, config: ClassifierConfig) -> PartedAdamW:
    parts = [each for each in parts_of(network.encoder, None, network) if each[0].requires_grad]
    if decoder is not None:
        decoder.to(config.device)
        parts += [(each, "undecayed") for each in decoder.parameters()]
    return PartedAdamW(parts, config, config.learning_rate)


def _schedule(
    optimiser: torch.optim.AdamW, config: ClassifierConfig, steps: int
) -> torch.optim.lr_scheduler.LRScheduler:
    kind, least = config.learning_rate_schedule, config.final_learning_rate
    if kind == "one_cycle":
        return torch.optim.lr_scheduler.OneCycleLR(optimiser, config.learning_rate, total_steps=steps, pct_start=0.2)
    return torch.optim.lr_scheduler.LambdaLR(
        optimiser, lambda step: share_of_learning_rate(kind, min(step / steps, 1.0), least)
    )


def _presentations(
    arena: ArenaArchive,
    shown: ShownDataset,
    places: Sequence[Place],
    config: ClassifierConfig,
    folder: Path,
    progress: bool,
) -> tuple[np.ndarray, np.ndarray]:
    """Observations (row, height, width, 3) on disk, and the label of each: training images, each at random places."""
    training = shown.some(config.presentations, config.seed, ~shown.is_test)
    per_image = min(len(places), config.presentations // len(training))
    random = np.random.default_rng(config.seed)
    ranks = random.random((len(training), len(places))).argsort(axis=1)[:, :per_image]
    rows = ranks.size
    view = arena.scenario.observation
    seen = np.memmap(folder / "observations", np.uint8, "w+", shape=(rows, view.height, view.width, 3))
    labels, done = np.empty(rows, np.int64), 0
    with progress_bar("observations drawn", rows, progress) as advance:
        for number, place in enumerate(places):
            chosen = training[(ranks == number).any(axis=1)]
            if not len(chosen):
                continue
            for each in present(arena, shown.images[chosen], (place,)):
                stop = done + len(each.observations)
                seen[done:stop] = each.observations
                labels[done:stop] = shown.labels[chosen[each.start : each.start + len(each.observations)]]
                advance(stop - done)
                done = stop
    return seen, labels


def _correct(
    policy: Policy, arena: ArenaArchive, shown: ShownDataset, places: Sequence[Place], progress: bool
) -> np.ndarray:
    """(place, held-out image) bool."""
    held_out = np.flatnonzero(shown.is_test)
    correct = np.empty((len(places), len(held_out)), bool)
    with progress_bar("held-out images", correct.size, progress) as advance:
        for each in present(arena, shown.images[held_out], places):
            with inference():
                pixels = torch.from_numpy(each.observations).to(policy.device)
                named = policy.step(pixels, policy.initial_state(len(pixels))).logits.argmax(dim=1).cpu().numpy()
            part = slice(each.start, each.start + len(named))
            correct[each.place, part] = named == shown.labels[held_out[part]]
            advance(len(named))
    return correct
