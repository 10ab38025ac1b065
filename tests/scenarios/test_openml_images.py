"""Sets of OpenML: what comes over the network is checked, arranged and kept. The network itself is planted."""

from __future__ import annotations

import urllib.error
from types import SimpleNamespace

import numpy as np
import pytest
import sklearn.datasets

from retinoscope.scenarios import get_arena, load_labelled_images
from retinoscope.scenarios.image_sources import OpenmlImages
from retinoscope.scenarios.openml_images import KNOWN_SETS, KnownSet, arrange
from tests.scenarios.test_bad_input import complaint


@pytest.fixture
def network(tmp_path, monkeypatch):
    """Serves planted tables; tells how often it was asked."""
    served = SimpleNamespace(tables={}, asked=[])

    def fetch_openml(name, version, as_frame, data_home, n_retries):
        served.asked.append((name, version))
        if name not in served.tables:
            raise urllib.error.URLError("Name or service not known")
        data, target = served.tables[name]
        return SimpleNamespace(data=data, target=target)

    monkeypatch.setattr(sklearn.datasets, "fetch_openml", fetch_openml)
    monkeypatch.setenv("RETINOSCOPE_CACHE", str(tmp_path / "cache"))
    return served


def table(count, pixels, classes=10):
    data = np.random.default_rng(0).integers(0, 256, (count, pixels)).astype(float)
    return data, np.array([str(index % classes) for index in range(count)], object)


SMALL = OpenmlImages(source="openml", name="small-set", shape=(4, 5, 3), class_count=3)


def test_mnist_is_arranged_as_images_with_its_last_ten_thousand_held_out(network):
    data, target = np.zeros((70_000, 784)), table(70_000, 0)[1]
    data[::1000] = table(70, 784)[0]  # 70,000 of noise would take seconds to keep
    network.tables["mnist_784"] = data, target
    found = load_labelled_images("mnist")
    assert (found.name, found.images.shape) == ("mnist", (70_000, 28, 28, 3))
    np.testing.assert_array_equal(found.images[::500, ..., 2].reshape(140, 784), data[::500])
    np.testing.assert_array_equal(found.labels, target.astype(int))
    assert np.flatnonzero(found.is_test)[0] == 60_000 and found.is_test.sum() == 10_000


def test_cifar_rows_hold_one_colour_after_the_other():
    data, target = table(60, 3072)
    known = KnownSet((32, 32, 3), KNOWN_SETS["CIFAR_10"].class_names, 10, channels_first=True)
    content = arrange("CIFAR_10", known, data, target)
    image = content["images"][7]
    for channel in range(3):
        np.testing.assert_array_equal(image[..., channel].ravel(), data[7, 1024 * channel : 1024 * (channel + 1)])
    assert content["class_names"][content["labels"][7]] == "horse"


def test_a_set_is_downloaded_once(network, tmp_path):
    network.tables["small-set"] = table(30, 60, 3)
    first, second = load_labelled_images(SMALL), load_labelled_images(SMALL)
    assert network.asked == [("small-set", 1)]
    np.testing.assert_array_equal(first.images, second.images)
    assert not list((tmp_path / "cache").glob(".openml*"))


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda data, target: (data[:, :-1], target), "holds 30 x 59, 3 classes, not any number x 60, 3 classes"),
        (lambda data, target: (data, np.where(target == "2", "1", target)), "holds 30 x 60, 2 classes"),
        (lambda data, target: (data, target[:-1]), "not any number x 60"),
        (lambda data, target: (data / 255, target), "not whole numbers from 0 to 255"),
        (lambda data, target: (data - 1, target), "not whole numbers from 0 to 255"),
        (lambda data, target: (np.where(data > 200, np.nan, data), target), "not whole numbers from 0 to 255"),
    ],
)
def test_what_is_not_as_stated_is_refused_and_not_kept(change, expected, network, tmp_path):
    network.tables["small-set"] = change(*table(30, 60, 3))
    line = complaint(lambda: load_labelled_images(SMALL))
    assert line.startswith("openml:small-set: ") and expected in line
    assert not list((tmp_path / "cache").rglob("*.npz"))


def test_a_known_set_of_another_size_is_refused(network):
    network.tables["mnist_784"] = table(100, 784)
    assert "holds 100 x 784, 10 classes, not 70000 x 784, 10 classes" in complaint(
        lambda: load_labelled_images("mnist")
    )


def test_without_a_network_one_line_says_so(network, tmp_path):
    line = complaint(lambda: get_arena("mnist", tmp_path / "arenas"))
    assert line.startswith("openml:mnist_784: cannot be downloaded (URLError") and ".npz" in line


def test_a_set_that_is_not_known_has_to_be_described(network):
    line = complaint(lambda: load_labelled_images("openml:iris"))
    assert line.startswith("openml:iris: is not one of mnist_784, CIFAR_10; state its `shape` and `class_count`")
    assert not network.asked


def test_a_file_in_the_cache_that_is_another_set_is_refused(network, tmp_path):
    network.tables["small-set"] = table(30, 60, 3)
    load_labelled_images(SMALL)
    (kept,) = (tmp_path / "cache").rglob("*.npz")
    np.savez(kept, images=np.zeros((3, 4, 4), np.uint8), labels=np.arange(3))
    line = complaint(lambda: load_labelled_images(SMALL))
    assert line.startswith(f"{kept}: is not the data set it is called after")
