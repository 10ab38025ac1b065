"""`python -m tests.page.explorer.explored RESULT FOLDER`: the explorer of one saved Result, written into a folder."""

from __future__ import annotations

import sys
from pathlib import Path

from retinoscope.page.explorer.writing import write_explorer
from retinoscope.result import load_result

if __name__ == "__main__":
    result, folder = load_result(sys.argv[1]), Path(sys.argv[2])
    write_explorer(folder, recording=None, results={result.analysis: result}, title=result.analysis)
