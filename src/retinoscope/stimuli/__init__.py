"""Inputs that are not behaviour."""
