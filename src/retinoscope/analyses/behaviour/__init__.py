"""Responses during behaviour."""
