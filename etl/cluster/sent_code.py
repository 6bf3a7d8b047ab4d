"""Code on its way to other machines: files and folders, packed."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterable
from pathlib import Path

from etl.errors import JobError

MAX_BYTES = 64 << 20
LEFT_OUT = frozenset({"__pycache__", ".git", ".venv"})


def packed(paths: Iterable[Path]) -> bytes:
    """The files, and the folders with all in them, each under its own name in a tar file.

    Raises JobError for what is not there, and for more than `MAX_BYTES`: data does not travel this way.
    """
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for path in paths:
            if not path.exists():
                raise JobError(f"cannot send {path} to the cluster: no such file or folder", advice="Check `send`.")
            archive.add(path, arcname=path.resolve().name, filter=_wanted)
            if buffer.tell() > MAX_BYTES:
                raise JobError(
                    f"{path} is too large to be sent: with the others it has more than {MAX_BYTES >> 20} MB",
                    advice="Name the modules that the workers import, not the folder they stand in.",
                )
    return buffer.getvalue()


def _wanted(member: tarfile.TarInfo) -> tarfile.TarInfo | None:
    return None if Path(member.name).name in LEFT_OUT else member
