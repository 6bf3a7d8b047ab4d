"""`etl sandbox` with what cannot be encrypted with."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from etl.cli import app


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (["--certificate", "nowhere.pem"], "nowhere.pem: No such file or directory"),
        (["--certificate-key", "key.pem"], "a key without its certificate"),
        (["--encryption", "none", "--certificate", "some.pem"], "a certificate without encryption"),
    ],
)
def test_a_certificate_that_cannot_be_used_is_told(
    options: list[str], reason: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(app, ["sandbox", "--port", "0", *options])
    assert done.exit_code == 3
    assert f"the sandbox cannot start: {reason}" in done.output
