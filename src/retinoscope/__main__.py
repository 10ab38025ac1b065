"""`python -m retinoscope` is the command `retinoscope`."""

from retinoscope.cli import main

if __name__ == "__main__":
    raise SystemExit(main())
