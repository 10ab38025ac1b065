"""Write the tables of analyses and their parameters into docs/reference.md, from the declarations."""

from __future__ import annotations

from pathlib import Path

from retinoscope.analyses.listing import reference_of_analyses

REFERENCE = Path(__file__).parents[1] / "docs" / "reference.md"
BEGIN, END = "<!-- analyses: written by tools/write_reference.py -->\n", "<!-- end of analyses -->\n"


def with_tables(text: str) -> str:
    """The page with the tables of now between its two marks."""
    before, _, rest = text.partition(BEGIN)
    _, _, behind = rest.partition(END)
    return f"{before}{BEGIN}\n{reference_of_analyses()}\n{END}{behind}"


if __name__ == "__main__":
    REFERENCE.write_text(with_tables(REFERENCE.read_text(encoding="utf-8")), encoding="utf-8")
