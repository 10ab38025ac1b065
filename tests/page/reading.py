"""A page as a parser sees it."""

from __future__ import annotations

from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote


class Page(HTMLParser):
    """Tags with their attributes, and the text a reader sees.

    Attributes:
        tags: each with its attributes, in their order.
        open: tags that were not closed.
        text: what a reader sees.
    """

    def __init__(self, content: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.text = ""
        self.feed(content)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in ("meta", "link", "img", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag, f"{tag} is closed where it was not open"

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] not in ("style", "script"):
            self.text += f"{data} "

    @property
    def ids(self) -> list[str]:
        """Of all elements that have one."""
        return [str(attributes["id"]) for _, attributes in self.tags if "id" in attributes]

    def attributes(self, tag: str) -> list[dict[str, str | None]]:
        """Of all elements of this tag."""
        return [attributes for name, attributes in self.tags if name == tag]

    def policy(self) -> dict[str, str]:
        """What the browser may load, by directive."""
        (meta,) = [each for each in self.attributes("meta") if each.get("http-equiv") == "Content-Security-Policy"]
        return {rule.split()[0]: " ".join(rule.split()[1:]) for rule in str(meta["content"]).split(";")}

    def files(self, folder: Path) -> list[Path]:
        """All that it leads to beside itself; a place in it that it leads to has to be there."""
        names = ("src", "href", "poster", "srcset", "data")
        found = [str(each[name]) for _, each in self.tags for name in names if each.get(name)]
        assert {each[1:] for each in found if each.startswith("#")} <= {*self.ids}
        files = [each for each in found if not each.startswith(("data:", "#"))]
        assert not any(":" in each or each.startswith("/") for each in files), "all paths are relative"
        return [folder / unquote(each) for each in files]
