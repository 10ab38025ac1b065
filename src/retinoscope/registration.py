"""Make the arena known to Gymnasium: `gymnasium.make("retinoscope/Gathering-v0", scenario="digits")`.

Gymnasium itself calls `register_environments` when it is imported, by the entry point in `pyproject.toml`, so that
neither has to import the other. The engine is loaded by the first `make`, not before.
"""

from __future__ import annotations

ENVIRONMENT_ID = "retinoscope/Gathering-v0"


def register_environments() -> None:
    """Register the arena; once is enough, more often changes nothing."""
    from gymnasium.envs.registration import register, registry

    if ENVIRONMENT_ID not in registry:
        register(id=ENVIRONMENT_ID, entry_point="retinoscope.worlds.doom.environment:GatheringEnvironment")
