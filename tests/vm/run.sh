#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# run.sh METAPACKAGE RELEASE: the test of one kernel, as ctest runs it (CMakeLists.txt sets the
# environment).
set -euo pipefail
here=$(dirname "${BASH_SOURCE[0]}")

kernel=$("$here/fetch_kernel.sh" "$1" "$SEEP_KERNELS")
exec "$PYTHON" -B "$here/other_kernel.py" "$kernel" "$2"
