"""Comparison of agents, trainings and checkpoints on the same stimuli."""
