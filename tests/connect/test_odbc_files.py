"""`etl odbc render`: what is written for each profile, and what is refused."""

from __future__ import annotations

import itertools
import os
import re
import stat
import string
import subprocess
from configparser import ConfigParser
from pathlib import Path

import pytest
from typer.testing import CliRunner

from etl.cli import app
from etl.errors import JobError
from etl.odbc import files, profiles
from etl.odbc.ini_sections import IniText
from etl.odbc.profiles import Fields
from etl.statements import data_folder
from tests.connect.odbc_folder import etl_command, program, rendered

DRIVER = "/usr/lib/odbc/libtdsodbc.so"
AUTHORITY = "/etc/ssl/company.pem"
EXAMPLES = {
    "sandbox": Fields(port=5433),
    "private-ca": Fields("db.example.com", database="sales", ca_file=AUTHORITY),
    "azure": Fields("shop.database.windows.net", database="sales"),
    "named-instance": Fields("db.example.com", database="sales", instance="SQL2019", ca_file="system"),
    "domain": Fields("db.example.com", database="sales", realm="EXAMPLE.COM", ca_file=AUTHORITY),
}
GLOBAL = {
    "tds version": "7.4",
    "client charset": "UTF-8",
    "text size": "2147483647",
    "initial block size": "8000",
    "connect timeout": "15",
}
CHECKED = {"encryption": "require", "check certificate hostname": "yes"}
SERVERS = {
    "sandbox": {"host": "127.0.0.1", "port": "5433", "encryption": "request"},
    "private-ca": {"host": "db.example.com", "port": "1433", "ca file": AUTHORITY} | CHECKED,
    "azure": {"host": "shop.database.windows.net", "port": "1433", "ca file": "system"} | CHECKED,
    "named-instance": {"host": "db.example.com", "instance": "SQL2019", "ca file": "system"} | CHECKED,
    "domain": {
        "host": "db.example.com",
        "port": "1433",
        "realm": "EXAMPLE.COM",
        "initial block size": "4096",
        "ca file": AUTHORITY,
    }
    | CHECKED,
}


def parsed(text: str) -> dict[str, dict[str, str]]:
    parser = ConfigParser(interpolation=None, default_section="", comment_prefixes=("#",))
    parser.optionxform = str  # type: ignore[method-assign, assignment] # the documented way to keep a key's case
    parser.read_string(text)
    return {name: dict(parser[name]) for name in parser.sections()}


@pytest.mark.parametrize("profile", profiles.PROFILES)
def test_a_profile_is_filled_in(profile: str) -> None:
    texts = files.render(profile, EXAMPLES[profile], DRIVER)
    drivers, sources, servers = (parsed(texts[name]) for name in ("odbcinst.ini", "odbc.ini", "freetds.conf"))
    assert drivers == {"FreeTDS": {"Description": "FreeTDS: Microsoft SQL Server over TDS", "Driver": DRIVER}}
    # Azure finds a server by the name of its section.
    server = "shop.database.windows.net" if profile == "azure" else profile
    assert servers == {"global": GLOBAL, server: SERVERS[profile]}
    assert list(sources) == [profile]
    assert sources[profile].pop("Description")
    trusted = {"Trusted_Connection": "Yes"} if profile == "domain" else {}
    database = EXAMPLES[profile].database or "sandbox"
    assert sources[profile] == {"Driver": "FreeTDS", "Servername": server, "Database": database} | trusted


@pytest.mark.parametrize("profile", profiles.PROFILES)
def test_every_setting_has_its_reason_above_it(profile: str) -> None:
    for line, previous in _settings(files.render(profile, EXAMPLES[profile], DRIVER)["freetds.conf"]):
        is_address = line.split(" =")[0].strip() in {"host", "port"}
        assert previous.lstrip().startswith("#") or is_address, line


def _settings(text: str) -> list[tuple[str, str]]:
    lines = text.splitlines()
    return [(line, above) for above, line in itertools.pairwise(lines) if re.match(r"\s*\w[\w ]*=", line)]


def test_what_is_not_given_is_left_out_with_its_comment() -> None:
    text = files.render("domain", Fields("db.example.com", database="d", instance="A"), DRIVER)["freetds.conf"]
    server = parsed(text)["domain"]
    assert server["instance"] == "A"
    assert not {"port", "realm", "ca file"} & server.keys()
    assert "krb5.conf" not in text
    assert "SQL Server Browser" in text
    assert "${" not in text


def test_an_instances_port_takes_the_place_of_its_name() -> None:
    text = files.render("named-instance", Fields("h", 49812, "d"), DRIVER)["freetds.conf"]
    assert parsed(text)["named-instance"] == {"host": "h", "port": "49812"} | CHECKED
    assert "Browser is asked at" not in text


