"""The notebooks run from top to bottom, and show a figure and the explorer where they say so."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.quick import python_path

FOLDER = Path(__file__).parents[2] / "examples" / "notebooks"
FIGURES = {"shipped_agent": 3, "your_own": 2}
"""Name -> how many figures it draws."""
EXPLORERS = {"shipped_agent": 1, "your_own": 2}


def test_there_are_these_and_they_are_stored_without_output():
    import nbformat

    assert {path.stem for path in FOLDER.glob("*.ipynb")} == set(FIGURES)
    for path in FOLDER.glob("*.ipynb"):
        book = nbformat.read(path, 4)
        nbformat.validate(book)
        assert all(not cell.outputs and cell.execution_count is None for cell in book.cells if cell.cell_type == "code")


@pytest.mark.parametrize("name", ["your_own", pytest.param("shipped_agent", marks=pytest.mark.engine)])
def test_it_runs(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import nbformat
    from nbclient import NotebookClient

    monkeypatch.setenv("PYTHONPATH", python_path(FOLDER.parents[1] / "src"))
    monkeypatch.setenv("TMPDIR", str(tmp_path))  # where it writes
    monkeypatch.delenv("MPLBACKEND", raising=False)  # of a notebook, its own
    book = nbformat.read(FOLDER / f"{name}.ipynb", 4)
    NotebookClient(book, timeout=600, resources={"metadata": {"path": str(tmp_path)}}).execute(env=dict(os.environ))
    shown = [out.data for cell in book.cells if cell.cell_type == "code" for out in cell.outputs if "data" in out]
    assert sum("image/png" in each for each in shown) == FIGURES[name]
    pages = [each["text/html"] for each in shown if "<iframe" in each.get("text/html", "")]
    assert len(pages) == EXPLORERS[name] and all("srcdoc=" in page for page in pages)
