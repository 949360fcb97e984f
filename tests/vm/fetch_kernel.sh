#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# Fetch one of Debian's cloud kernels without installing it; print the path of its image.
#
#   fetch_kernel.sh METAPACKAGE DIRECTORY
#
# The kernel that the metapackage depends on is unpacked into DIRECTORY/METAPACKAGE, and once it is
# there nothing is fetched again.
#
# Example: fetch_kernel.sh linux-image-cloud-amd64 build/kernels
set -euo pipefail

metapackage=$1
directory=$(realpath -m "$2")/$1

image() { find "$directory/boot" -name 'vmlinuz-*' 2>/dev/null | head -n 1; }

fetch() {
    local package
    package=$(apt-cache show --no-all-versions "$metapackage" |
        sed -n 's/^Depends: \(linux-image-[^ ,]*\).*/\1/p' | head -n 1)
    [ -n "$package" ] || {
        printf '%s is in none of the lists of apt; try: apt-get update\n' "$metapackage" >&2
        exit 1
    }
    # Unpacked aside, so that what an interruption leaves is not taken for the whole.
    rm -rf "$directory" "$directory.new"
    mkdir -p "$directory.new"
    cd "$directory.new"
    # The sandbox user _apt may not write here; the download is checked all the same.
    apt-get -qq -o APT::Sandbox::User=root download "$package" >&2
    dpkg-deb --fsys-tarfile "$package"_*.deb | tar -x --wildcards './boot/vmlinuz-*'
    rm "$package"_*.deb
    mv "$directory.new" "$directory"
}

[ -n "$(image)" ] || (fetch)
image
