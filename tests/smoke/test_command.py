"""A server on which nothing is missing: every step is made, and nothing is left behind."""

from __future__ import annotations

import re

import etl
from etl.smoke import copies, ends
from etl.smoke.steps import CLEANUP, STEPS
from tests.databases import MssqlDatabase
from tests.pipeline.command import ended, etl_here, start
from tests.pipeline.jobs import job, make_orders
from tests.smoke.smoking import catalog, with_samples
from tests.told_steps import told_steps

LATEST_SEC = 110.0


def test_all_is_well_and_nothing_is_left_behind(server_database: MssqlDatabase) -> None:
    server_database.make("orders", {"id": "int"})
    before = catalog(server_database)
    command = start(["smoke", "--json"], environment={"ETL_TARGET_URL": server_database.url})
    found = told_steps(ended(command, LATEST_SEC))
    assert found.statuses == {step.name: "ok" for step in (*STEPS, CLEANUP)}
    assert found.ended.exit_code == 0
    assert re.match(r"SQL Server \d+\.\d+\.\d+", found.steps["server"]["found"])
    assert re.search(r"chunk 2 .* failed: worker process \d+ ended by SIGKILL", found.steps["worker killed"]["meaning"])
    assert re.match(r"run [0-9a-f]{8} went on with [1-5] rows", found.steps["resumed"]["found"])
    assert re.match(r"\d{2,} letters in \d+ ranges of a text key", found.steps["text keys"]["found"])
    assert found.steps["ledger"]["found"].startswith("4 runs are done; ")
    assert found.steps["cleanup"]["found"] == "nothing is left, nor the ledger that was made"
    assert catalog(server_database) == before


def test_a_ledger_that_was_there_keeps_what_it_has(server_database: MssqlDatabase) -> None:
    make_orders(server_database, 3)
    etl.run(job(server_database))
    before = catalog(server_database), server_database.ledger(), server_database.run_states()
    with with_samples(server_database) as case:
        copies.by_sqlite(case)
        ends.verify(case)
        assert len(server_database.run_states()) == 2
        assert ends.clean_up(case).found == "nothing is left"
    after = catalog(server_database), server_database.ledger(), server_database.run_states()
    assert after == before


def test_what_is_kept_is_named(server_database: MssqlDatabase) -> None:
    with with_samples(server_database) as case:
        case.keep = True
        assert case.schema in ends.clean_up(case).found
        assert server_database.query(f"SELECT COUNT(*) FROM {case.schema}.samples") == [(case.sample_rows,)]


def test_people_get_a_line_a_step_within_100_columns(server_database: MssqlDatabase) -> None:
    ended_here = etl_here("smoke", "--url", server_database.url, "--text", "Größe", "--text", "日本")
    lines = ended_here.stdout.splitlines()
    assert ended_here.exit_code == 4
    assert max(map(len, lines)) <= 100
    assert re.fullmatch(r"ok      server        SQL Server \d+\.\d+\.\d+.*", lines[0])
    assert any(line.startswith("fail    texts         column varchar_1600 (varchar(1600)), under") for line in lines)
    assert "ok      cleanup       nothing is left" in lines
    assert lines[-1] == f"6 ok, 1 fail, {len(STEPS) - 6} skipped. Begin with `texts`."
