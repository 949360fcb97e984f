#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# Everything that checks seep, from a clean clone: install what is missing, build with warnings as
# errors, run all tiers of tests (tests/README.md tells them apart).
#
#   sudo scripts/test.sh [--slow] [CTEST ARGUMENTS...]
#
#   --slow    also what takes minutes: the large matrices and clang-tidy
#
#   scripts/test.sh -L unit          one tier
#   scripts/test.sh -R exact         tests by name
#
# As root, or where CI=true is set, a test that cannot trace fails; otherwise it is skipped and says
# why. The last lines are ctest's summary, and the exit status is ctest's.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

exclude=(-LE slow)
dependencies=(--tests)
case ${1:-} in
    -h | --help) usage; exit 0 ;;
    --slow) exclude=(); dependencies+=(--slow); shift ;;
esac

if [ "${CI:-}" = true ] || [ "$(id -u)" = 0 ]; then export SEEP_REQUIRE_BPF=1; fi
exec </dev/null

"$root/scripts/install-deps.sh" "${dependencies[@]}"
say "building in $root/build"
cmake -S "$root" -B "$root/build" -G Ninja -DBUILD_TESTING=ON -DSEEP_WERROR=ON
cmake --build "$root/build" -j 2
say "testing"
cd "$root/build"
exec ctest --output-on-failure --no-tests=error -j 2 "${exclude[@]}" "$@"
