"""What to copy and how: the one model for YAML, the command line, Python and Prefect's form."""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    ValidationError,
    model_validator,
)

from etl import job_file, job_form
from etl.cluster.description import LOCAL, Cluster
from etl.cluster.description import WORDS as CLUSTER_WORDS
from etl.connect import Endpoint, Isolation
from etl.environment import SOURCE_VARIABLE, TARGET_VARIABLE
from etl.executors import Executor
from etl.frame_dtypes import DEFAULT_FRAME_DTYPES, FrameDtypes
from etl.job_problems import Words, invalid, problems
from etl.job_texts import refuse_texts
from etl.references import redact
from etl.statements import TableName

DatabaseUrl = Annotated[
    str, PlainSerializer(redact), Words("a database URL, or env:NAME of a variable that holds one, as text")
]
"""A SQLAlchemy URL, or `env:NAME` for the variable that holds one. Its password is never shown and never serialised."""

URL_PLACES = (
    "env:NAME of a variable that holds the database's URL, file:PATH, keyring:SERVICE/USER or block:NAME; or the URL itself,"
    " without a password in what Prefect stores"
)

Mode = Literal["append", "replace"]
Skippable = Literal["check_constraints", "fire_triggers"]

MOST_WORKERS = 256
LONGEST_LAG_SEC = 10 * 366 * 86_400


def _not_bool(value: Any) -> Any:
    # To Python, and so to pydantic, true is 1; to who writes `workers: yes` it is not.
    if isinstance(value, bool):
        raise ValueError("true or false is no number")  # noqa: TRY004 - pydantic takes a ValueError for a wrong field
    return value


Count = Annotated[int, BeforeValidator(_not_bool)]


def _count_or_share(value: int | str) -> int | str:
    if isinstance(value, str) and value.isdecimal():
        value = int(value)
    if isinstance(value, int):
        if value < 0:
            raise ValueError("a count is not below 0")
        return value
    if not re.fullmatch(r"\d+(\.\d+)?%", value) or float(value[:-1]) > 100:
        raise ValueError("neither a count nor a share")
    return value


MaxRejects = Annotated[
    int | str,
    BeforeValidator(_not_bool),
    AfterValidator(_count_or_share),
    Words("a count of rows, 0 or more, or a share of them such as 0.1%"),
]

HOW_FAST = frozenset(
    {"chunk_rows", "workers", "writers", "chunk_attempts", "run_retries", "executor", "spool_dir", "table_lock"}
    | {"on_bad_row", "max_rejects", "cluster"}
)
"""Fields that do not change which data goes where; a run that a bad row has failed may go on and set such rows aside."""


