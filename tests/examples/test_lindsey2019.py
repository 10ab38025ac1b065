"""Lindsey et al. 2019 again: what is trained, that it goes on where it ended, and what is said of planted fields."""

from __future__ import annotations

import csv
import io
import sys
import tarfile
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from scipy.ndimage import shift

import retinoscope
from tests.examples.running import EXAMPLES, imported, run
from tests.warm import Warm

FOLDER = EXAMPLES / "lindsey2019"
SAMPLE = Path(__file__).parents[1] / "data" / "cifar10_sample.npz"


@pytest.fixture
def parts(monkeypatch: pytest.MonkeyPatch) -> dict[str, ModuleType]:
    """The files of the example, which import each other."""
    monkeypatch.syspath_prepend(str(FOLDER))
    names = ("model", "images", "train", "fields", "structure", "drawing", "report")
    found = {}
    for name in names:
        monkeypatch.delitem(sys.modules, name, raising=False)
        found[name] = imported("lindsey2019", f"{name}.py")
        monkeypatch.setitem(sys.modules, name, found[name])
    return found


def small(images: ModuleType) -> object:
    random = np.random.default_rng(0)
    train, test = random.random((24, 32, 32)), random.random((6, 32, 32))
    return images.Images(
        train.astype(np.float32), random.integers(10, size=24), test.astype(np.float32), random.integers(10, size=6)
    )


def test_images_are_shifted_as_scipy_does(parts: dict[str, ModuleType]) -> None:
    images = torch.rand(6, 32, 32, generator=torch.Generator().manual_seed(3))
    found = parts["train"].augmented(images, 0.1, torch.Generator().manual_seed(1))
    generator = torch.Generator().manual_seed(1)
    mirrored = torch.rand(6, generator=generator) < 0.5
    down, right = ((2 * torch.rand(6, 1, generator=generator) - 1) * 3.2 for _ in range(2))
    assert 0 < mirrored.sum() < 6
    for each, image in enumerate(images.numpy()):
        seen = image[:, ::-1] if mirrored[each] else image
        moved = shift(seen, (-float(down[each]), -float(right[each])), order=1, mode="nearest")
        np.testing.assert_allclose(found[each], moved, atol=1e-5)


def test_training_is_that_of_torch_with_a_rate_that_decays(parts: dict[str, ModuleType], tmp_path: Path) -> None:
    """Against torch's own RMSprop in float32; the decay is made large, so that it matters."""
    train, images = parts["train"], small(parts["images"])
    recipe = train.Recipe(2, 5, hidden=4, batch=8, decay=0.5, precision="float32")
    train.train(images, tmp_path / "run", recipe, 1)
    network = parts["model"].drawn(5, 2, 4)
    first = load_file(tmp_path / "run" / "initial.safetensors")
    for name, each in network.state_dict().items():
        torch.testing.assert_close(each, first[name], rtol=0, atol=0)
    rule = torch.optim.RMSprop(network.parameters(), 1e-4, alpha=0.9, eps=1e-7)
    generator = torch.Generator().manual_seed(1_000_003 * 5 + 1)
    for update, chosen in enumerate(torch.randperm(24, generator=generator).split(8)):
        rule.param_groups[0]["lr"] = 1e-4 / (1 + 0.5 * update)
        pixels = train.augmented(torch.from_numpy(images.train)[chosen], 0.1, generator)
        rule.zero_grad()
        labels = torch.from_numpy(images.train_labels)[chosen]
        torch.nn.functional.cross_entropy(network(pixels[:, None]), labels).backward()
        rule.step()
    found = load_file(tmp_path / "run" / "final.safetensors")
    for name, each in network.state_dict().items():
        moved = (each - first[name]).norm()
        assert (found[name] - each).norm() < 0.05 * moved, name


