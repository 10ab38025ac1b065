"""The explorer's side of the page: what was recorded and found, as columns that a browser loads on demand."""
