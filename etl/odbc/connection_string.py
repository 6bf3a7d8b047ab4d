"""From a URL to FreeTDS's connection string, with nothing in it that the driver would pass over in silence.

What may stand in a value differs: until 1.3.20 FreeTDS ends a value in braces at the first `};` and knows no doubling, from
1.3.21 on `}}` means `}` as ODBC says (`src/odbc/connectparams.c`). Without braces both take everything up to the next `;`.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from sqlalchemy.engine import URL

from etl.errors import JobError
from etl.nearest import did_you_mean
from etl.odbc import encryption
from etl.odbc.hosts import LAST_PORT, is_loopback
from etl.odbc.profiles import SYSTEM_AUTHORITIES

DEFAULTS = {"driver": "FreeTDS", "TDS_Version": "7.4", "ClientCharset": "UTF-8"}
PACKET_BYTES = 8_000
"""Instead of FreeTDS's 4,096: `etl.odbc.packets` says why. Beyond 8,060 bytes SQL Server allocates memory in another way
("network packet size")."""
OWN_OPTIONS = ("driver", "dsn", "Servername", "instance", "ca_file", "check_hostname")
FREETDS_OPTIONS = (
    "TDS_Version",
    "ClientCharset",
    "TextSize",
    "PacketSize",
    "Language",
    "APP",
    "WSID",
    "Encryption",
    "Trusted_Connection",
    "REALM",
    "ServerSPN",
    "UseNTLMv2",
    "ApplicationIntent",
    "MARS_Connection",
    "AttachDbFilename",
    "Timeout",
    "DumpFile",
    "DumpFileAppend",
    "DebugFlags",
)
"""What FreeTDS 1.3 reads of a connection string (`include/freetds/odbc.h`, ODBC_PARAM_LIST) beside server, login, database."""
KNOWN = {name.lower(): name for name in (*OWN_OPTIONS, *FREETDS_OPTIONS)}
PLACES = {
    "server": "host",
    "address": "host",
    "port": "port",
    "database": "database",
    "uid": "username",
    "pwd": "password",
}
"""Of an ODBC string, in a URL."""
ENCRYPT = {
    **dict.fromkeys(("yes", "true", "mandatory"), "require"),
    **dict.fromkeys(("no", "false", "optional"), "request"),
}
"""Microsoft's `Encrypt` in FreeTDS's words; both `no` and `request` encrypt the login where the server can."""
DOUBLES_BRACES_SINCE = (1, 3, 21)


def speaks_freetds(url: URL) -> bool:
    """Whether the URL's driver is FreeTDS, as far as its name or its library's tells."""
    named = [str(value) for name, value in url.query.items() if name.lower() == "driver"]
    if "odbc_connect" in url.query:
        named += [value for name, value in parse(str(url.query["odbc_connect"])) if name.lower() == "driver"]
    return not named or any(name in named[0].lower() for name in ("freetds", "tdsodbc"))


def checked(url: URL) -> URL:
    """The URL with the driver's own names for its options, and the defaults for those that it leaves out.

    An ODBC string (`odbc_connect=`) becomes a URL like any other. Raises JobError for an option that the driver would ignore
    or that contradicts another.
    """
    if not speaks_freetds(url):
        return url
    given, options = _described(url)
    _translate(options)
    is_named = "dsn" in options or "Servername" in options or (given.host and not given.database)
    if is_named:
        # Its own settings stand in odbc.ini and freetds.conf; what stands here would win over them.
        options = {"driver": options.pop("driver", DEFAULTS["driver"]), **options}
    else:
        clear_text_will_do = is_loopback(given.host or "") and "ca_file" not in options
        level = "request" if clear_text_will_do else "require"
        options = {**DEFAULTS, "Encryption": level, **options}
        if given.username:
            # A login by Kerberos may be longer than the 4,096 bytes that a server takes before it has agreed to more.
            options.setdefault("PacketSize", str(PACKET_BYTES))
    named = given.set(query=options)
    encryption.of(named)
    return named


def _add(options: dict[str, str], name: str, value: str) -> None:
    known = {**KNOWN, "encrypt": "Encrypt", "trustservercertificate": "TrustServerCertificate"}
    found = known.get(name.lower())
    if found is None:
        raise JobError(
            f"FreeTDS does not know the option {name}{did_you_mean(name, known.values())}",
            advice=f"Known are {', '.join(sorted(known.values(), key=str.lower))}.",
        )
    if found in options:
        raise JobError(f"the option {found} is given twice", advice="Take one of them out of the URL.")
    options[found] = value


def _translate(options: dict[str, str]) -> None:
    """Microsoft's options, which FreeTDS 1.3 ignores, into what it does."""
    encrypt, trust = options.pop("Encrypt", None), options.pop("TrustServerCertificate", None)
    if encrypt is not None:
        if encrypt.lower() not in ENCRYPT:
            raise JobError(f"Encrypt={encrypt} cannot be had of FreeTDS", advice="Write Encrypt=yes, or Encrypt=no.")
        if options.setdefault("Encryption", ENCRYPT[encrypt.lower()]) != ENCRYPT[encrypt.lower()]:
            raise JobError("Encrypt and Encryption contradict each other", advice="Take one of them out of the URL.")
    if trust is None:
        return
    if not encryption.is_true(trust, "TrustServerCertificate"):
        options.setdefault("ca_file", SYSTEM_AUTHORITIES)
    elif "ca_file" in options:
        raise JobError("TrustServerCertificate=yes and ca_file contradict each other", advice="Take one of them out.")