def test_a_name_of_ones_own() -> None:
    texts = files.render("private-ca", EXAMPLES["private-ca"], DRIVER, "sales.2")
    assert parsed(texts["odbc.ini"])["sales.2"]["Servername"] == "sales.2"
    assert list(parsed(texts["freetds.conf"])) == ["global", "sales.2"]


@pytest.mark.parametrize(
    ("profile", "fields", "reason"),
    [
        ("oracle", Fields(), "there is no profile 'oracle'"),
        ("private-ca", Fields(), "profile private-ca needs --ca-file, --database, --host"),
        ("private-c", Fields(), "did you mean private-ca?"),
        ("named-instance", Fields("h", database="d"), "needs --instance, or the instance's --port"),
        ("named-instance", Fields("h", 1433, "d", "i"), "a port and an instance"),
        ("named-instance", Fields("h", database="d", instance="i", realm="R"), "does not take --realm"),
        ("azure", Fields("h", database="d", instance="i"), "does not take --instance"),
        ("sandbox", Fields("db.example.com"), "profile sandbox is for this machine"),
        ("sandbox", Fields("10.0.0.1"), "profile sandbox is for this machine"),
        ("sandbox", Fields(ca_file="system"), "does not take --ca-file"),
        ("sandbox", Fields(port=0), "'0' is not a port"),
        ("sandbox", Fields(port=65536), "'65536' is not a port"),
    ],
)
def test_fields_that_do_not_fit_are_refused(profile: str, fields: Fields, reason: str) -> None:
    with pytest.raises(JobError, match=reason):
        files.render(profile, fields, DRIVER)


BREAKING = ["", " ", "a\nb", "a\r[global]\rb", "a\x00b", "a\tb", " a", "a ", "\ud800", "x" * 2000]


@pytest.mark.parametrize("field", ["host", "database", "instance", "realm"])
@pytest.mark.parametrize("value", BREAKING, ids=repr)
def test_values_that_would_break_a_line_are_refused(field: str, value: str) -> None:
    fields = {"host": "h", "database": "d", "ca_file": "system"} | {field: value}
    with pytest.raises(JobError):
        files.render("domain", Fields(**fields), DRIVER)  # type: ignore[arg-type] # port is the only number


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("host", "db.example.com\\SQL2019"),
        ("host", "db.example.com,1433"),
        ("host", "tcp:db.example.com"),
        ("host", "h#1"),
        ("host", "[::1]"),
        ("host", "bücher.example"),
        ("instance", "A#1"),
        ("instance", "A]"),
        ("instance", "A;B"),
        ("instance", "A" * 17),
        ("ca_file", "company.pem"),
        ("ca_file", "/etc/a\nb.pem"),
        ("ca_file", "/etc/a\x00b.pem"),
        ("ca_file", "/etc/a "),
        ("ca_file", ""),
        ("ca_file", "/etc/a#b.pem"),
        ("ca_file", "/etc/a;b.pem"),
        ("ca_file", "/etc/a  b.pem"),
        ("ca_file", "/etc/" + "a" * 250),
        ("realm", "EX AMPLE"),
        ("database", "d" * 129),
    ],
)
def test_values_that_freetds_would_read_as_others_are_refused(field: str, value: str) -> None:
    fields = {"host": "h", "database": "d", "ca_file": "system"} | {field: value}
    with pytest.raises(JobError) as refused:
        files.render("domain", Fields(**fields), DRIVER)  # type: ignore[arg-type] # port is the only number
    assert refused.value.advice


@pytest.mark.parametrize("name", ["", "a]b", "a=b", "a b", "global", "ODBC", "Default", "a" * 33, "a\nb", "é"])
def test_names_that_no_section_can_have_are_refused(name: str) -> None:
    with pytest.raises(JobError, match="data source"):
        files.render("sandbox", Fields(), DRIVER, name or " ")


@pytest.mark.parametrize("driver", ["", "libtdsodbc.so", "/a\nb", "/" + "a" * 2000])
def test_a_driver_that_is_no_path_is_refused(driver: str) -> None:
    with pytest.raises(JobError, match="driver"):
        files.render("sandbox", Fields(), driver)


# Files


def test_the_files_are_private(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "odbc"
    rendered(folder, "sandbox", Fields(), DRIVER)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in folder.iterdir()}
    assert modes == {"odbcinst.ini": 0o600, "odbc.ini": 0o600, "freetds.conf": 0o600}


