"""What the tests of this room share: one cluster, for starting it takes seconds."""

from __future__ import annotations

import pytest

from tests.scale.clusters import running_cluster


@pytest.fixture(scope="package")
def cluster(tmp_path_factory):
    """The address of a scheduler in another process, with two workers in others again."""
    with running_cluster(tmp_path_factory.mktemp("cluster")) as running:
        yield running.address
