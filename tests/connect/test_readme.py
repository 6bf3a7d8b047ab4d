"""README, "Connect to your server", line by line, against a sandbox in the place of the server that it names."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from etl.sandbox import serve
from tests.certificates import Authority

README = Path(__file__).parents[2] / "README.md"
PASSWORD = "the password"
NEXT = "=== next"


def commands() -> list[str]:
    """The section's command lines."""
    section = README.read_text(encoding="utf-8").split("## Connect to your server\n")[1].split("\n## ")[0]
    blocks = re.findall(r"```console\n(.*?)```", section, re.DOTALL)
    return [line.removeprefix("$ ") for block in blocks for line in block.splitlines()]


def test_every_line_does_what_it_says(tmp_path: Path) -> None:
    lines = commands()
    assert [line.split()[1] for line in lines if line.startswith("etl")] == ["doctor", "odbc", "doctor"]
    authority = Authority("Company CA")
    authority.write(tmp_path / "company-ca.pem")
    certificate = authority.write_server(tmp_path / "server.pem", "localhost")
    with serve(user="reader", password=PASSWORD, database="sales", certificate=certificate) as server:
        script = "\n".join(["set -e", *(f"{line}\necho {NEXT}" for line in lines)])
        for named, ours in {"sales.example.com": "localhost", "1433": str(server.port)}.items():
            assert named in script
            script = script.replace(named, ours)
        run = subprocess.run(
            ["bash", "-c", script],
            cwd=tmp_path,
            env=os.environ
            | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "XDG_CONFIG_HOME": str(tmp_path)},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
    assert run.returncode == 0, run.stdout + run.stderr
    told = dict(zip(lines, run.stdout.split(f"{NEXT}\n"), strict=False))
    assert not re.search(r"^(fail|skipped)", run.stdout, re.MULTILINE), run.stdout
    examined = [text for line, text in told.items() if line.startswith("etl doctor")]
    assert [bool(re.search(r"^ok +encryption +", text, re.MULTILINE)) for text in examined] == [True, True]
    assert "sales" in told["etl odbc show"]
    assert PASSWORD not in run.stdout + run.stderr
