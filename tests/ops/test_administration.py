"""`./dev workspace weigh`: what operators say of a workspace, workers read."""

from __future__ import annotations

import subprocess
import sys

import pytest

from app import cli
from app.local.environment import ROOT, extended
from tests.fixtures.database import CommittedDatabase


def run(database: CommittedDatabase, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "app.cli", "workspace", "weigh", *arguments]
    return subprocess.run(
        command, cwd=ROOT, env=extended({"DATABASE_URL": database.url}), capture_output=True, text=True
    )


def test_the_weight_of_a_workspace_is_what_workers_read(committed_database: CommittedDatabase) -> None:
    with committed_database.connect() as connection:
        connection.execute("insert into workspaces (name, slug) values ('Acme', 'acme'), ('Globex', 'globex')")
    answer = run(committed_database, "--workspace", "globex", "--weight", "7")
    assert (answer.returncode, answer.stdout) == (0, "Globex has the weight 7 now.\n"), answer.stderr
    with committed_database.connect() as connection:
        assert connection.execute("select slug, weight from workspaces order by slug").fetchall() == [
            ("acme", 1),
            ("globex", 7),
        ]
    unknown = run(committed_database, "--workspace", "initech", "--weight", "2")
    assert unknown.returncode and "There is no workspace 'initech'." in unknown.stderr


@pytest.mark.parametrize("weight", ["0", "101", "-3", "1.5", "much", ""])
def test_a_weight_out_of_bounds_is_refused_in_words(weight: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        cli.main(["workspace", "weigh", f"--weight={weight}"])
    assert f"a weight is a number from 1 to 100; not {weight!r}" in capsys.readouterr().err
