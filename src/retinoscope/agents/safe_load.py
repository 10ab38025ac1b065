"""Reading checkpoints without executing what is in them."""

from __future__ import annotations

import importlib

import numpy as np
import torch


def allow_sample_factory_checkpoints() -> None:
    """Let `torch.load(weights_only=True)` read Sample Factory's checkpoints, which hold a numpy scalar.

    Only numpy's scalar reconstruction and the plain dtypes are allowed; neither executes anything of the file's choice.
    """
    package = "numpy._core" if np.lib.NumpyVersion(np.__version__) >= "2.0.0" else "numpy.core"
    scalar = importlib.import_module(f"{package}.multiarray").scalar
    dtypes = [type(np.dtype(kind)) for kind in (np.float64, np.float32, np.int64, np.int32, np.bool_)]
    torch.serialization.add_safe_globals([scalar, np.dtype, *dtypes])
