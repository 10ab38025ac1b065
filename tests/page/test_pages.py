"""The page beside its files, and the one that holds them: how large, what is asked for, and what is left out."""

from __future__ import annotations

import base64
import hashlib
import re
from pathlib import Path

import pytest

from retinoscope.page import single_file
from retinoscope.page.explorer.writing import write_explorer
from retinoscope.page.html import render_report
from retinoscope.page.pages import write_pages
from retinoscope.page.single_file import LARGEST, render_single_file
from retinoscope.testing import planted_inputs
from tests.page.planted import HOSTILE, picture, planted_run
from tests.page.reading import Page


@pytest.fixture(scope="module")
def figure() -> bytes:
    return picture()


def test_the_page_is_small_whatever_a_run_holds(tmp_path: Path, figure: bytes) -> None:
    manifest = planted_run(
        tmp_path,
        figures={f"figure {number}": figure for number in range(60)},
        movies={f"movie {number}": 1_000 for number in range(30)},
        tables={f"table {number}": "a,b\n" + "1,2\n" * 50_000 for number in range(10)},
        texts={f"text {number}": "word " * 500_000 for number in range(5)},
    )
    write_pages(manifest, tmp_path)
    assert (tmp_path / "index.html").stat().st_size < 2_000_000
    text = Page((tmp_path / "index.html").read_text(encoding="utf-8")).text
    assert "The first 100 rows; 49,900 more in the file." in " ".join(text.split())
    assert "The beginning; the whole is in the file." in " ".join(text.split())


def test_hostile_names_are_escaped_and_lead_to_their_files(tmp_path: Path, figure: bytes) -> None:
    name = HOSTILE.replace("/", "-")  # no file can have that in its name
    manifest = planted_run(tmp_path, {name: figure}, {name: 1_000}, {name: f"{HOSTILE}\n1\n"}, {name: HOSTILE})
    manifest["analyses"][0]["title"] = manifest["agent"]["name"] = HOSTILE
    manifest["agent"]["checkpoint"] = manifest["agent"]["training"]["</td>"] = HOSTILE
    write_pages(manifest, tmp_path, single_file=True)
    page = Page((tmp_path / "index.html").read_text(encoding="utf-8"))
    assert [each["src"] for each in page.attributes("script")] == ["page.js"]
    assert page.open == [] and page.text.count(HOSTILE) >= 6
    assert all(path.is_file() for path in page.files(tmp_path)) and len({*page.files(tmp_path)}) >= 8
    alone = Page((tmp_path / "single-file.html").read_text(encoding="utf-8"))
    assert alone.attributes("script") == [{}] and alone.open == []


def test_what_is_large_is_left_out_of_one_file_and_named(tmp_path: Path, figure: bytes) -> None:
    manifest = planted_run(
        tmp_path, {"a": figure, "b": figure}, {"largest": 12_000_000, "small": 3_000_000, "large": 9_000_000}
    )
    write_pages(manifest, tmp_path, single_file=True)
    content = (tmp_path / "single-file.html").read_text(encoding="utf-8")
    assert 16_000_000 < len(content.encode()) <= LARGEST
    page = Page(content)
    said = " ".join(page.text.split())
    assert "This one file holds 2 of 2 figures and 2 of 3 movies." in said
    assert "Left out, to stay below 20 MB: movies/largest.mp4. All of it" in said and "beside index.html" in said
    assert said.count("The movie was left out of this file.") == 1
    assert len(page.attributes("video")) == 2 and len(page.attributes("img")) == 5
    assert page.files(tmp_path) == []
    assert all(str(each["src"]).startswith("data:") for each in (*page.attributes("img"), *page.attributes("video")))


