"""Work on a cluster: the same Results as here, whatever dies on the way; and refusals in one line."""

from __future__ import annotations

import os
import re
import signal
import socket
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import retinoscope
from retinoscope.analyses.accumulated import accumulated
from retinoscope.analyses.declaration import Inputs
from retinoscope.analyses.registry import analysis
from retinoscope.cli import main
from retinoscope.errors import UserError
from retinoscope.page.products import OMITTED
from retinoscope.rollouts import open_recording, record
from retinoscope.scale.cluster import connected
from retinoscope.scale.work import computing_on, each_of
from retinoscope.settings import with_settings
from retinoscope.statistics.covariance import Covariance
from retinoscope.workflows.running import computed
from tests.analyses.test_accumulated import add
from tests.rollouts.recordings import assert_same_content
from tests.worlds.grid_agents import agent_in, grid_world

SETTINGS = {"frames": 240, "seed": 3, "environments": 4, "batch": 1}


@pytest.fixture(scope="module")
def agent():
    return agent_in(grid_world())


@pytest.fixture(scope="module")
def whole(agent, tmp_path_factory):
    return record(agent, out=tmp_path_factory.mktemp("whole") / "whole.zarr", workers=1, **SETTINGS)


def shifted(number: int) -> tuple[int, int]:
    return number + 1, os.getpid()


def test_what_is_shared_out_comes_back_in_its_order_from_processes_of_its_own(cluster):
    with computing_on(cluster=cluster), connected(cluster) as tasks:
        found = list(each_of([(shifted, (number,)) for number in range(6)]))
        workers = set(tasks._client.run(os.getpid).values())
    assert [number for number, _ in found] == [1, 2, 3, 4, 5, 6]
    pids = {pid for _, pid in found}
    assert len(pids) <= 2 and not pids & (workers | {os.getpid()})


def test_what_fails_there_fails_here_as_it_would_have(cluster):
    def refuse() -> None:
        raise UserError("rows 3 to 2: give others")

    with connected(cluster) as tasks:
        with pytest.raises(UserError, match="rows 3 to 2: give others"):
            tasks.submit(refuse).result()
        with pytest.raises(RuntimeError, match=r"the process of a task ended by itself \(status 3\), twice"):
            tasks.submit(os._exit, 3).result()
        assert tasks.submit(shifted, 1).result()[0] == 2


def test_parts_recorded_on_a_cluster_are_the_recording_of_one_process(cluster, agent, whole, tmp_path):
    found = record(agent, out=tmp_path / "parts", cluster=cluster, **SETTINGS)
    assert len(list(tmp_path.glob("parts/part-*-of-2.zarr"))) == 2
    assert_same_content(found, whole)


def test_parts_recorded_by_processes_of_this_machine_are_too(agent, whole, tmp_path):
    assert_same_content(record(agent, out=tmp_path / "parts", parts=2, workers=2, **SETTINGS), whole)


def test_evaluation_is_that_of_one_process(cluster, agent):
    alone = retinoscope.evaluate(agent, episodes=4, workers=1)
    assert retinoscope.evaluate(agent, episodes=4, cluster=cluster).data.identical(alone.data)


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("receptive_fields", {"layers": ("convolution", "dense"), "max_stimuli": 64}),
        ("episode_attribution", {"episode": 0, "stop": 6, "checked_frames": 4, "method": "gradient", "times": 4}),
        ("attribution_checks", {"frames": 8, "stretch_frames": 4, "methods": ("gradient",), "targets": ("value",)}),
    ],
)
def test_what_analyze_shares_out_is_that_of_one_process(cluster, agent, whole, name, settings):
    each = analysis(name)
    chosen = with_settings(each.parameters(), settings)
    inputs = Inputs(agent, whole, agent.world)
    here = computed(each, inputs, chosen, {}).data
    with computing_on(cluster=cluster):
        there = computed(each, inputs, chosen, {}).data
    assert OMITTED not in here.attrs and there.equals(here)


