"""`retinoscope explore`: a page of a recording, a run or examples, to be looked into with a mouse."""

from __future__ import annotations

import contextlib
import html
import os
import shutil
import tempfile
import webbrowser
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from retinoscope.errors import UserError
from retinoscope.files import replacing
from retinoscope.page.explorer.pages import explorer_page, single_file_page
from retinoscope.page.explorer.writing import DATA, EXPLORER, write_explorer
from retinoscope.page.html import PAGE, SINGLE_FILE
from retinoscope.result import Result
from retinoscope.workflows.explored import SavedResults, not_made_of, subtitle_of, title_of
from retinoscope.workflows.run_directory import MANIFEST, RECORDING, RunDirectory

if TYPE_CHECKING:
    from retinoscope.rollouts import Recording

ONE_FILE_OF_RUN = "explorer.html"
_HEIGHT = 900  # pixels, in a notebook


@dataclass(frozen=True)
class Exploration:
    """An explorer that was written. In a notebook it shows itself.

    Attributes:
        page: to be opened in a browser; it needs the folder `explorer` beside it.
        single_file: the same in one file; None if it was not asked for.
    """

    page: Path
    single_file: Path | None = None

    def open(self) -> None:
        """Show the page in a browser."""
        webbrowser.open(self.page.resolve().as_uri())

    def _repr_html_(self) -> str:
        """The single file in a frame, so that a notebook keeps it, also when it is exported."""
        document = html.escape(single_file_page(self.page.parent).html, quote=True)
        # Whatever encoding the page around it is taken for, its scripts keep the hashes that its policy names.
        document = document.encode("ascii", "xmlcharrefreplace").decode("ascii")
        return (
            f'<iframe srcdoc="{document}" title="Retinoscope explorer" '
            f'style="width: 100%; height: {_HEIGHT}px; border: 0"></iframe>'
        )


def explore(
    source: Recording | str | Path,
    out: str | Path | None = None,
    *,
    single_file: bool = False,
) -> Exploration:
    """Make a page to explore a recording with: every moment, every unit, linked.

    Args:
        source: a recording, or its path; the directory of a run of `analyze`; or of `examples`. Where one of these
            directories holds an explorer, and `out` is not given, that one is taken.
        out: the directory of the page; None for one beside the source, its name with `-explorer` behind, or for a
            recording of arrays one that the system chooses.
        single_file: write single-file.html too, of at most 20 MB, which can be sent; it says what it leaves out. In
            the directory of a run, whose single-file.html is its report, it is explorer.html.

    Raises:
        UserError: there is nothing to be explored, or `out` cannot be written or holds something else.
    """
    given = Path(source) if isinstance(source, str | Path) else None
    if given is not None and out is None and (given / EXPLORER / DATA / "index.js").is_file():
        folder = given
    else:
        found = _Source.of(source)
        folder = _place(found, out)
        with _replaced(folder) as made:
            found.write(made)
    one_file = None
    if single_file:
        # That of a run is its report.
        one_file = folder / (ONE_FILE_OF_RUN if (folder / MANIFEST).is_file() else SINGLE_FILE)
        with replacing(one_file) as temporary:
            temporary.write_text(single_file_page(folder).html, encoding="utf-8")
    return Exploration(folder / PAGE, one_file)


@dataclass(frozen=True)
class _Source:
    """What is explored.

    Attributes:
        recording: it was recorded.
        results: by name, of analyses of it.
        not_made: analyses that could not be made.
        path: where it lies; None for arrays in memory.
    """

    recording: Recording
    results: Mapping[str, Result]
    not_made: tuple[dict[str, str], ...]
    path: Path | None

    @classmethod
    def of(cls, source: Recording | str | Path) -> _Source:
        """From what a user gave."""
        from retinoscope.rollouts import Recording, is_recording, open_recording

        if isinstance(source, Recording):
            return cls(source, {}, (), source.path if is_recording(source.path) else None)
        path = Path(source)
        if is_recording(path):
            return cls(open_recording(path), {}, (), path)
        if (path / MANIFEST).is_file():
            return cls._of_run(path)
        if (path / "dataset_examples.nc").is_file() and (path / RECORDING).is_dir():
            return cls(open_recording(path / RECORDING), SavedResults(sorted(path.glob("*.nc"))), (), path)
        raise UserError(
            f"{path}: nothing to explore; give a recording, or a directory that `retinoscope analyze` or `retinoscope "
            "examples` wrote"
        )

    @classmethod
    def _of_run(cls, path: Path) -> _Source:
        from retinoscope.rollouts import open_recording

        manifest = RunDirectory(path).manifest()
        results = SavedResults([path / each["path"] for each in manifest["products"] if each["kind"] == "result"])
        return cls(open_recording(path / RECORDING), results, not_made_of(manifest), path)

    def write(self, folder: Path) -> None:
        """Write page and explorer into a folder."""
        recording = self.recording
        title = title_of(str(recording.attributes["agent"]), recording.world.name)
        write_explorer(
            folder,
            recording=recording,
            results=self.results,
            title=title,
            subtitle=subtitle_of(recording),
            not_made=self.not_made,
        )
        (folder / PAGE).write_text(explorer_page(title), encoding="utf-8")


def _place(found: _Source, out: str | Path | None) -> Path:
    """Where to write: a new directory, or one that holds nothing but an explorer."""
    if out is None and found.path is None:
        return Path(tempfile.mkdtemp(prefix="retinoscope-explorer-"))
    folder = Path(out) if out is not None else _beside(found.path or Path())
    if folder.is_dir() and {each.name for each in folder.iterdir()} - {PAGE, SINGLE_FILE, EXPLORER}:
        raise UserError(f"{folder}: holds something else than an explorer; choose another directory")
    return folder


def _beside(path: Path) -> Path:
    path = path.resolve()
    return path.with_name(f"{path.stem if path.suffix == '.zarr' else path.name}-explorer")


@contextlib.contextmanager
def _replaced(folder: Path) -> Iterator[Path]:
    """Yield a place to write an explorer to; if that ends well, it takes the place of what is in the folder."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        made = Path(tempfile.mkdtemp(prefix=".unfinished-", dir=folder))
    except OSError as error:
        raise UserError(f"{folder}: cannot be written ({error.strerror}); choose another directory") from None
    try:
        yield made
        put_in_place(made, folder)
    except OSError as error:
        raise UserError(f"{folder}: cannot be written ({error.strerror}); choose another directory") from None
    finally:
        shutil.rmtree(made, ignore_errors=True)


def put_in_place(made: Path, folder: Path) -> None:
    """Move page and explorer into a folder, the page last; what was there of an older one goes."""
    (folder / PAGE).unlink(missing_ok=True)
    (folder / SINGLE_FILE).unlink(missing_ok=True)
    if (folder / EXPLORER).exists():
        shutil.rmtree(folder / EXPLORER)
    for name in (EXPLORER, PAGE):
        os.replace(made / name, folder / name)
