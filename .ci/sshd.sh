#!/bin/sh
# Installs sshd, which the tests of a cluster over ssh start for themselves, on a port and with keys of their own.
#
# Only .ci/run calls this, and not `make test`: with Debian's package a server comes up that everybody reaches, which nobody
# wants on their own machine for having run the tests. Without sshd those tests are skipped there.
set -eu

root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
# shellcheck source=../odbc/packages.sh
. "$root/odbc/packages.sh"

PATH=$PATH:/usr/sbin:/sbin
command -v sshd >/dev/null 2>&1 && command -v ssh-keygen >/dev/null 2>&1 && exit 0
manager=$(package_manager) || manager=none
case $manager in
    apt-get | dnf) package=openssh-server ;;
    apk) package=openssh ;;
    *) say "No sshd, and no apt-get, dnf or apk to install it."; exit 1 ;;
esac
may_install "$manager" || { say "No sshd, and installing $package needs root."; exit 1; }
install_packages "$manager" "$package"
