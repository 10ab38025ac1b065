"""What moves a unit: gradients through a Policy."""
