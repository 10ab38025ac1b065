"""Put three checkpoints of a training run into the package: before training, early and final.

python tools/ship_agent.py runs/digits digits --early 1.5e6 --command "retinoscope train digits ..."
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import shutil
from pathlib import Path

from retinoscope.agents.load import SHIPPED_FOLDER, load_agent
from retinoscope.agents.weights import save_agent


def main() -> None:
    """Parse the command line and write the files."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path)
    parser.add_argument("name")
    parser.add_argument("--early", type=float, required=True, help="frames after which the early checkpoint was saved")
    parser.add_argument("--command", required=True, help="the command line that trained the run")
    parser.add_argument("--remarks", default="", help="what the command does not say")
    arguments = parser.parse_args()

    folder = SHIPPED_FOLDER / arguments.name
    checkpoints = {"untrained": "first", "early": arguments.early, "final": "final"}
    frames = {}
    for name, which in checkpoints.items():
        agent = load_agent(arguments.run, checkpoint=which)
        training = {"command": arguments.command, **agent.training}
        agent = dataclasses.replace(agent, name=arguments.name, training=training)
        save_agent(agent, folder / f"{name}.safetensors")
        frames[name] = agent.frames_trained
    shutil.copy(arguments.run / "learning_curve.csv", folder / "learning_curve.csv")
    record = {"command": arguments.command, "remarks": arguments.remarks, "frames": frames}
    record |= {"parameters": agent.training}
    (folder / "training.json").write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
    print(folder, frames)


if __name__ == "__main__":
    main()
