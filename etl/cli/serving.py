"""`etl sandbox`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from etl.cli.shared import Debug, errors_told, refuse_url
from etl.environment import SANDBOX_PASSWORD_VARIABLE, SOURCE_VARIABLE

if TYPE_CHECKING:
    from etl.sandbox import Server

commands = typer.Typer()
Encryption = Literal["none", "optional", "required"]


@commands.command()
def sandbox(
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port on loopback; 0 takes a free one.")] = 1433,
    data: Annotated[Path | None, typer.Option(help="Folder that keeps the data; default: a temporary one.")] = None,
    encryption: Annotated[
        Encryption, typer.Option(help="optional leaves it to the client; required refuses one that does not encrypt.")
    ] = "optional",
    certificate: Annotated[
        Path | None, typer.Option(help="PEM file with the server's certificate; default: one made at start.")
    ] = None,
    certificate_key: Annotated[
        Path | None, typer.Option(help="PEM file with its key, where the certificate's has none.")
    ] = None,
    debug: Debug = False,
) -> None:
    """Serve the SQL Server stand-in on loopback.

    Until it is interrupted. The login is sa; its password is that of ETL_SANDBOX_PASSWORD, else a random one.
    """
    with errors_told(as_json=False, debug=debug):
        from etl.errors import ConnectError
        from etl.sandbox import run_forever
        from etl.sandbox.cluster import ClusterError
        from etl.sandbox.encryption import CertificateError

        for path in (data, certificate, certificate_key):
            refuse_url(path, "a file or folder")
        options = {
            "port": port,
            "password": os.environ.get(SANDBOX_PASSWORD_VARIABLE),
            "encryption": encryption,
            "certificate": certificate,
            "certificate_key": certificate_key,
        }
        try:
            run_forever(_say_where, data, **options)
        except (ClusterError, CertificateError) as error:
            raise ConnectError(f"the sandbox cannot start: {error}") from error
        except OSError as error:
            raise ConnectError(
                f"cannot serve on port {port}: {error.strerror}",
                advice="Choose another one: --port 0 takes a free one.",
            ) from error


def _say_where(server: Server) -> None:
    typer.echo(f"Serving SQL Server's protocol at {server.host}:{server.port}. Stop with Ctrl-C.")
    if server.certificate_file is not None:
        typer.echo(f"Clients can check its certificate with {server.certificate_file}.")
    typer.echo(f"export {SOURCE_VARIABLE}='{server.url()}'")
