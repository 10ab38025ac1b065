"""Responses to image data sets: what images evoke that the agent did not choose to walk up to."""
