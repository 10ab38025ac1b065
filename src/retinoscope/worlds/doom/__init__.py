"""Arenas of the game engine, built here or made elsewhere. The one room, with `stimuli`, that imports `vizdoom`."""
