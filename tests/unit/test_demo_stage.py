"""Where the demo keeps its data."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from etl.demo import stage


def test_a_folder_that_only_root_can_enter_is_not_used_by_root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "checkout").mkdir()
    tmp_path.chmod(0o700)
    monkeypatch.chdir(tmp_path / "checkout")
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert not stage._others_reach(stage.DATA_FOLDER)
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert stage._others_reach(stage.DATA_FOLDER)
