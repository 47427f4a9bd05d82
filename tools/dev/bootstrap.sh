#!/bin/sh
# bootstrap.sh LIST...: installs the Debian or Ubuntu packages of the lists (one name a line, # begins a comment) that are
# missing. Does nothing, and needs no network, where none is.
set -eu

if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
    echo "bootstrap: no apt here; these packages, by whatever name this system has for them, are needed:" $(sed 's/#.*//' "$@") >&2
    exit 0
fi

missing=
for package in $(sed 's/#.*//' "$@"); do
    status=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null || true)
    [ "$status" = installed ] || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

give_up() {
    echo "bootstrap: $1" >&2
    echo "bootstrap: missing:$missing" >&2
    echo "bootstrap: install them as root: apt-get update && apt-get install -y$missing" >&2
    exit 1
}

if [ "$(id -u)" = 0 ]; then
    as_root=
elif ! command -v sudo >/dev/null; then
    give_up "packages are missing, and this is neither root nor is there sudo"
elif [ -t 0 ]; then
    echo "bootstrap: installing$missing through sudo, which may ask for your password"
    as_root=sudo
else
    echo "bootstrap: installing$missing through sudo"
    as_root="sudo -n"
fi

echo "bootstrap: apt-get install$missing"
$as_root apt-get update -qq </dev/null || echo "bootstrap: the package lists could not be brought up to date" >&2
# The names are words, split on purpose.
$as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing </dev/null >/dev/null ||
    give_up "apt-get could not install them (no network, or not in this release)"