def _described(url: URL) -> tuple[URL, dict[str, str]]:
    """The URL with all that its query, or its ODBC string, says of server, login and database; and the other options."""
    parts: dict[str, Any] = {}
    options: dict[str, str] = {}
    for name, value in _attributes(url):
        place = PLACES.get(name.lower())
        if place is None:
            _add(options, name, value)
        elif place in parts or getattr(url, place):
            raise JobError(f"the URL gives {name} twice", advice="Take one of them out.")
        else:
            parts[place] = value
    if "host" in parts:
        _part_server(parts, options)
    described = url.set(**{**parts, "port": _port(parts["port"])} if "port" in parts else parts)
    if described.port is not None and not 1 <= described.port <= LAST_PORT:
        raise JobError(f"{described.port} is no port", advice="Ports are 1 to 65535; SQL Server's own is 1433.")
    if not described.host and not {"dsn", "Servername"} & set(options):
        raise JobError("the URL names no server", advice="Write it before the database, or dsn=NAME.")
    return described, options


def _attributes(url: URL) -> Iterator[tuple[str, str]]:
    for name, value in url.query.items():
        if not isinstance(value, str):
            raise JobError(f"the option {name} is given twice", advice="Take one of them out of the URL.")
        if name.lower() == "odbc_connect":
            yield from parse(value)
        else:
            yield name, value


def _part_server(parts: dict[str, Any], options: dict[str, str]) -> None:
    """`host\\instance` and `host,port`, as ODBC strings have them."""
    host, _, instance = parts["host"].partition("\\")
    if instance:
        options["instance"] = instance
    parts["host"], comma, port = host.partition(",")
    if comma:
        parts["port"] = port


def _port(text: str) -> int:
    if not text.isdecimal():
        raise JobError("the port is not a number", advice="Write PORT=1433.")
    return int(text)


def parse(text: str) -> list[tuple[str, str]]:
    """The attributes of an ODBC string: `NAME=value;NAME={value with ; and }}};`. Raises JobError for what is not one."""
    found, rest = [], text.lstrip("; ")
    while rest:
        name, equals, rest = rest.partition("=")
        if not equals or not name.strip():
            raise JobError(
                "the ODBC string cannot be read", advice="Write NAME=value;NAME=value; values with ; in braces."
            )
        value, rest = _braced(rest) if rest.startswith("{") else rest.split(";", 1) if ";" in rest else (rest, "")
        found.append((name.strip(), value))
        rest = rest.lstrip("; ")
    return found


def _braced(text: str) -> tuple[str, str]:
    value, at = "", 1
    while (end := text.find("}", at)) >= 0:
        value += text[at:end]
        if not text.startswith("}}", end):
            return value, text[end + 1 :]
        value, at = value + "}", end + 2
    raise JobError("the ODBC string has a brace that is not closed", advice="Write } within braces twice.")


def build(url: URL) -> str:
    """The connection string of a URL that `checked` returned: a secret where it has a password.

    Raises JobError for a value that the driver cannot be given.
    """
    options = {name: str(value) for name, value in url.query.items()}
    security = encryption.of(url)
    attributes = {"DRIVER": options.pop("driver")}
    instance = options.pop("instance", None)
    own = {"ca_file", "check_hostname", "dsn", "Servername"}
    if "dsn" in options or (url.host and not url.database and "Servername" not in options):
        attributes["DSN"] = options.get("dsn") or str(url.host)
    elif "Servername" in options:
        attributes["SERVERNAME"] = options["Servername"]
    elif security.ca_file is not None:
        attributes["SERVERNAME"] = str(url.host)  # as `encryption.configured` calls it
    else:
        attributes["SERVER"] = f"{url.host}\\{instance}" if instance else str(url.host)
        if url.port:
            attributes["PORT"] = str(url.port)
    if url.database:
        attributes["DATABASE"] = url.database
    attributes |= {name: value for name, value in options.items() if name not in own}
    if url.username:
        attributes |= {"UID": url.username, "PWD": str(url.password or "")}
    elif "DSN" not in attributes:
        attributes.setdefault("Trusted_Connection", "Yes")
    if "DSN" in attributes:
        del attributes["DRIVER"]
    # FreeTDS looks for the end of a value in braces beyond it: the last one needs a semicolon too.
    return "".join(f"{name}={_value(name, value, url)};" for name, value in attributes.items())


def _value(name: str, value: str, url: URL) -> str:
    shown = "the password" if name == "PWD" else f"{name}={value!r}"
    if "\0" in value or "\n" in value or "\r" in value:
        raise JobError(f"{shown} has a line break or a NUL in it", advice="The driver cannot be given these.")
    if ";" not in value and not value.startswith("{"):
        return value
    if "}" not in value:
        return f"{{{value}}}"
    if _doubles_braces(str(url.query["driver"])):
        return "{" + value.replace("}", "}}") + "}"
    if "};" in value:
        raise JobError(
            f"{shown} has }}; in it, which FreeTDS before 1.3.21 cannot be given",
            advice="Change it, or update FreeTDS.",
        )
    return f"{{{value}}}"


@cache
def _doubles_braces(driver: str) -> bool:
    from etl.odbc import setup

    library = Path(driver) if "/" in driver else Path(setup.driver_library())
    version, _ = setup.read_freetds(library)
    numbers = [int(part) for part in (version or "").split(".")[:3] if part.isdecimal()]
    return tuple(numbers) >= DOUBLES_BRACES_SINCE