def test_figures_come_before_movies_and_what_is_too_large_makes_room_for_what_is_not(tmp_path: Path) -> None:
    bytes_of = {"early": b"0" * 13_000_000, "late": b"0" * 900_000}
    figures = {name: picture(10, 10) + content for name, content in bytes_of.items()}
    manifest = planted_run(tmp_path, {"huge": picture(10, 10) + b"0" * 16_000_000, **figures}, {"small": 10_000})
    write_pages(manifest, tmp_path, single_file=True)
    content = (tmp_path / "single-file.html").read_text(encoding="utf-8")
    assert len(content.encode()) <= LARGEST
    said = " ".join(Page(content).text.split())
    assert "2 of 3 figures and 1 of 1 movies. Left out, to stay below 20 MB: figures/huge.png." in said
    assert said.count("The figure was left out of this file.") == 1


def test_policies_allow_what_belongs_to_the_page_and_nothing_more(tmp_path: Path, figure: bytes) -> None:
    write_pages(planted_run(tmp_path, {"a": figure}), tmp_path, single_file=True)
    content = (tmp_path / "single-file.html").read_text(encoding="utf-8")
    policies = [Page((tmp_path / "index.html").read_text(encoding="utf-8")).policy(), Page(content).policy()]
    for policy in policies:
        assert policy["default-src"] == policy["connect-src"] == policy["base-uri"] == "'none'"
        assert not re.search(r"unsafe|https?:|\*", str(policy))
    assert policies[0]["script-src"] == policies[0]["style-src"] == policies[0]["media-src"] == "'self'"
    assert policies[1]["img-src"] == policies[1]["media-src"] == "data:"
    for tag in ("style", "script"):
        inside = content.partition(f"<{tag}>")[2].partition(f"</{tag}>")[0]
        digest = base64.b64encode(hashlib.sha256(inside.encode()).digest()).decode()
        assert policies[1][f"{tag}-src"] == f"'sha256-{digest}'"


def test_the_explorer_has_its_place_before_the_report(tmp_path: Path) -> None:
    manifest = planted_run(tmp_path)
    page = Page(render_report(manifest, tmp_path, explorer=True))
    assert [each["src"] for each in page.attributes("script")] == [
        "page.js",
        "explorer/explorer.js",
        "explorer/data/index.js",
    ]
    assert all("defer" in each for each in page.attributes("script"))
    assert page.ids.index("explorer") < page.ids.index("report")
    assert page.policy()["worker-src"] == "blob:" and "blob:" in page.policy()["img-src"]
    without = Page(render_report(manifest, tmp_path))
    assert "explorer" not in without.ids and "worker-src" not in without.policy()


def test_one_file_holds_the_explorer_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    manifest = planted_run(tmp_path, {"a": picture()})
    write_explorer(tmp_path, recording=planted_inputs("no memory").recording, results={}, title="T </script>")
    write_pages(manifest, tmp_path, single_file=True, explorer=True)
    content = (tmp_path / "single-file.html").read_text(encoding="utf-8")
    page = Page(content)
    assert page.ids.index("explorer") < page.ids.index("report") < page.ids.index("retinoscope-index")
    assert not any("src" in each for each in page.attributes("script")), "nothing lies beside it"
    assert page.files(tmp_path) == []
    for text in re.findall(r"<style>(.*?)</style>|<script>(.*?)</script>", content, flags=re.DOTALL):
        digest = base64.b64encode(hashlib.sha256("".join(text).encode()).digest()).decode()
        assert digest in page.policy()["style-src" if text[0] else "script-src"]
    assert "This one file holds the explorer and 1 of 1 figures." in " ".join(page.text.split())
    monkeypatch.setattr(single_file, "LARGEST", 700_000)
    cut = render_single_file(manifest, tmp_path, explorer=True)
    said = " ".join(Page(cut).text.split())
    assert len(cut.encode()) < 700_000 and "Left out, to stay below 0 MB: " in said and "the explorer's frames" in said


def test_what_was_not_made_says_why_in_its_place(tmp_path: Path) -> None:
    texts = {"planted_not_made": "no <events>\n"}
    page = Page(render_report(planted_run(tmp_path, texts=texts, omitted={"planted": "no <events>"}), tmp_path))
    assert "Not made. no <events>" in " ".join(page.text.split())
    assert page.attributes("figure") == []
