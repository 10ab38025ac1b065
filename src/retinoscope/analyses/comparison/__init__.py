"""Comparison of checkpoints: what training changes."""
