#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# Install what building seep needs on Debian 12; with --tests also what its tests need, with --bench
# the tools and servers of tests/bench/. Where a service manager runs, Debian starts servers that it
# installs; Prometheus, which tests need, is kept from that.
#
#   scripts/install-deps.sh [--tests] [--slow] [--bench]
#
#   --slow    also what only the slow tests need (with --tests; Go and Rust take a gigabyte)
#
# Packages that are there already are left alone, and if all of them are, apt is not run at all.
# libbpf and bpftool come from bookworm-backports, which is added to apt's sources (as
# /etc/apt/sources.list.d/seep-backports.sources, with the mirror and the key that bookworm itself
# has on this machine) unless it is there; elfutils comes along, because that libbpf needs it.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

with_tests=
with_slow=
with_bench=
for arg in "$@"; do
    case $arg in
        --tests) with_tests=yes ;;
        --slow) with_slow=yes ;;
        --bench) with_bench=yes ;;
        -h | --help) usage; exit 0 ;;
        *) fail 2 "unknown argument $arg; try -h" ;;
    esac
done

packages=(g++ cmake ninja-build pkg-config clang-14 libzydis-dev libzycore-dev libspdlog-dev
    libfmt-dev libcli11-dev nlohmann-json3-dev libexpected-dev libiberty-dev libsqlite3-dev sqlite3
    liblzma-dev libncurses-dev zlib1g-dev libprotozero-dev libcurl4-openssl-dev prometheus-cpp-dev
    libgtest-dev libgmock-dev)
test_packages=(bpfcc-tools busybox-static chromium chromium-driver clang-format-14 clang-tidy-14
    cpio fish gdb heaptrack libcap2-bin libclang-rt-14-dev libgoogle-perftools-dev libjemalloc-dev
    libmimalloc-dev jq linux-headers-amd64 man-db mandoc musl-tools procps prometheus protobuf-compiler python3
    python3-yaml qemu-system-x86 shellcheck tmux util-linux zsh)
slow_packages=(golang-go rustc)
bench_packages=(bpfcc-tools bpftrace heaptrack libgoogle-perftools4 libjemalloc2 libmemcached-tools
    linux-headers-amd64 memcached nginx postgresql python3 redis-server redis-tools valgrind
    wrk)
# NAME=VERSION: not older than VERSION. libbpf 1.3 brought uprobe_multi links.
backports=(libbpf-dev=1:1.3 bpftool=7.3 libelf-dev=0.188 libdw-dev=0.188 libdebuginfod-dev=0.188
    elfutils=0.188)
[ -z "$with_tests" ] || packages+=("${test_packages[@]}")
[ -z "$with_slow" ] || packages+=("${slow_packages[@]}")
[ -z "$with_bench" ] || packages+=("${bench_packages[@]}")

installed_version() { # PACKAGE
    dpkg-query -W -f '${db:Status-Status} ${Version}\n' "$1" 2>/dev/null |
        sed -n 's/^installed //p' | head -n 1
}

is_installed() { # PACKAGE[=VERSION]
    local version
    version=$(installed_version "${1%%=*}")
    [ -n "$version" ] || return 1
    [[ $1 != *=* ]] || dpkg --compare-versions "$version" ge "${1#*=}"
}

missing_of() { # PACKAGE[=VERSION]... -> the names of those that are missing, a line each
    local package
    for package in "$@"; do
        is_installed "$package" || printf '%s\n' "${package%%=*}"
    done
}

apt() { apt-get -qq -y -o Dpkg::Use-Pty=0 "$@" </dev/null; }

# Archives, one a line: codename|component|URI|file:entry, as apt itself understood its sources.
archives() {
    # shellcheck disable=SC2016 # apt substitutes these
    apt-get indextargets --format '$(CODENAME)|$(COMPONENT)|$(REPO_URI)|$(SOURCESENTRY)' \
        'Created-By: Packages'
}

# The value of Signed-By in an entry of a source file: the Nth paragraph of *.sources, the Nth line
# of *.list.
signing_key() { # FILE:ENTRY
    local file=${1%:*} entry=${1##*:}
    case $file in
        *.sources) awk -v n="$entry" 'BEGIN { RS = "" } NR == n' "$file" |
            sed -n 's/^[Ss]igned-[Bb]y:[[:space:]]*//p' ;;
        *) sed -n "${entry}s/.*[[ ]signed-by=\([^] ]*\).*/\1/p" "$file" ;;
    esac
}

add_backports() {
    archives | grep -q '^bookworm-backports|main|' && return
    local archive uri entry key
    archive=$(archives | grep '^bookworm|main|' | head -n 1) ||
        fail 1 "apt has no source for bookworm; seep's packages are Debian 12's"
    IFS='|' read -r _ _ uri entry <<<"$archive"
    key=$(signing_key "$entry")
    say "adding bookworm-backports from the mirror that bookworm has"
    printf '%s\n' "Types: deb" "URIs: $uri" "Suites: bookworm-backports" "Components: main" \
        ${key:+"Signed-By: $key"} >/etc/apt/sources.list.d/seep-backports.sources
    apt update
}

install_packages() { # apt's options and packages
    DEBIAN_FRONTEND=noninteractive apt install --no-install-recommends "$@" >/dev/null
}

# Kernels that are no Debian package have no headers package, either; see need_kernel_headers.
link_kernel_headers() {
    local modules headers
    modules=/lib/modules/$(uname -r)
    [ ! -e "$modules/build" ] || return 0
    headers=$(find /usr/src -maxdepth 1 -name 'linux-headers-*-amd64' | sort -V | tail -n 1)
    [ -n "$headers" ] || return 0
    say "linking $headers as the headers of kernel $(uname -r)"
    mkdir -p "$modules"
    ln -sfn "$headers" "$modules/build"
    ln -sfn "${headers%-amd64}-common" "$modules/source"
}

# The tests run a Prometheus of their own; the one that the package would start stays off.
keep_service_off() { # SERVICE
    [ -d /etc/systemd/system ] || return 0
    say "masking $1.service; to use it: systemctl unmask $1"
    ln -sfn /dev/null "/etc/systemd/system/$1.service"
}

is_bookworm() { grep -q '^VERSION_CODENAME=bookworm' /etc/os-release; }

command -v apt-get >/dev/null ||
    fail 1 "this needs Debian's apt-get; the packages are: ${packages[*]} ${backports[*]}"

mapfile -t missing < <(missing_of "${packages[@]}")
mapfile -t missing_backports < <(missing_of "${backports[@]}")

if [ ${#missing[@]} -gt 0 ] || [ ${#missing_backports[@]} -gt 0 ]; then
    [ "$(id -u)" = 0 ] || fail 1 "missing packages: ${missing[*]} ${missing_backports[*]};" \
        "run: sudo $0 ${with_tests:+--tests} ${with_slow:+--slow} ${with_bench:+--bench}"
    say "updating the list of packages"
    apt update
fi
if [ ${#missing_backports[@]} -gt 0 ]; then
    release=()
    if is_bookworm; then
        add_backports
        release=(-t bookworm-backports)
    fi
    say "installing ${missing_backports[*]}"
    # All of them in one step: parts of elfutils of two versions do not mix.
    install_packages "${release[@]}" "${backports[@]%%=*}"
fi
if [ ${#missing[@]} -gt 0 ]; then
    [[ " ${missing[*]} " != *" prometheus "* ]] || keep_service_off prometheus
    say "installing ${missing[*]}"
    install_packages "${missing[@]}"
fi
if [ -n "$with_tests$with_bench" ] && [ "$(id -u)" = 0 ]; then link_kernel_headers; fi