@pytest.mark.parametrize("mode", [0o770, 0o707])
def test_a_folder_of_others_is_refused(tmp_path: Path, mode: int) -> None:
    folder = tmp_path / "shared"
    folder.mkdir()
    folder.chmod(mode)
    with pytest.raises(JobError, match="can be written by others"):
        rendered(folder, "sandbox", Fields(), DRIVER)
    assert list(folder.iterdir()) == []


def test_a_folder_that_cannot_be_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for folder in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(JobError, match="cannot write"):
            rendered(folder, "sandbox", Fields(), DRIVER)


def test_servers_are_added_and_replaced_and_the_rest_stays(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    (tmp_path / "odbcinst.ini").write_text(
        "# mine\n\n[Other]\nDriver = /other.so\n\n# old\n[freetds]\nDriver = /gone.so\n"
    )
    (tmp_path / "odbcinst.ini").chmod(0o644)
    rendered(tmp_path, "sandbox", Fields(), DRIVER)
    rendered(tmp_path, "private-ca", EXAMPLES["private-ca"], DRIVER)
    rendered(tmp_path, "sandbox", Fields(port=1), DRIVER)
    drivers = (tmp_path / "odbcinst.ini").read_text()
    assert drivers.startswith("# mine\n\n[Other]\nDriver = /other.so\n\n[FreeTDS]\n")
    assert "gone" not in drivers
    assert stat.S_IMODE((tmp_path / "odbcinst.ini").stat().st_mode) == 0o644
    servers = parsed((tmp_path / "freetds.conf").read_text())
    assert list(servers) == ["global", "sandbox", "private-ca"]
    assert servers["sandbox"]["port"] == "1"
    assert list(parsed((tmp_path / "odbc.ini").read_text())) == ["sandbox", "private-ca"]


def test_a_text_taken_apart_is_put_together_again() -> None:
    for name in ("odbcinst.ini", "odbc.ini", "freetds.conf"):
        template = (data_folder("odbc") / name).read_text()
        assert str(IniText.parse(template)) == template


# Templates


@pytest.mark.parametrize("name", ["odbcinst.ini", "odbc.ini", "freetds.conf"])
def test_a_template_explains_each_of_its_placeholders(name: str) -> None:
    template = string.Template((data_folder("odbc") / name).read_text())
    assert template.is_valid()
    explained = re.findall(r"^# ([A-Z_]+)  ", template.template, re.MULTILINE)
    assert sorted(explained) == sorted(template.get_identifiers()) != []


def test_a_template_has_each_profile_once() -> None:
    for name in ("odbc.ini", "freetds.conf"):
        template = IniText.parse((data_folder("odbc") / name).read_text())
        found = [section.name for section in template.sections if section.name != "global"]
        assert found == list(profiles.PROFILES)


CONNECT = """
import sys
import pyodbc
for name in sys.argv[1:]:
    try:
        pyodbc.connect(f"DSN={name};UID=u;PWD=p", timeout=5)
    except pyodbc.Error as error:
        assert "Unable to connect" in str(error), error
    else:
        raise AssertionError("nothing listens on port 1")
"""


def test_freetds_takes_every_setting_of_the_templates(tmp_path: Path, driver: str) -> None:
    authority = tmp_path / "ca.pem"
    fields = {
        "sandbox": Fields(port=1),
        "private-ca": Fields("localhost", 1, "d", ca_file=str(authority)),
        "azure": Fields("localhost", 1, "d"),
        "domain": Fields("localhost", 1, "d", realm="EXAMPLE.COM", ca_file="system"),
    }
    for profile, given in fields.items():
        exports = rendered(tmp_path / "odbc", profile, given, driver)
    log = tmp_path / "dump.log"
    # FreeTDS opens its log during the first connection: the second of the first server is in it.
    connected = program("-c", CONNECT, "sandbox", *fields, **exports, TDSDUMP=str(log))
    assert connected.returncode == 0, connected.stderr
    read = log.read_text(errors="replace")
    assert "UNRECOGNIZED" not in read
    written = parsed((tmp_path / "odbc" / "freetds.conf").read_text())
    sections = re.findall(r"Looking for section (\S+)\.\n(.*?)Reached EOF", read, re.DOTALL)
    found = {
        name: dict(re.findall(r"^config\.c:\d+:\t([a-z][a-z -]*) = '(.*)'$", lines, re.MULTILINE))
        for name, lines in sections
    }
    assert found == written


# The command


@pytest.fixture
def awkward(tmp_path: Path) -> Path:
    """A folder whose name a shell would take apart."""
    return tmp_path / "it's a $HOME folder"


def test_a_shell_takes_the_exports(awkward: Path, driver: str) -> None:
    shown = etl_command("odbc", "render", "sandbox", "--port", "5433", "--out", str(awkward), "--driver", driver)
    assert shown.returncode == 0, shown.stderr
    assert str(awkward) in shown.stderr
    script = 'eval "$1"; printf "%s\\n" "$ODBCSYSINI" "$ODBCINI" "$FREETDSCONF"'
    evaluated = subprocess.run(["sh", "-c", script, "sh", shown.stdout], capture_output=True, text=True, check=True)
    assert evaluated.stderr == ""
    assert evaluated.stdout.splitlines() == [str(awkward), f"{awkward}/odbc.ini", f"{awkward}/freetds.conf"]
    last = shown.stdout.splitlines()[-1]
    assert last == "# mssql+pyodbc://USER:PASSWORD@sandbox or DSN=sandbox;UID=USER;PWD=PASSWORD"


OPTIONS = ["--host", "--database", "--instance", "--ca-file", "--realm", "--name", "--driver", "--out"]


@pytest.mark.parametrize("url", ["mssql+pyodbc://sa:planted@db/sales", "DSN=x;UID=sa;PWD=planted"])
def test_a_url_in_a_wrong_place_is_neither_written_nor_repeated(tmp_path: Path, url: str) -> None:
    folder = tmp_path / "odbc"
    complete = {"--host": "localhost", "--database": "d", "--out": str(folder)}
    for option in OPTIONS:
        options = [part for pair in (complete | {option: url}).items() for part in pair]
        in_process = CliRunner().invoke(app, ["odbc", "render", "domain", *options])
        assert in_process.exit_code == 2, option
        assert "a database URL stands where one of its parts belongs" in in_process.output
        assert "planted" not in in_process.output
    assert "planted" not in CliRunner().invoke(app, ["odbc", "render", url]).output
    assert not folder.exists()


def test_a_driver_that_is_not_there_is_told(tmp_path: Path) -> None:
    refused = etl_command(
        "odbc", "render", "sandbox", "--out", str(tmp_path / "odbc"), "--driver", str(tmp_path / "no.so")
    )
    assert (refused.returncode, refused.stdout) == (3, "")
    assert "there is no driver's library" in refused.stderr
    assert not (tmp_path / "odbc").exists()


def test_a_file_name_that_is_set_is_set_right(tmp_path: Path, driver: str) -> None:
    folder = tmp_path / "odbc"
    shown = etl_command("odbc", "render", "sandbox", "--out", str(folder), "--driver", driver, ODBCINSTINI="mine.ini")
    assert "export ODBCINSTINI=odbcinst.ini\n" in shown.stdout


def test_a_refusal_leaves_standard_output_empty(tmp_path: Path) -> None:
    refused = etl_command("odbc", "render", "private-ca", "--host", "h", "--out", str(tmp_path / "odbc"))
    assert (refused.returncode, refused.stdout) == (2, "")
    assert "profile private-ca needs --ca-file, --database" in refused.stderr
    assert not (tmp_path / "odbc").exists()


@pytest.mark.parametrize(("content", "reason"), [(None, "No such file"), (b"\x30\x82", "holds no certificate in PEM")])
def test_a_ca_file_that_is_none_is_told(tmp_path: Path, content: bytes | None, reason: str) -> None:
    authority = tmp_path / "ca.crt"
    if content is not None:
        authority.write_bytes(content)
    refused = etl_command("odbc", "render", "private-ca", "--host", "h", "--database", "d", "--ca-file", str(authority))
    assert refused.returncode == 2
    assert reason in refused.stderr


def test_a_certificate_that_nobody_checks_is_told(tmp_path: Path, driver: str) -> None:
    options = ("--host", "db.example.com", "--database", "d", "--out", str(tmp_path / "odbc"), "--driver", driver)
    for authority, told in ((), True), (("--ca-file", "system"), False):
        shown = etl_command("odbc", "render", "domain", *options, *authority)
        assert shown.returncode == 0, shown.stderr
        assert ("certificate is not checked" in shown.stderr) is told
        assert shown.stdout.splitlines()[-1] == "# After kinit: mssql+pyodbc://@domain or DSN=domain"


def test_the_default_folder_is_the_users_configuration(tmp_path: Path, driver: str) -> None:
    shown = etl_command("odbc", "render", "sandbox", "--driver", driver, XDG_CONFIG_HOME=str(tmp_path))
    assert shown.stdout.startswith(f"export ODBCSYSINI={tmp_path}/etl/odbc\n")
    assert (tmp_path / "etl" / "odbc" / "odbc.ini").stat().st_uid == os.getuid()
