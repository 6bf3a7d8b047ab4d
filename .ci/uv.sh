#!/bin/sh
# Runs uv: the one on PATH when it is new enough, else the project's own in .cache/uv, installed from PyPI when missing.
#
#   sh .ci/uv.sh sync --locked
#
# pip installs it into a folder of its own, which also a Python that is "externally managed" (PEP 668) allows. Without pip
# (bare Debian) a virtual environment brings one; without that too, the system's package for it is installed first.
set -eu

root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
own_uv=$root/.cache/uv/bin/uv
# shellcheck source=../odbc/packages.sh
. "$root/odbc/packages.sh"

# new_enough UV: it runs and is at least what pyproject.toml asks for in required-version.
new_enough() {
    version=$("$1" --version 2>/dev/null) || return 1
    version=${version#uv }
    minor=${version#*.}
    [ "${version%%.*}" -gt 0 ] || [ "${minor%%.*}" -ge 8 ]
}

has_module() { python3 -c "import $1" >/dev/null 2>&1; }

# pip_install PYTHON FOLDER. Only wheels: an old pip would otherwise try to compile uv.
pip_install() {
    PIP_USER=0 PIP_ROOT_USER_ACTION=ignore PIP_DISABLE_PIP_VERSION_CHECK=1 \
        "$1" -m pip install --quiet --only-binary :all: --target "$2" 'uv>=0.8'
}

install_pip() {
    manager=$(package_manager) || manager=none
    case $manager in
        apt-get) package=python3-venv ;;
        dnf) package=python3-pip ;;
        apk) package=py3-pip ;;
        *) say "No uv, and python3 has neither pip nor venv. Install uv (https://docs.astral.sh/uv/), then repeat your command."; exit 1 ;;
    esac
    if ! may_install "$manager"; then
        say "No uv, and python3 has neither pip nor venv to install it. Run this, then repeat your command:"
        [ "$manager" != apt-get ] || say_for_root "apt-get update"
        say_for_root "$(install_command "$manager" "$package")"
        exit 1
    fi
    install_packages "$manager" "$package"
}

install_uv() {
    has_module pip || has_module ensurepip || install_pip
    say "Installing uv from PyPI into .cache/uv ..."
    mkdir -p "$root/.cache"
    work=$(mktemp -d "$root/.cache/uv-XXXXXX")
    trap 'rm -rf "$work"' EXIT
    if has_module pip; then
        pip_install python3 "$work/uv"
    else
        python3 -m venv "$work/venv"
        pip_install "$work/venv/bin/python" "$work/uv"
    fi
    rm -rf "$root/.cache/uv"
    mv "$work/uv" "$root/.cache/uv"
    rm -rf "$work"
    trap - EXIT
}

for uv in uv "$own_uv"; do
    if new_enough "$uv"; then
        exec "$uv" "$@"
    fi
done
install_uv
exec "$own_uv" "$@"
