"""Dataset examples: the lists are those of an oracle that sorts everything, however the activity is given and held."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import retinoscope.analyses.memory.activations as activations_module
import retinoscope.analyses.memory.samples as samples_module
from retinoscope.analyses.memory.dataset_examples import dataset_examples
from retinoscope.analyses.memory.fitted_components import fitted_components
from retinoscope.analyses.memory.recording_windows import RecordingWindows
from retinoscope.analyses.memory.samples import ArraySamples, FolderSamples
from retinoscope.errors import UserError
from retinoscope.result import Result
from retinoscope.rollouts import Recording
from retinoscope.workflows.example_files import Words, write_json
from tests.oracles_examples import slow_levels, slow_lists

SHAPES = [(1, 1, 1), (1, 7, 2), (9, 1, 2), (2, 3, 2), (40, 6, 3), (33, 5, 4)]


def given(source: Any, **settings: Any) -> dict[str, Result]:
    """The components of a source; the units as they are, unless others are wanted."""
    return {"fitted_components": fitted_components(source, **({"components": "units"} | settings))}


def written(activity: np.ndarray, proportion: float, step: int, folder: Path) -> str:
    result = dataset_examples(activity, given=given(activity), proportions=(proportion,), gradient_step=step)
    words = Words.of(ArraySamples(activity) if isinstance(activity, np.ndarray) else activity)
    return write_json(result, proportion, folder / "lists.json", words).read_text(encoding="utf-8")


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("proportion", [0.001, 0.1, 0.3, 0.5])
@pytest.mark.parametrize("kind", ["float32", "float64", "ties"])
def test_lists_equal_the_oracle_to_the_last_byte(
    shape: tuple[int, int, int], proportion: float, kind: str, tmp_path: Path
) -> None:
    random = np.random.default_rng(hash((shape, proportion)) % 2**32)
    activity = random.integers(-2, 3, shape).astype(np.float32) if kind == "ties" else random.normal(size=shape)
    activity = activity.astype(np.float32) if kind == "float32" else activity
    step = int(random.integers(shape[1]))
    assert written(activity, proportion, step, tmp_path) == json.dumps(slow_lists(activity, proportion, step)) + "\n"


def test_a_middle_between_neighbouring_numbers_is_not_lost_to_rounding(tmp_path: Path) -> None:
    one = np.float64(1.0)
    above = np.nextafter(one, 2)
    values = [np.nextafter(one, 0), above, one, above, *np.linspace(2, 3, 3), *np.linspace(-3, 0, 3)]
    activity = np.array(values)[:, None].reshape(5, 2, 1)
    for proportion in (0.1, 0.2, 0.3, 0.4, 0.5):
        assert json.loads(written(activity, proportion, 1, tmp_path)) == slow_lists(activity, proportion, 1)


def test_large_activity_goes_through_a_file_block_by_block_to_the_same_lists(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    activity = np.random.default_rng(0).normal(size=(300, 6, 8)).astype(np.float32)
    np.save(tmp_path / "hx.npy", activity)
    fit, proportions = given(activity, components="pca:3", fit_steps=500), (0.1, 0.25)
    whole = dataset_examples(activity, given=fit, proportions=proportions)
    monkeypatch.setattr(activations_module, "_IN_MEMORY", 100)
    monkeypatch.setattr(activations_module, "BLOCK_VALUES", 6 * 3 * 7)
    monkeypatch.setattr(samples_module.Samples.blocks, "__defaults__", (6 * 8 * 11,))
    fit = given(tmp_path / "hx.npy", components="pca:3", fit_steps=500)
    streamed = dataset_examples(tmp_path / "hx.npy", given=fit, proportions=proportions, cache=tmp_path)
    # Products of blocks of other sizes may differ in their last digits; what is made of them may not.
    assert np.array_equal(whole.data["listed"].values, streamed.data["listed"].values)
    assert np.array_equal(whole.data["histogram"].values, streamed.data["histogram"].values)
    np.testing.assert_allclose(whole.data["high"].values, streamed.data["high"].values, rtol=1e-5)
    assert [path.name for path in tmp_path.iterdir()] == ["hx.npy"]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("kind", ["gaussian", "ties"])
def test_what_is_read_from_files_block_by_block_equals_the_oracle_to_the_last_byte(
    dtype: type, kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    random = np.random.default_rng(5)
    shape = (53, 4, 3)
    activity = (random.integers(-2, 3, shape) if kind == "ties" else random.normal(size=shape)).astype(dtype)
    np.save(tmp_path / "hx.npy", activity)
    samples = ArraySamples(tmp_path / "hx.npy")
    monkeypatch.setattr(activations_module, "_IN_MEMORY", 100)
    monkeypatch.setattr(activations_module, "BLOCK_VALUES", 4 * 3 * 7)
    monkeypatch.setattr(samples_module.Samples.blocks, "__defaults__", (4 * 3 * 11,))
    assert len(list(samples.blocks())) == 5
    for proportion in (0.001, 0.1, 0.3, 0.5):
        expected = json.dumps(slow_lists(activity, proportion, 2)) + "\n"
        assert written(samples, proportion, 2, tmp_path) == expected  # type: ignore[arg-type]


def test_the_result_states_thresholds_coverage_and_shape() -> None:
    activity = np.random.default_rng(0).gamma(1.5, size=(200, 5, 2))
    result = dataset_examples(activity, given=given(activity), proportions=(0.1, 0.02), gradient_step=2)
    data = result.data
    for place, proportion in enumerate((0.1, 0.02)):
        for component in range(2):
            levels = slow_levels(activity[:, :, component], proportion)
            one = data.isel(proportion=place, component=component)
            assert float(one["high"]) == levels["high"][0] and float(one["low"]) == levels["low"][1]
            assert (float(one["middle_from"]), float(one["middle_to"])) == levels["middle"]
            lists = slow_lists(activity, proportion, 2)
            for scope, level in (("any_step", "high"), ("gradient_step", "low")):
                share = len(lists[scope][level][str(component)]) / 200
                assert float(one["coverage"].sel(scope=scope, level=level)) == pytest.approx(share)
    assert data["histogram"].sum("bin").values.tolist() == [[1000, 1000], [200, 200]]
    assert float(data["median"][0, 0]) == np.sort(activity[:, :, 0].ravel())[499]
    assert result.parameters["gradient_step"] == 2


def test_poor_cuts_are_told_in_words_and_good_ones_are_not() -> None:
    random = np.random.default_rng(0)
    activity = random.normal(size=(400, 10, 4))
    activity[:, :, 0] = np.where(random.random((400, 10)) < 0.04, 10, activity[:, :, 0])
    activity[:, :, 1] = np.clip(activity[:, :, 1] - 1, 0, None)
    activity[:, :, 3] = 2.5
    fair, relu, gaussian, constant = dataset_examples(activity, given=given(activity)).data["cut"].values[0]
    assert "high list mixes ordinary steps with extreme ones" in fair and "lower half" in fair
    assert "Many steps share one value" in relu and "low holds 84%" in relu
    assert gaussian == ""
    assert "never changes" in constant
    first = activity[:, :, :1]
    narrow = dataset_examples(first, given=given(first), proportions=(0.03,)).data["cut"].item()
    assert "mixes" not in narrow and "lower half" in narrow


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    random = np.random.default_rng(0)
    for number in (10, 2, 7):
        sample = tmp_path / "recordings" / f"sample_{number:05d}"
        sample.mkdir(parents=True)
        np.save(sample / "agent_hs.npy", random.normal(size=(6, 1, 4)).astype(np.float32))
        np.save(sample / "ims.npy", random.random((6, 3, 8, 10)).astype(np.float32))
    return tmp_path / "recordings"


def test_a_folder_of_samples_keeps_their_names(folder: Path, tmp_path: Path) -> None:
    samples = FolderSamples(folder)
    assert samples.names == ("sample_00002", "sample_00007", "sample_00010")
    activity = np.stack([np.load(folder / name / "agent_hs.npy")[:, 0] for name in samples.names])
    assert np.array_equal(samples.activity(0, 3), activity)
    frames = samples.frames(1)
    assert frames is not None and frames.shape == (6, 8, 10, 3) and frames.dtype == np.uint8
    given = np.load(folder / "sample_00007" / "ims.npy")
    assert np.array_equal(frames, np.rint(255 * np.moveaxis(given.astype(np.float64), 1, -1)))
    lists = json.loads(written(samples, 0.2, 5, tmp_path))  # type: ignore[arg-type]
    numbered = slow_lists(activity, 0.2, 5)
    assert lists["any_step"]["high"]["1"] == [samples.names[each] for each in numbered["any_step"]["high"]["1"]]


def test_names_of_an_array_come_out_in_ascending_order(tmp_path: Path) -> None:
    activity = np.random.default_rng(0).normal(size=(4, 3, 1))
    samples = ArraySamples(activity, names=["d", "a", "c", "b"])
    lists = json.loads(written(samples, 0.5, 0, tmp_path))  # type: ignore[arg-type]
    assert all(each == sorted(each) for each in lists["any_step"]["high"].values())
    assert set(lists["any_step"]["high"]["0"]) == {
        samples.names[each]
        for each in slow_lists(activity, 0.5, 0)["any_step"]["high"]["0"]  # type: ignore[index]
    }


def test_frames_come_from_arrays_files_and_pictures(tmp_path: Path) -> None:
    frames = np.random.default_rng(0).integers(0, 256, (2, 3, 5, 6, 3), dtype=np.uint8)
    activity = np.zeros((2, 3, 1))
    np.save(tmp_path / "frames.npy", frames)
    for sample in range(2):
        (tmp_path / "pictures" / f"clip{sample}").mkdir(parents=True)
        for step in range(3):
            Image.fromarray(frames[sample, step]).save(
                tmp_path / "pictures" / f"clip{sample}" / f"frame_{9 + step}.png"
            )
        (tmp_path / "files").mkdir(exist_ok=True)
        np.save(tmp_path / "files" / f"{sample}.npy", frames[sample])
    for given in (frames, tmp_path / "frames.npy", tmp_path / "pictures", tmp_path / "files"):
        samples = ArraySamples(activity, given)
        assert all(np.array_equal(samples.frames(sample), frames[sample]) for sample in range(2))


def test_windows_of_a_recording_never_cross_a_reset(small_recording: Recording) -> None:
    windows = RecordingWindows(small_recording, length=6, stride=4, burn_in=3)
    rows = small_recording.rows(names=["rnn", "observation"])
    expected = []
    for episode in small_recording.episodes:
        start = episode.start + 3
        while start + 6 <= episode.stop:
            expected.append(start)
            start += 4
    assert windows.starts.tolist() == expected
    for sample, start in enumerate(expected):
        assert np.array_equal(windows.activity(sample, sample + 1)[0], rows["rnn"].values[start : start + 6])
        assert len(set(rows["episode"].values[start : start + 6])) == 1
    assert np.array_equal(windows.frames(2), rows["observation"].values[expected[2] : expected[2] + 6])
    assert np.array_equal(np.concatenate(list(windows.blocks(200))), windows.activity(0, windows.count))


def test_a_recording_is_cut_into_windows_of_its_own(small_recording: Recording) -> None:
    fit = given(small_recording, components="pca:2", window_steps=8, burn_in_steps=2)
    result = dataset_examples(small_recording, given=fit)
    windows = RecordingWindows(small_recording, 8, burn_in=2)
    assert result.data["first_row"].values.tolist() == windows.starts.tolist()
    assert result.provenance["agent"] == "small-0" and result.parameters["burn_in_steps"] == 2
    assert "windows within episodes" in result.data.attrs["caption"]


def with_value(value: float) -> np.ndarray:
    activity = np.random.default_rng(0).normal(size=(4, 3, 2))
    activity[2, 1, 1] = value
    return activity


@pytest.mark.parametrize(
    ("activity", "settings", "message"),
    [
        (with_value(np.nan), {"components": "units"}, "unit 1 in sample 2, step 1, is nan"),
        (with_value(-np.inf), {"components": "units"}, "unit 1 in sample 2, step 1, is -inf"),
        (with_value(0), {"components": "ica:3"}, "2 units; ask for 1 to 2"),
        (with_value(0) * [1, 0], {"components": "pca:1", "leave_out_constant": False}, "unit 1"),
        (with_value(0) * [0, 0], {"components": "pca:1"}, "none of its 2 units ever changes"),
        (with_value(0), {"components": "ica:0"}, "'ica:0'"),
        (with_value(0), {"components": "units:4"}, "'units:4'"),
        (with_value(0), {"components": "tsne:2"}, "'tsne:2'"),
        (with_value(0), {"component": "units"}, "no parameter 'component'; did you mean 'components'"),
        (with_value(0), {"seed": -1}, "seed is -1"),
        (with_value(0)[0], {}, r"\(3, 2\); give \(sample, step, unit\)"),
        (np.zeros((0, 3, 2)), {}, "each at least 1"),
        (np.array([[["a"]]]), {}, "not numbers"),
        (np.array([[[None]]]), {}, "not numbers"),
    ],
)
def test_wrong_input_is_refused_in_one_line(activity: np.ndarray, settings: dict, message: str) -> None:
    with pytest.raises(UserError, match=message) as caught:
        fitted_components(activity, **settings)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"gradient_step": 3}, "gradient step 3: samples have steps 0 to 2"),
        ({"gradient_step": -1}, "gradient_step is -1"),
        ({"proportions": (0.0,)}, "proportion 0.0"),
        ({"proportions": (0.51,)}, "proportion 0.51"),
        ({"proportions": (float("nan"),)}, "proportions is nan"),
        ({"proportions": ()}, "proportions is empty"),
        ({"proportions": (0.1, 0.1)}, "given twice"),
        ({"components": "units"}, "no parameter 'components'"),
    ],
)
def test_settings_that_make_no_sense_are_refused_in_one_line(settings: dict, message: str) -> None:
    with pytest.raises(UserError, match=message) as caught:
        dataset_examples(with_value(0), **settings)
    assert "\n" not in str(caught.value)


def test_units_that_never_change_are_left_out_and_named_or_refused() -> None:
    activity = np.random.default_rng(0).normal(size=(30, 4, 4)) * [1, 0, 1, 0]
    result = dataset_examples(activity, given=given(activity, components="pca:2"))
    changing = activity[:, :, [0, 2]]
    same = dataset_examples(changing, given=given(changing, components="pca:2"))
    assert np.array_equal(result.data["listed"].values, same.data["listed"].values)
    assert (
        "2 of 4 units never change in the steps that components are found on and are left out (unit 1, 3)"
        in result.data.attrs["caption"]
    )
    assert "left out (unit" not in same.data.attrs["caption"]
    with pytest.raises(UserError, match="unit 1, 3"):
        fitted_components(activity, components="pca:2", leave_out_constant=False)


def test_files_that_cannot_be_used_are_refused(folder: Path, tmp_path: Path) -> None:
    objects = tmp_path / "objects.npy"
    np.save(objects, np.array([{"a": 1}, None], dtype=object), allow_pickle=True)
    (tmp_path / "text.npy").write_text("not numpy")
    np.savez(tmp_path / "archive.npz", a=np.zeros(3))
    (tmp_path / "archive.npy").write_bytes((tmp_path / "archive.npz").read_bytes())
    for name, message in (
        ("objects.npy", "holds objects"),
        ("text.npy", r"no \.npy file|holds objects"),
        ("missing.npy", "no such file"),
        ("archive.npy", "archive"),
    ):
        with pytest.raises(UserError, match=message):
            dataset_examples(tmp_path / name)
    with pytest.raises(UserError, match="one folder for each sample"):
        dataset_examples(tmp_path)
    np.save(folder / "sample_00007" / "agent_hs.npy", np.zeros((5, 4), np.float32))
    with pytest.raises(UserError, match=r"sample_00007.*has 5 steps of 4 units, the first sample 6 of 4"):
        dataset_examples(folder, given=given(folder))
    bad = np.zeros((6, 4), np.float32)
    bad[3, 2] = np.nan
    np.save(folder / "sample_00007" / "agent_hs.npy", bad)
    with pytest.raises(UserError, match="unit 2 in sample sample_00007, step 3, is nan"):
        dataset_examples(folder, given=given(folder))


@pytest.mark.parametrize(
    ("frames", "message"),
    [
        (np.zeros((2, 4, 5, 6, 3), np.uint8), "2 samples of 3 steps"),
        (np.zeros((2, 3, 5, 6), np.uint8), "frames of shape"),
    ],
)
def test_frames_that_do_not_fit_are_refused(frames: np.ndarray, message: str) -> None:
    with pytest.raises(UserError, match=message):
        ArraySamples(np.zeros((2, 3, 1)), frames)


def test_a_recording_too_short_for_a_window_is_refused(small_recording: Recording) -> None:
    longest = max(each.stop - each.start for each in small_recording.episodes)
    with pytest.raises(UserError, match=f"the longest episode has {longest} decisions, and a window takes 90;"):
        RecordingWindows(small_recording, length=90)
    with pytest.raises(UserError, match="of which the first 3 are left out as the memory's start-up, and"):
        RecordingWindows(small_recording, length=90, burn_in=3)
    with pytest.raises(UserError, match="length 0"):
        RecordingWindows(small_recording, length=0)
    with pytest.raises(UserError, match="no layer 'lstm'"):
        RecordingWindows(small_recording, layer="lstm")