def test_statistics_are_merged_in_the_order_of_stretches(cluster, whole):
    name = next(iter(whole.attributes["layers"]))
    empty = {name: Covariance(whole.attributes["layers"][name])}
    here = accumulated(whole, [name], empty, add, stretch=50)[name].finalize()
    with computing_on(cluster=cluster):
        there = accumulated(whole, [name], empty, add, stretch=50)[name].finalize()
    np.testing.assert_array_equal(here.covariance, there.covariance)


def test_a_worker_that_dies_amid_a_part_changes_nothing(cluster, agent, tmp_path):
    settings = SETTINGS | {"frames": 3_000, "block_frames": 64}
    out = tmp_path / "parts"
    with connected(cluster) as tasks, ThreadPoolExecutor(1) as here:
        before = set(tasks._client.run(os.getpid).values())
        recorded = here.submit(record, agent, out=out, parts=2, cluster=cluster, **settings)
        part = out / "part-1-of-2.zarr"
        while not (part.is_dir() and open_recording(part).frames) and not recorded.done():
            time.sleep(0.02)
        assert not recorded.done()
        for worker in before:  # one of them is at this part, and one at the other
            os.kill(worker, signal.SIGKILL)
        found = recorded.result()
        assert not before & set(tasks._client.run(os.getpid).values())
    assert_same_content(found, record(agent, out=tmp_path / "whole.zarr", workers=2, **settings))


def test_a_local_cluster_in_this_program_does(agent, whole, tmp_path):
    distributed = pytest.importorskip("distributed")
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, dashboard_address="127.0.0.1:0", host="127.0.0.1"
    ) as local:
        found = record(agent, out=tmp_path / "parts", cluster=local.scheduler_address, **SETTINGS)
    assert_same_content(found, whole)


def test_a_cluster_that_cannot_be_had_is_one_line(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("retinoscope.scale.cluster._SECONDS_TO_ANSWER", 0.5)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        nobody = f"tcp://127.0.0.1:{free.getsockname()[1]}"
    (tmp_path / "empty.yaml").write_text("queue: long\n")
    (tmp_path / "broken.yaml").write_text("jobs: [\n")
    (tmp_path / "wrong.yaml").write_text("jobs: 2\ncores: 1\nmemory: 1GB\nshoes: 2\n")
    cases = {
        nobody: "cannot be reached",
        "tcp://nowhere.invalid:1": "cannot be reached",
        "here": "is no address",
        f"slurm:{tmp_path}/none.yaml": "cannot be read as YAML",
        f"slurm:{tmp_path}/broken.yaml": "cannot be read as YAML",
        f"slurm:{tmp_path}/empty.yaml": "does not say how many jobs to ask for",
        f"slurm:{tmp_path}/wrong.yaml": "there is no 'shoes' for a SLURM cluster; ",
    }
    for where, complaint in cases.items():
        assert main(["evaluate", "random", "--cluster", where]) == 2, where
        said = capsys.readouterr().err
        assert said.count("\n") == 1 and re.search(complaint, said), said
    assert main(["analyze", "digits", "--out", str(tmp_path / "run"), "--cluster", "here"]) == 2
    assert "is no address" in capsys.readouterr().err and not (tmp_path / "run" / "manifest.json").exists()
    with pytest.raises(UserError, match="leave workers or cluster out"), computing_on(2, nobody):
        pass
    for name in ("distributed", "dask_jobqueue"):
        monkeypatch.setitem(sys.modules, name, None)
    with (
        pytest.raises(
            UserError, match=r"needs distributed, which is not installed; pip install 'retinoscope\[scale\]'"
        ),
        connected(nobody),
    ):
        pass


def test_a_part_is_not_recorded_in_parts(agent, tmp_path):
    with pytest.raises(UserError, match="part 1/2: one part is recorded here and by itself"):
        record(agent, out=tmp_path / "x", part="1/2", parts=2, **SETTINGS)
