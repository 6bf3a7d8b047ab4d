"""The steps in their order, and which of them need which."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import cast

from etl.doctor.case import Case
from etl.doctor.findings import NO_CONNECTION, REFUSED, URL_IS_WRONG, Finding, fail, skipped
from etl.errors import EtlError
from etl.failures import passing


@dataclass(frozen=True, slots=True)
class Step:
    """One question to the way to the server."""

    name: str
    needs: tuple[str, ...]
    function: str
    """module.function of this package, imported when its turn comes: what it imports may be what is missing."""
    exit_code: int = NO_CONNECTION

    def examine(self, case: Case) -> Finding:
        """Raises EtlError for what the step has no words of its own for."""
        module, _, name = self.function.partition(".")
        made = getattr(importlib.import_module(f"etl.doctor.{module}"), name)
        return cast(Callable[[Case], Finding], made)(case)


STEPS = (
    Step("python", (), "local.python"),
    Step("packages", (), "local.packages"),
    Step("unixodbc", ("packages",), "local.unixodbc"),
    Step("url", ("packages",), "local.url", URL_IS_WRONG),
    Step("driver", ("unixodbc", "url"), "driver.loads"),
    Step("freetds", ("driver",), "driver.freetds"),
    Step("name", ("url",), "network.name"),
    Step("port", ("name",), "network.port"),
    Step("protocol", ("port",), "network.protocol"),
    Step("certificate", ("protocol",), "certificate.check"),
    Step("login", ("driver", "certificate"), "session.login"),
    Step("database", ("login",), "session.database"),
    Step("tds version", ("database",), "session.tds_version"),
    Step("encryption", ("database",), "encryption.in_use"),
    Step("server", ("database",), "server.version"),
    Step("packet size", ("database",), "session.packet_size"),
    Step("textsize", ("database",), "session.text_size"),
    Step("collation", ("database",), "server.collation"),
    Step("clock", ("database",), "server.clock"),
    Step("unicode", ("database",), "texts.unicode"),
    Step("long text", ("database",), "texts.long_text"),
    Step("read", ("database",), "rights.read", REFUSED),
    Step("create", ("database",), "rights.create", REFUSED),
    Step("insert", ("database",), "rights.insert", REFUSED),
    Step("bulk copy", ("database",), "rights.bulk_copy", REFUSED),
    Step("reading speed", ("database",), "probes.reading", REFUSED),
    Step("writing speed", ("bulk copy",), "probes.writing", REFUSED),
)


def examine(case: Case) -> Iterator[Finding]:
    """Make one step after the other. One that needs a failed step is skipped, with the reason."""
    causes: dict[str, str] = {}
    for step in STEPS:
        cause = next((causes[need] for need in step.needs if need in causes), None)
        finding = _made(step, case) if cause is None else skipped(f"the step `{cause}` failed")
        if finding.status == "fail":
            causes[step.name] = step.name
        elif cause is not None:
            causes[step.name] = cause
        yield replace(finding, step=step.name, exit_code=finding.exit_code or step.exit_code)


def _made(step: Step, case: Case) -> Finding:
    try:
        return step.examine(case)
    except EtlError as error:
        kind = passing(error)
        if kind is None:
            return fail(error.message, error.state, error.advice)
        broken = fail(error.message, f"This may pass by itself ({kind}).", error.advice or "Try again.")
        return replace(broken, exit_code=NO_CONNECTION if kind == "link lost" else step.exit_code)
