"""Early vision: what the layers near the eye answer to."""
