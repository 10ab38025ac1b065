"""Lindsey et al. 2019 again: train what is missing, measure all, write table, figure and report.

    python run.py --images cifar10_grey.npz --bottlenecks 1 4 32 --seeds 0 1 2 --epochs 20 --out runs/lindsey2019

Killed or interrupted, it goes on at the last whole epoch when it is started again. With more epochs than before it goes
on to these.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from images import download, read
from report import report
from train import Recipe, train

from retinoscope import UserError


def options(arguments: Sequence[str] | None) -> argparse.Namespace:
    """What was asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=Path, required=True, help=".npz, or cifar-10-binary.tar.gz")
    parser.add_argument("--download", action="store_true", help="fetch the archive to --images if it is not there")
    parser.add_argument("--bottlenecks", type=int, nargs="+", default=[1, 4, 32], help="in the order of training")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--epochs", type=int, default=20, help="the authors' 20")
    parser.add_argument("--hidden", type=int, default=1024, help="units of the dense layer; fewer for a quick try")
    parser.add_argument("--precision", choices=("bfloat16", "float32"), default="bfloat16")
    parser.add_argument("--only", choices=("train", "measure"), help="one of the two steps")
    parser.add_argument("--stimuli", type=int, default=256, help="of white noise, at most, for each half of a field")
    parser.add_argument("--surrogates", type=int, default=20, help="of each kind, for each field; 10 or more")
    parser.add_argument("--out", type=Path, required=True, help="folder, one within it for each run")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> None:
    """Train, measure and report."""
    chosen = options(arguments)
    if chosen.only != "measure":
        if chosen.download:
            download(chosen.images)
        images = read(chosen.images)
        for seed in chosen.seeds:
            for bottleneck in chosen.bottlenecks:
                recipe = Recipe(bottleneck, seed, chosen.hidden, precision=chosen.precision)
                train(images, chosen.out / f"n{bottleneck}_seed{seed}", recipe, chosen.epochs)
    if chosen.only != "train":
        print(report(chosen.out, chosen.stimuli, chosen.surrogates))


if __name__ == "__main__":
    try:
        main()
    except UserError as error:
        sys.exit(f"error: {error}")
