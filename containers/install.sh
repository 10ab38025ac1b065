#!/bin/sh
# Installs retinoscope into a virtual environment of its own; what both containers run.
#
#     install.sh VARIANT SOURCE TARGET
#
# VARIANT: cpu, or one of PyTorch's CUDA builds, as cu126. SOURCE: this repository. TARGET: where the environment is to be.
# TORCH_INDEX: another place to get PyTorch from; empty for the usual one of pip.
set -eu

variant=$1 source=$2 target=$3
index=${TORCH_INDEX-https://download.pytorch.org/whl/$variant}

python3 -m venv "$target"
pip="$target/bin/python -m pip --disable-pip-version-check --no-cache-dir --quiet"
# The one exact version that was tested; which build of it is the variant's.
torch=$(grep '^torch==' "$source/constraints.txt")
$pip install ${index:+--index-url "$index"} "$torch"
$pip install -c "$source/constraints.txt" "$source[doom,train,scale]"
find "$target" -name __pycache__ -type d -prune -exec rm -rf {} +
"$target/bin/retinoscope" --version
