#!/bin/sh
# Installs unixODBC and the FreeTDS driver, and registers the driver as [FreeTDS] for unixODBC.
#
#   sh odbc/install.sh            install and register what is missing; silent when nothing is
#   sh odbc/install.sh --tools    also FreeTDS's own programs (tsql, freebcp), which the tests drive
#   sh odbc/install.sh --check    only tell what is there; exit 1 when something is missing
#   sh odbc/install.sh --dry-run  print the commands instead of running them
#
# Exit codes: 0 the driver is ready, 1 it is not (what to do is on standard error), 2 wrong usage.
set -eu

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
# shellcheck source=packages.sh
. "$here/packages.sh"

# find_library NAME... prints the path of the first of the files found where distributions put libraries.
find_library() {
    odbcinst=$(command -v odbcinst || true)
    # Beside odbcinst (Homebrew, conda), Debian's folder for drivers, multiarch, Fedora, the rest.
    for folder in "${odbcinst%/bin/*}/lib" /usr/lib/*/odbc /usr/lib/*-linux-* /usr/lib64 /usr/lib /usr/local/lib /opt/homebrew/lib; do
        for name in "$@"; do
            if [ -e "$folder/$name" ]; then
                echo "$folder/$name"
                return 0
            fi
        done
    done
    return 1
}

find_driver() { find_library libtdsodbc.so libtdsodbc.so.0; } # Alpine has only the second

# registered_driver prints the library that [FreeTDS] names. Driver64 wins over Driver on a 64-bit unixODBC.
registered_driver() {
    driver='' driver64=''
    while IFS='=' read -r key value; do
        case $key in
            Driver) driver=$value ;;
            Driver64) driver64=$value ;;
        esac
    done <<SECTION
$(odbcinst -q -d -n FreeTDS 2>/dev/null)
SECTION
    echo "${driver64:-$driver}"
}

# A registered name without a folder (Debian) is looked up by the loader in its own folders.
is_registered() {
    registered=$(registered_driver)
    case $registered in
        '') return 1 ;;
        /*) [ -e "$registered" ] ;;
        *) find_library "$registered" >/dev/null ;;
    esac
}

# missing prints the first thing that is not there: unixODBC, driver, registration, tools (where asked for), or nothing.
missing() {
    if ! command -v odbcinst >/dev/null 2>&1 || ! find_library libodbc.so.2 libodbc.2.dylib >/dev/null; then
        echo unixODBC
    elif is_registered; then
        [ -z "$with_tools" ] || command -v freebcp >/dev/null 2>&1 || echo tools
    elif find_driver >/dev/null; then
        echo registration
    else
        echo driver
    fi
}

drivers_file() { odbcinst -j | sed -n 's/^DRIVERS\.*: *//p'; }

packages_for() {
    case $1 in
        apt-get) echo unixodbc tdsodbc${with_tools:+ freetds-bin} ;;
        dnf) echo unixODBC freetds-libs${with_tools:+ freetds} ;;
        apk | brew) echo unixodbc freetds ;;
    esac
}

no_rights() {
    say "$1 Run this, then repeat your command:"
    say_for_root "sh \"$here/install.sh\"${with_tools:+ --tools}"
    exit 1
}

install_driver() {
    if ! manager=$(package_manager); then
        say "No apt-get, dnf, apk or brew here. Install unixODBC and FreeTDS with its ODBC driver (libtdsodbc.so)"
        say "in this system's own way, then run: sh $here/install.sh"
        exit 1
    fi
    packages=$(packages_for "$manager")
    if [ "$dry_run" = yes ]; then
        # shellcheck disable=SC2086
        install_command "$manager" $packages
        return 0
    fi
    may_install "$manager" || no_rights "Not installed yet: $packages. That needs root."
    # shellcheck disable=SC2086
    install_packages "$manager" $packages || {
        [ "$manager" != dnf ] || say "RHEL, Rocky and Alma have FreeTDS in EPEL: dnf install -y epel-release"
        exit 1
    }
}

register_driver() {
    driver=$(find_driver)
    file=$(drivers_file)
    if [ "$dry_run" = yes ]; then
        echo "register $driver as [FreeTDS] in $file"
        return 0
    fi
    section=$(mktemp)
    sed "s|\${DRIVER}|$driver|" "$here/odbcinst.ini" >"$section"
    chmod 644 "$section"
    status=0
    # odbcinst replaces a section of the same name and leaves the others alone.
    if [ -w "$file" ] || { [ ! -e "$file" ] && [ -w "$(dirname "$file")" ]; }; then
        odbcinst -i -d -f "$section" >/dev/null || status=$?
    elif have_root; then
        as_root odbcinst -i -d -f "$section" >/dev/null || status=$?
    else
        rm -f "$section"
        no_rights "The FreeTDS driver $driver is not registered in $file, and that needs root."
    fi
    rm -f "$section"
    [ "$status" -eq 0 ] || { say "odbcinst could not register $driver in $file"; exit 1; }
    say "Registered $driver as [FreeTDS] in $file"
}

check() {
    case $(missing) in
        tools) say "FreeTDS's programs are not installed. Run: sh $here/install.sh --tools"; return 1 ;;
        '') echo "FreeTDS driver ready: $(registered_driver), registered in $(drivers_file)" ;;
        unixODBC) say "unixODBC is not installed. Run: sh $here/install.sh"; return 1 ;;
        driver) say "The FreeTDS driver is not installed. Run: sh $here/install.sh"; return 1 ;;
        registration) say "$(find_driver) is not registered as [FreeTDS] in $(drivers_file). Run: sh $here/install.sh"; return 1 ;;
    esac
}

dry_run=no
with_tools=
case ${1-} in
    '') ;;
    --tools) with_tools=yes ;;
    --check) check; exit ;;
    --dry-run) dry_run=yes ;;
    *) say "usage: sh install.sh [--tools | --check | --dry-run]"; exit 2 ;;
esac

lacking=$(missing)
[ -n "$lacking" ] || exit 0
[ "$lacking" = registration ] || install_driver
# Debian's and Fedora's packages register the driver; Alpine's and Homebrew's do not.
[ "$(missing)" != registration ] || register_driver
[ "$dry_run" = yes ] || check >&2
