"""What the memory holds: its components, the examples that drive them, and whether they matter."""
