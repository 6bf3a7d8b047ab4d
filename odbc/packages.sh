# Sourced by install.sh and .ci/uv.sh: system packages through apt, dnf, apk or brew, in POSIX sh.

say() { printf '%s\n' "$*" >&2; }

package_manager() {
    for manager in apt-get dnf apk brew; do
        if command -v "$manager" >/dev/null 2>&1; then
            echo "$manager"
            return 0
        fi
    done
    return 1
}

# install_command MANAGER PACKAGE... prints the command line that installs the packages.
install_command() {
    manager=$1
    shift
    case $manager in
        apt-get) echo "apt-get install -y --no-install-recommends $*" ;;
        dnf) echo "dnf install -y --setopt=install_weak_deps=False $*" ;;
        apk) echo "apk add --no-cache $*" ;;
        brew) echo "brew install $*" ;;
    esac
}

is_root() { [ "$(id -u)" -eq 0 ]; }

have_root() { is_root || sudo -n true >/dev/null 2>&1; }

as_root() {
    if is_root; then "$@"; else sudo -n "$@"; fi
}

# may_install MANAGER: Homebrew installs as its own user and refuses root; the others need root.
may_install() { [ "$1" = brew ] || have_root; }

# say_for_root COMMAND shows how to run it as root on this machine.
say_for_root() {
    if command -v sudo >/dev/null 2>&1; then say "    sudo $1"; else say "    su -c '$1'"; fi
}

# install_packages MANAGER PACKAGE... installs them; the package manager is heard only when it fails.
install_packages() {
    manager=$1
    command_line=$(install_command "$@")
    shift
    say "Installing $* with $manager ..."
    log=$(mktemp)
    status=0
    # The command line is split into words on purpose: it holds no quoting.
    # shellcheck disable=SC2086
    case $manager in
        brew) $command_line >"$log" 2>&1 || status=$? ;;
        apt-get)
            # A fresh machine updates itself in the background: wait for its lock instead of failing.
            command_line="$command_line -o DPkg::Lock::Timeout=300"
            # Package lists that are there may do as they are; only where they do not are they fetched.
            as_root env DEBIAN_FRONTEND=noninteractive $command_line >"$log" 2>&1 || {
                as_root apt-get update >"$log" 2>&1 || true
                as_root env DEBIAN_FRONTEND=noninteractive $command_line >>"$log" 2>&1 || status=$?
            } ;;
        *) as_root $command_line >"$log" 2>&1 || status=$? ;;
    esac
    if [ "$status" -ne 0 ]; then
        cat "$log" >&2
        say "This failed: $command_line"
    fi
    rm -f "$log"
    return "$status"
}