class Job(BaseModel):
    """One table's way from a source to a target."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        hide_input_in_errors=True,
        validate_by_name=True,
        validate_by_alias=True,
        field_title_generator=job_form.title,
        json_schema_extra=job_form.shape,
    )

    source: DatabaseUrl = Field(default=f"env:{SOURCE_VARIABLE}", description=f"Where rows come from: {URL_PLACES}.")
    target: DatabaseUrl = Field(
        default=f"env:{TARGET_VARIABLE}", description=f"Where rows and the ledger go: {URL_PLACES}."
    )
    source_table: str | None = Field(default=None, description="Table to read, as schema.table: this or a query.")
    query: str | None = Field(default=None, description="Query to read instead of a table; its rows are spooled once.")
    target_table: str = Field(description="Table to write, as schema.table. Made when it is not there.")
    mode: Mode = Field(default="append", description="append adds rows; replace swaps in a new table.")
    key: str | None = Field(
        default=None, description="Column whose ranges make the chunks; without it a single-column primary key is used."
    )
    isolation: Isolation = Field(
        default="read committed",
        description="snapshot: each chunk sees one moment and waits for no writer; the database must allow it.",
    )
    database_snapshot: str | None = Field(
        default=None, description="Name of a database snapshot of the source: then all chunks see one moment."
    )
    watermark: str | None = Field(
        default=None,
        description="Column that says which rows are new since the last completed run: a rowversion, a moment, a growing key.",
    )
    watermark_lag_sec: Count = Field(
        default=0,
        ge=0,
        le=LONGEST_LAG_SEC,
        description="For a moment: how long ago it must be, so that its transaction has ended.",
    )
    watermark_utc: bool = Field(
        default=False, description="Whether a moment without offset is in UTC, not server time."
    )
    transform: str | None = Field(
        default=None, description="module:function that takes a pandas.DataFrame and returns one."
    )
    output_schema: str | None = Field(
        default=None, description="module:name of the pyarrow.Schema that the transform's output has."
    )
    column_types: Annotated[
        dict[str, str], Words("a mapping from columns to SQL types as text, e.g. {name: nvarchar(60)}")
    ] = Field(
        default_factory=dict,
        description='SQL types of columns of a target table that is made, e.g. {"name": "nvarchar(60)"}.',
    )
    frame_dtypes: FrameDtypes = Field(
        default=DEFAULT_FRAME_DTYPES, description="How columns reach the transform: which pandas dtypes."
    )
    row_schema: str | None = Field(
        default=None,
        alias="schema",
        description="module:object, a pandera schema that every row written must meet, as the transform returns it.",
    )
    on_bad_row: Literal["fail", "reject"] = Field(
        default="fail",
        description="What becomes of a row that transform, schema, types or server refuse: it fails its chunk, or it is set"
        " aside in etl_reject and the others are loaded. The transform must judge each row by itself then.",
    )
    max_rejects: MaxRejects = Field(
        default=1_000, description="With reject: how many rows may be set aside, as a count or as a share such as 0.1%."
    )
    lineage: bool = Field(
        default=False,
        description="Add etl_run_id and etl_chunk_id to every row, so that `etl undo` can take the run back.",
    )
    chunk_rows: Count = Field(default=50_000, ge=1, le=10_000_000, description="Rows in a chunk, about.")
    workers: Count = Field(
        default_factory=lambda: os.cpu_count() or 1,
        ge=1,
        le=MOST_WORKERS,
        description="Worker processes; over ssh on each host. A cluster that is there already has its own.",
    )
    bulk_without: Annotated[frozenset[Skippable], Words("a list of check_constraints or fire_triggers")] = Field(
        default=frozenset(),
        description="What bulk copy does without: checking constraints, which marks them untrusted, or firing triggers.",
    )
    table_lock: bool = Field(
        default=False, description="Load under a table lock even where other writers may need the table meanwhile."
    )
    writers: Count | None = Field(
        default=None,
        ge=1,
        le=256,
        description="Chunks that are written at once; by default what the target's indexes allow.",
    )
    chunk_attempts: Count = Field(
        default=6,
        ge=1,
        description="How often a chunk is tried where an error may pass: deadlock, lost link, busy server.",
    )
    run_retries: Count = Field(
        default=100, ge=0, description="How many such tries a run has for all its chunks together."
    )
    executor: Executor = Field(
        default="process", description="process: a pool of workers; serial: in this process; dask: on a Dask cluster."
    )
    cluster: Annotated[Cluster, Words(CLUSTER_WORDS)] = Field(
        default=None,
        description="With dask: local (the default: one of as many worker processes), the address of a scheduler"
        " (tcp://host:8786, or tls:// as Dask's own configuration says), its .json file, or hosts to reach over ssh.",
    )
    spool_dir: Path | None = Field(
        default=None, description="Where a query's rows are kept between reading and writing, until the run is done."
    )

    @model_validator(mode="before")
    @classmethod
    def _text_is_text(cls, fields: Any) -> Any:
        if isinstance(fields, Mapping):
            known = {field.alias or name for name, field in cls.model_fields.items()} | set(cls.model_fields)
            for name in known.intersection(fields):
                refuse_texts(name, fields[name])
        return fields

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if (self.source_table is None) == (self.query is None):
            raise ValueError("give either source_table or query")
        if self.query is not None and self.key is not None:
            raise ValueError("a query is read as one stream and has no key; give source_table for key ranges")
        if self.watermark is not None and (self.source_table is None or self.mode != "append"):
            raise ValueError("a watermark selects what is appended of a source_table: it needs one, and mode append")
        if self.watermark is None and (self.watermark_lag_sec or self.watermark_utc):
            raise ValueError("watermark_lag_sec and watermark_utc describe a watermark, and there is none")
        if self.output_schema is not None and self.transform is None:
            raise ValueError("output_schema describes a transform's output, and there is no transform")
        if self.cluster is not None and self.executor != "dask":
            raise ValueError("a cluster is for executor: dask; give both or none")
        if self.on_bad_row == "reject" and self.bulk_without:
            raise ValueError(
                "with on_bad_row reject some rows go by INSERT, which checks and fires: leave bulk_without out"
            )
        return self

    def __repr_args__(self) -> Any:
        # The URLs as they are serialised: without passwords.
        return self.model_dump().items()

    @property
    def source_endpoint(self) -> Endpoint:
        """Where rows come from."""
        source = replace(Endpoint.of(self.source, "reader"), isolation=self.isolation)
        if self.database_snapshot is None:
            return source
        return replace(source, url=source.url.set(database=self.database_snapshot))

    @property
    def target_endpoint(self) -> Endpoint:
        """Where rows and ledger go."""
        return Endpoint.of(self.target, "writer")

    @property
    def runs_elsewhere(self) -> bool:
        """Whether its chunks are done on a cluster that has other workers than `workers` says, or more."""
        return self.executor == "dask" and self.cluster not in {None, LOCAL}

    @property
    def source_name(self) -> str:
        """What is read, in words."""
        return self.source_table or "(query)"

    @property
    def named_objects(self) -> dict[str, str]:
        """What the job names as `module:name`, by what it is, in words."""
        named = {"transform": self.transform, "output schema": self.output_schema, "schema": self.row_schema}
        return {what: reference for what, reference in named.items() if reference is not None}

    @property
    def target_name(self) -> TableName:
        """The target table's name, parsed."""
        return TableName.parse(self.target_table)

    def hash(self) -> str:
        """Names the job: equal for jobs that copy the same data the same way to the same place, however fast."""
        what = self.model_dump(mode="json", exclude={"source", "target", *HOW_FAST})
        what["bulk_without"] = sorted(self.bulk_without)
        what["source"] = self.source_endpoint.label
        what["target"] = self.target_endpoint.label
        return hashlib.sha256(json.dumps(what, sort_keys=True).encode()).hexdigest()[:32]


def make(**fields: Any) -> Job:
    """A Job from its fields. Raises JobError that names each field that is wrong."""
    return _valid(fields, "the job", {})


def read_yaml(path: Path) -> Job:
    """The job in a YAML file. Raises JobError, with the line, for a file that cannot be read, is not YAML, or is not a job."""
    found = job_file.read(path)
    return _valid(found.fields, f"the job in {path}", found.lines)


def _valid(fields: dict[str, Any], what: str, lines: Mapping[str, int]) -> Job:
    try:
        return Job.model_validate(fields)
    except ValidationError as error:
        found = problems(error, Job.model_fields, fields)
    raise invalid(found, what, lines, Job.model_fields)
