"""What the commands of `retinoscope.cli` share: their options, how they print, and the options of `train`."""
