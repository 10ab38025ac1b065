"""Moving to the declarations of the analyses."""
