"""`etl odbc render` and `etl odbc show`: the configuration of unixODBC and FreeTDS."""

from __future__ import annotations

import json
import shlex
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from etl.cli.shared import AsJson, Debug, errors_told, refuse_url

if TYPE_CHECKING:
    from etl.odbc.setup import File, Setup

PARTS = "Give --host, --port and --database; user and password are not written into these files."

commands = typer.Typer()
odbc = typer.Typer(help="Configure unixODBC and FreeTDS, without root, and see what they use.", no_args_is_help=True)
commands.add_typer(odbc, name="odbc")


@odbc.command()
def render(
    profile: Annotated[str, typer.Argument(help="sandbox, private-ca, azure, named-instance or domain.")],
    host: Annotated[str | None, typer.Option(help="The server's name, as its certificate carries it.")] = None,
    port: Annotated[int | None, typer.Option(help="Its port; default: 1433, or what the instance's is.")] = None,
    database: Annotated[str | None, typer.Option(help="The database that a connection begins in.")] = None,
    instance: Annotated[str | None, typer.Option(help="The named instance: what follows the backslash.")] = None,
    ca_file: Annotated[str | None, typer.Option(help="PEM file of the certificate's authority, or `system`.")] = None,
    realm: Annotated[
        str | None, typer.Option(help="The Kerberos realm, where the host's domain does not say it.")
    ] = None,
    name: Annotated[str | None, typer.Option(help="The data source's name; default: the profile's.")] = None,
    driver: Annotated[
        Path | None, typer.Option(help="The driver's library; default: the one that is installed.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Folder for the files; default: ~/.config/etl/odbc.")] = None,
    debug: Debug = False,
) -> None:
    """Write odbcinst.ini, odbc.ini and freetds.conf for a server, and print the exports by which they are found.

    Use it as: eval "$(etl odbc render private-ca --host … --database … --ca-file …)". What the folder holds of other
    servers stays. No passwords are written.
    """
    with errors_told(as_json=False, debug=debug):
        from etl.odbc import files, profiles

        for given in (profile, host, database, instance, ca_file, realm, name, driver, out):
            refuse_url(given, "one of its parts", PARTS)
        authority = profiles.certificate_file(ca_file) if ca_file is not None else None
        fields = profiles.Fields(host, port, database, instance, authority, realm)
        profiles.values_of(profile, fields)  # what is wrong with them comes before a driver that is missing
        texts = files.render(profile, fields, _library(driver), name)
        folder = (out or files.default_folder()).expanduser().absolute()
        files.write(folder, texts)
        _say_how(files.exports(folder), profile, name or profile)
        for line in profiles.warnings(profile, fields):
            typer.echo(line, err=True)
        typer.echo(f"Wrote {', '.join(texts)} in {folder}", err=True)


def _library(given: Path | None) -> str:
    from etl import errors
    from etl.odbc import setup

    if given is None:
        return setup.driver_library()
    given = given.expanduser().absolute()
    if not given.is_file():
        raise errors.DriverMissing(
            f"there is no driver's library {given}", advice="Leave --driver out to have it looked for."
        )
    return str(given)


def _say_how(exports: dict[str, str], profile: str, name: str) -> None:
    for variable, value in exports.items():
        typer.echo(f"export {variable}={shlex.quote(value)}")
    if profile == "domain":
        typer.echo(f"# After kinit: mssql+pyodbc://@{name} or DSN={name}")
    else:
        typer.echo(f"# mssql+pyodbc://USER:PASSWORD@{name} or DSN={name};UID=USER;PWD=PASSWORD")


@odbc.command()
def show(as_json: AsJson = False, debug: Debug = False) -> None:
    """Show which files, drivers and data sources unixODBC and FreeTDS really use, and what is missing. Changes nothing."""
    with errors_told(as_json, debug):
        from etl.odbc import setup
        from etl.odbc.libraries import DriverManager

        found = setup.look(DriverManager.load())
        if as_json:
            typer.echo(json.dumps(asdict(found)))
        else:
            _print(found)


def _print(found: Setup) -> None:
    for product, version, library in (
        ("unixODBC", found.unixodbc_version, found.unixodbc_library),
        ("FreeTDS", found.freetds_version, found.freetds_library),
    ):
        typer.echo(f"{product} {version or ''}  {library}" if library else f"{product} is not installed")
    for variable, value in found.environment.items():
        typer.echo(f"  {variable}={value}")
    _print_files("unixODBC's files:", found.files)
    _print_files("freetds.conf, the first with a server's section counts:", found.servers_files)
    typer.echo("Drivers:" if found.drivers else "Drivers: none")
    for driver in found.drivers:
        version = f", FreeTDS {driver.freetds_version}" if driver.freetds_version else ""
        typer.echo(f"  {driver.name}: {driver.path or driver.library}{version}: {driver.problem or 'loads'}")
    typer.echo("Data sources:" if found.data_sources else "Data sources: none")
    for source in found.data_sources:
        typer.echo(f"  {source.name}: {source.driver} to {source.server}/{source.database}: {source.problem or 'ok'}")
    for line in found.to_do:
        typer.echo(f"To do: {line}")


def _print_files(title: str, files: list[File]) -> None:
    if files:
        typer.echo(title)
    for file in files:
        state = file.problem or (
            ", ".join(f"[{name}]" for name in file.sections) or "empty" if file.exists else "not there"
        )
        typer.echo(f"  {file.path} ({file.role}): {state}")
