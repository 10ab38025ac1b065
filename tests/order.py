"""What takes longest comes first, for each of the processes that share the tests, so that none waits for it at the end.

`pytest -n 2 --dist worksteal` gives each process a stretch of the tests; who is done takes from the end of the other's.
"""

from __future__ import annotations

from pathlib import Path

import pytest

ROOT = Path(__file__).parent
FIRST = (
    ("test_docs.py", "examples"),
    ("training", "sweeps", "command_line/test_help.py", "rollouts/test_killed_recorder.py"),
)
"""Files and folders by which the first and the second half of all tests begin; of each about as many seconds."""


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if not hasattr(config, "workerinput"):  # a single process takes them as they come
        return
    begins = [[item for item in items if is_of(item, places)] for places in FIRST]
    others = [item for item in items if not any(is_of(item, places) for places in FIRST)]
    first = max(len(items) // 2 - len(begins[0]), 0)
    items[:] = [*begins[0], *others[:first], *begins[1], *others[first:]]


def is_of(item: pytest.Item, places: tuple[str, ...]) -> bool:
    return any(item.path.is_relative_to(ROOT / place) for place in places)