def test_an_interrupted_training_ends_where_the_other_one_does(parts: dict[str, ModuleType], tmp_path: Path) -> None:
    train, images = parts["train"], small(parts["images"])
    recipe = train.Recipe(1, 0, hidden=4, batch=8)
    for epochs in (1, 2):
        train.train(images, tmp_path / "halted", recipe, epochs)
    train.train(images, tmp_path / "whole", recipe, 2)
    one, other = (load_file(tmp_path / each / "state.safetensors") for each in ("halted", "whole"))
    assert one.keys() == other.keys() and len(one) == 24
    for name in one:
        torch.testing.assert_close(one[name], other[name], rtol=0, atol=0)
    curve = (tmp_path / "halted" / "curve.csv").read_text(encoding="utf-8").splitlines()
    assert [line.split(",")[0] for line in curve] == ["epoch", "0", "1", "2"]
    with pytest.raises(retinoscope.UserError, match="another recipe"):
        train.train(images, tmp_path / "halted", train.Recipe(1, 1, hidden=4, batch=8), 2)


def test_images_of_the_archive_are_those_of_the_file(parts: dict[str, ModuleType], tmp_path: Path) -> None:
    with np.load(SAMPLE) as file:
        colours, labels, split = file["images"], file["labels"], file["split"]
    path = tmp_path / "cifar-10-binary.tar.gz"
    places = [*np.array_split(np.flatnonzero(split == 0), 5), np.flatnonzero(split == 1)]
    with tarfile.open(path, "w:gz") as archive:
        for name, chosen in zip((*(f"data_batch_{n}" for n in range(1, 6)), "test_batch"), places, strict=True):
            rows = np.concatenate(
                [labels[chosen, None], colours[chosen].transpose(0, 3, 1, 2).reshape(-1, 3072)], axis=1
            )
            entry = tarfile.TarInfo(f"cifar-10-batches-bin/{name}.bin")
            entry.size = rows.size
            archive.addfile(entry, io.BytesIO(rows.astype(np.uint8).tobytes()))
    one, other = parts["images"].read(path), parts["images"].read(SAMPLE)
    np.testing.assert_array_equal(one.train, other.train)
    np.testing.assert_array_equal(one.test_labels, other.test_labels)
    assert one.train.max() <= 1 and one.train.shape == ((split == 0).sum(), 32, 32)


