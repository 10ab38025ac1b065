"""One file per analysis: what it needs, its parameters, run -> Result."""
