"""A data set's rows in a file, so that every process of a run has the same ones without making them again."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa

_BATCH_ROWS = 10_000


def store(table: pa.Table, file: Path) -> None:
    """Write the rows."""
    with pa.OSFile(str(file), "wb") as out, pa.ipc.new_file(out, table.schema) as writer:
        writer.write_table(table, max_chunksize=_BATCH_ROWS)


def first_rows(file: Path, count: int) -> pa.Table:
    """So many rows from the file's beginning. Raises `ValueError` where it has fewer."""
    # mssql-python's bulk copy panics at decimals whose buffer is not aligned to their sixteen bytes.
    options = pa.ipc.IpcReadOptions(ensure_alignment=pa.ipc.Alignment.At64Byte)
    with pa.OSFile(str(file), "rb") as source, pa.ipc.open_file(source, options=options) as reader:
        batches = [
            reader.get_batch(number) for number in range(min(reader.num_record_batches, -(-count // _BATCH_ROWS)))
        ]
        table = pa.Table.from_batches(batches, reader.schema).slice(0, count)
    if len(table) < count:
        raise ValueError(f"{file} has {len(table)} rows, not {count}")
    return table