def test_what_is_downloaded_is_the_published_file(
    parts: dict[str, ModuleType], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    images, there, wanted = parts["images"], tmp_path / "there.bin", tmp_path / "deep" / "cifar.tar.gz"
    there.write_bytes(b"bytes")
    monkeypatch.setattr(images, "ARCHIVE", there.as_uri())
    with pytest.raises(retinoscope.UserError, match="not the published file"):
        images.download(wanted)
    assert not list(wanted.parent.iterdir())
    monkeypatch.setattr(images, "MD5", "4b3a6218bb3e3a7303e8a171a60fcf92")
    images.download(wanted)
    assert wanted.read_bytes() == b"bytes"
    monkeypatch.setattr(images, "ARCHIVE", (tmp_path / "nowhere").as_uri())
    with pytest.raises(retinoscope.UserError, match="fetch it by hand"):
        images.download(tmp_path / "other.tar.gz")


def test_planted_fields_are_what_they_are(parts: dict[str, ModuleType]) -> None:
    """A retina of one centre with its surround and one edge, and a V1 that passes both on, one of them inverted."""
    y, x = np.mgrid[-4:5, -4:5]
    rings = np.exp(-(x**2 + y**2) / 3) - 0.33 * np.exp(-(x**2 + y**2) / 9)
    edge = np.exp(-(x**2 + y**2) / 8) * np.sin(1.2 * x)
    network = parts["model"].drawn(0, 2, 4)
    with torch.no_grad():
        for each in (network.conv1, network.conv2, network.conv3):
            each.weight.zero_()
            each.bias.fill_(20.0)  # above which every unit is linear
        network.conv3.bias.fill_(100.0)
        network.conv1.weight[0, 0, 4, 4] = 1.0
        network.conv2.weight[:, 0] = torch.from_numpy(np.stack([rings, edge]))
        network.conv3.weight[0, 0, 4, 4] = 1.0
        network.conv3.weight[1, 1, 4, 4] = -1.0
    found = parts["fields"].fields_of(network, 64)
    run_of = parts["fields"].Run
    keys = {(state, *key): each for key, each in found.items() for state in ("before training", "trained")}
    selective = parts["fields"].selectivity_of(network)
    assert selective["conv2"][0] < 0.1 and selective["conv2"][1] > 0.5
    chosen = {(state, layer): each for layer, each in selective.items() for state in ("before training", "trained")}
    units = parts["structure"].units_of([run_of(2, 0, [], 0, keys, chosen)], 10)
    for way in ("black picture", "white noise"):
        halves = found["conv2", way]
        np.testing.assert_allclose(halves[:, 0, 4:13, 4:13], np.stack([rings, rings]) / 255, atol=1e-6)
        kinds = {each.layer: list(each.kind) for each in units if (each.state, each.way) == ("trained", way)}
        assert kinds == {"conv2": ["centre-surround", "oriented"], "conv3": ["centre-surround", "oriented"]}
        for each in units:
            if each.seed == 0:
                np.testing.assert_allclose(each.unchanged, 1, atol=1e-3)
    (noise,) = (each for each in units if each.seed == -1 and each.layer == "conv2")
    assert set(noise.kind) == {"not structured"}


def test_shares_of_few_fields_are_not_certain(parts: dict[str, ModuleType]) -> None:
    three = [np.array(["oriented"])] * 3
    share, low, high = parts["structure"].share(three, "oriented")
    assert (share, high) == (1, 1) and 0.29 < low < 0.3
    alike = [np.array(["oriented", "blob"] * 16)] * 3
    share, low, high = parts["structure"].share(alike, "oriented")
    assert share == 0.5 and 0.3 < low < 0.5 < high < 0.7


@pytest.mark.engine
def test_the_command_trains_measures_and_goes_on(warm: Warm, tmp_path: Path) -> None:
    out = tmp_path / "out"
    command = [FOLDER / "run.py", "--images", SAMPLE, "--bottlenecks", "1", "2", "--seeds", "0", "--hidden", "4"]
    options = ["--stimuli", "16", "--surrogates", "3", "--out", out]
    said = run(warm, *command, "--epochs", "1", *options)
    assert "N = 1, retina centre-surround" in said and "as few as 1 of the authors' 20 epochs" in said
    assert "bottleneck 2, seed 0, epoch 2" in run(warm, *command, "--epochs", "2", "--only", "train", *options)
    with (out / "table.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    which = [(row["bottleneck"], row["layer"], row["state"], row["way"]) for row in rows if row["seed"] == "all"]
    assert len(which) == len(set(which)) == 16
    # With biases of zero every unit is silent at a black picture, so that the authors' way shows no field.
    silent = [row["answering"] for row in rows if (row["state"], row["way"]) == ("before training", "black picture")]
    assert set(silent) == {"0"}
    assert {path.name for path in out.glob("*.png")} == {"fields.png", "indices.png", "course.png"}
    # Measured again after two epochs, with the state after the first, which is what was the last one then.
    said = run(warm, *command, "--epochs", "2", "--only", "measure", *options)
    assert "| 1 | retina | 0 |" in said and "| 2 | V1 | 1 |" in said and "| 2 | V1 | 2 |" in said
    with (out / "table.csv").open(encoding="utf-8") as file:
        later = list(csv.DictReader(file))
    assert len(later) == len(rows) + 8  # a bottleneck and layer each, by itself and all together
    for row in rows:
        if (row["state"], row["way"], row["seed"]) == ("trained", "white noise", "all"):
            same = {"state": "after epoch 1", "bottleneck": row["bottleneck"], "layer": row["layer"], "seed": "all"}
            (found,) = (each for each in later if all(each[key] == value for key, value in same.items()))
            for name in ("epochs", "answering", "orientation", "unchanged", "published_ratio", "oriented"):
                assert found[name] == row[name], name
