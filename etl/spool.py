"""The spool: rows of a stream, kept as Arrow files between reading and writing, so that a resume sees the same rows.

One file holds one chunk. Its checksum is in the plan and is verified before the file is used.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Iterable
from pathlib import Path

import pyarrow as pa

from etl.batches import in_runs
from etl.errors import SpoolGone
from etl.plan import Chunk

NO_OTHER_WAY = (
    "A stream is resumed from its spool only. Go on where it is, or start the job again with --new-run: rows that are "
    "committed stay, unless `etl undo` can take them back first."
)
HASH_BLOCK_BYTES = 1 << 20


def default_folder() -> Path:
    """Where spools are kept unless the job says otherwise: the user's cache, which outlives a reboot, unlike /tmp."""
    cache = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(cache) / "etl" / "spool"


def write(batches: Iterable[pa.RecordBatch], schema: pa.Schema, folder: Path, chunk_rows: int) -> list[Chunk]:
    """Write the stream into files of `chunk_rows` rows each and return their chunks. An older spool there is replaced."""
    remove(folder)
    folder.mkdir(parents=True, mode=0o700)
    return [_write_chunk(number, run, schema, folder) for number, run in enumerate(in_runs(batches, chunk_rows))]


def read(chunk: Chunk, folder: Path) -> pa.Table:
    """The rows of one chunk. Raises SpoolGone when the file is gone or is not the one that was written."""
    path = folder / chunk.file
    if not path.is_file():
        raise SpoolGone(f"{chunk} cannot be read: {path} is gone or on another machine", advice=NO_OTHER_WAY)
    if _sha256(path) != chunk.sha256:
        raise SpoolGone(f"{chunk} cannot be read: {path} is not what the run wrote", advice=NO_OTHER_WAY)
    with pa.memory_map(str(path)) as source, pa.ipc.open_file(source) as reader:
        return reader.read_all()


def remove(folder: Path) -> None:
    """Delete a spool, once its run is done or planned anew."""
    if folder.is_dir():
        shutil.rmtree(folder)


def _write_chunk(number: int, batches: list[pa.RecordBatch], schema: pa.Schema, folder: Path) -> Chunk:
    name = f"chunk-{number:06d}.arrow"
    with pa.OSFile(str(folder / name), "wb") as sink, pa.ipc.new_file(sink, schema) as writer:
        for batch in batches:
            writer.write_batch(batch)
    rows = sum(batch.num_rows for batch in batches)
    return Chunk(number, "spool", rows_planned=rows, file=name, sha256=_sha256(folder / name))


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(HASH_BLOCK_BYTES):
            digest.update(block)
    return digest.hexdigest()
