"""Draw the learning curves of the shipped agents: docs/images/learning-curves.png."""

from __future__ import annotations

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

from retinoscope.agents.load import SHIPPED_FOLDER, shipped_agents


def main() -> None:
    """Draw one panel per agent."""
    figure, panels = plt.subplots(1, len(shipped_agents()), figsize=(8.5, 3.2), sharey=True, layout="constrained")
    for panel, name in zip(panels, shipped_agents(), strict=True):
        curve = np.genfromtxt(SHIPPED_FOLDER / name / "learning_curve.csv", delimiter=",", names=True)
        # Averages over fewer than all environments' episodes, after the start and each resumption, are left out.
        curve = curve[curve["seconds"] > 60]
        panel.plot(curve["frames"] / 1e6, curve["healing"], color="#0061a0", label="healing")
        panel.plot(curve["frames"] / 1e6, curve["harmful"], color="#b04a00", linestyle="--", label="harmful")
        panel.set(title=name, xlabel="engine frames trained, millions", ylim=(0, None))
        panel.spines[["top", "right"]].set_visible(False)
    panels[0].set_ylabel("pick-ups per episode")
    panels[0].legend(frameon=False)
    figure.savefig(Path(__file__).parents[1] / "docs" / "images" / "learning-curves.png", dpi=160)


if __name__ == "__main__":
    main()
