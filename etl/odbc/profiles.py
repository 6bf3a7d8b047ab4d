"""The kinds of server that `odbc/` has a template for, what each takes, and what a value of it may be."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from etl.errors import JobError
from etl.nearest import did_you_mean, listed
from etl.odbc.hosts import DEFAULT_PORT, LAST_PORT, is_address, is_loopback
from etl.statements import quote

SYSTEM_AUTHORITIES = "system"
"""FreeTDS's word for the machine's own list of authorities."""

HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?")
INSTANCE = re.compile(r"[^\W\d][\w$]{0,15}")
REALM = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?")


@dataclass(frozen=True, slots=True)
class Profile:
    """What a kind of server takes: fields that must be given, that may be, and values for those that are not."""

    required: frozenset[str]
    optional: frozenset[str]
    defaults: Mapping[str, str]


def _profile(required: str = "", optional: str = "", **defaults: str) -> Profile:
    return Profile(frozenset(required.split()), frozenset(optional.split()), defaults)


PROFILES = {
    "sandbox": _profile("", "host port database", host="127.0.0.1", port=str(DEFAULT_PORT), database="sandbox"),
    "private-ca": _profile("host database ca_file", "port", port=str(DEFAULT_PORT)),
    "azure": _profile("host database", "port ca_file", port=str(DEFAULT_PORT), ca_file=SYSTEM_AUTHORITIES),
    "named-instance": _profile("host database", "instance port ca_file"),
    "domain": _profile("host database", "port instance realm ca_file", port=str(DEFAULT_PORT)),
}


@dataclass(frozen=True, slots=True)
class Fields:
    """What is said about a server; None where nothing is."""

    host: str | None = None
    port: int | None = None
    database: str | None = None
    instance: str | None = None
    ca_file: str | None = None
    """A PEM file's path, or `system`."""
    realm: str | None = None

    def given(self) -> dict[str, str]:
        """The fields that have a value, as text."""
        return {name: str(getattr(self, name)) for name in self.__slots__ if getattr(self, name) is not None}


def values_of(profile: str, fields: Fields) -> dict[str, str]:
    """The profile's fields with its defaults, as text. Raises JobError as `render` does."""
    if profile not in PROFILES:
        hint = did_you_mean(profile, PROFILES)
        raise JobError(f"there is no profile {profile!r}{hint}", advice=f"Choose {listed(PROFILES)}.")
    takes, given = PROFILES[profile], fields.given()
    missing = sorted(takes.required - given.keys())
    if missing:
        raise JobError(f"profile {profile} needs {_options(missing)}")
    if "port" in given and "instance" in given:
        raise JobError(
            "a port and an instance are both given, and FreeTDS would not look at the instance",
            advice="Give the port alone where it is known: it needs no SQL Server Browser.",
        )
    if profile == "named-instance" and not given.keys() & {"port", "instance"}:
        raise JobError("profile named-instance needs --instance, or the instance's --port")
    unknown = sorted(given.keys() - takes.required - takes.optional)
    if unknown:
        raise JobError(f"profile {profile} does not take {_options(unknown)}")
    values = {**takes.defaults, **given}
    if "instance" in values:
        values.pop("port", None)
    for field, value in values.items():
        require(field, value)
    quote("mssql", values["database"])  # refuses what no database is called
    if profile == "sandbox" and not is_loopback(values["host"]):
        raise JobError(
            f"profile sandbox is for this machine, and {values['host']} may be another one: its connections need no encryption",
            advice="Use profile private-ca for a server elsewhere.",
        )
    return values


def warnings(profile: str, fields: Fields) -> list[str]:
    """What is left unsafe by what was not given."""
    if "ca_file" in PROFILES[profile].optional and "ca_file" not in values_of(profile, fields):
        return [
            "The server's certificate is not checked: whoever stands in between can pose as the server. Give the PEM file of "
            "its authority with --ca-file, or --ca-file system."
        ]
    return []


def certificate_file(given: str) -> str:
    """The CA file's whole path, or `system`. Raises JobError for a file that cannot be read or holds no certificate in PEM."""
    if given == SYSTEM_AUTHORITIES:
        return given
    path = Path(given).expanduser().absolute()
    try:
        content = path.read_bytes()
    except OSError as error:
        raise JobError(
            f"the CA file {path} cannot be read: {error.strerror}",
            advice="Give the PEM file of the authority that signed the server's certificate, or `system`.",
        ) from error
    if b"-----BEGIN CERTIFICATE-----" not in content:
        raise JobError(
            f"the CA file {path} holds no certificate in PEM",
            advice=f"A binary one becomes PEM with: openssl x509 -inform der -in '{path}' -out ca.pem",
        )
    return str(path)


def _options(fields: list[str]) -> str:
    return ", ".join(f"--{field.replace('_', '-')}" for field in fields)


def require(field: str, value: str) -> None:
    """Raises JobError for a value that is none of its kind, or that FreeTDS or unixODBC would read as something else."""
    is_one, what, advice = CHECKS[field]
    if not is_one(value):
        raise JobError(f"{value!r} is not {what}", advice=advice)


def _is_host(value: str) -> bool:
    return HOST.fullmatch(value) is not None or is_address(value)


def _is_certificate_file(value: str) -> bool:
    # FreeTDS ends a value at `#` and `;` and makes one blank of several (src/tds/config.c, tds_read_conf_section).
    is_whole = value == SYSTEM_AUTHORITIES or value.startswith("/")
    return is_whole and not is_unfit(value) and re.search(r"[#;]|\s\s", value) is None


def is_unfit(value: str) -> bool:
    """Whether a line of an ini file cannot give the value back."""
    return not value or value != value.strip() or not value.isprintable()


CHECKS: dict[str, tuple[Callable[[str], bool], str, str]] = {
    "host": (
        _is_host,
        "a host",
        "Give name or address alone; a --port, and an --instance after a backslash, are options.",
    ),
    "port": (
        lambda value: 1 <= int(value) <= LAST_PORT,
        "a port",
        "Ports go from 1 to 65535; SQL Server's own is 1433.",
    ),
    "database": (
        lambda value: not is_unfit(value),
        "a database that odbc.ini can name",
        "It has no control characters, and no blanks at its ends.",
    ),
    "instance": (
        lambda value: INSTANCE.fullmatch(value) is not None,
        "an instance that freetds.conf can name",
        "It has up to 16 letters, digits, _ or $; for an instance with other signs give its --port instead.",
    ),
    "ca_file": (
        _is_certificate_file,
        "a CA file that freetds.conf can name",
        "Its whole path is needed, without #, ; and double blanks: copy it to another folder.",
    ),
    "realm": (lambda value: REALM.fullmatch(value) is not None, "a Kerberos realm", "It looks like EXAMPLE.COM."),
}
"""By field: what a value of it is, its name in a message, and what to do about another one."""
