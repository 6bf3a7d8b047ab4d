"""DDL carried out: PostgreSQL's objects and the catalog's rows, in the caller's transaction."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from etl.sandbox.catalog import Catalog, Column, Table
from etl.sandbox.errors import SqlServerError, not_supported
from etl.sandbox.link import Link, Parameter
from etl.sandbox.sqltypes import SqlType
from etl.sandbox.translation import definitions as d
from etl.sandbox.translation.context import Context, Source, column_expression, table_source
from etl.sandbox.translation.expression import Expression, quote
from etl.sandbox.translation.nodes import predicate, value
from etl.sandbox.translation.parser import parse_expression, parse_statement
from etl.sandbox.translation.query import compile_query
from etl.sandbox.translation.storing import stored
from etl.sandbox.translation.types import column_storage, family, is_case_sensitive, storage

_ACTIONS = {"NO ACTION": 0, "CASCADE": 1, "SET NULL": 2, "SET DEFAULT": 3}
_SEQUENCE_RANGES = {"tinyint": (0, 255), "smallint": (-(2**15), 2**15 - 1), "int": (-(2**31), 2**31 - 1)}
_KEY_LIMIT = 60


@dataclass(frozen=True, slots=True)
class Place:
    """Where a new object goes."""

    database: str
    schema: str
    schema_id: int
    physical_schema: str
    name: str
    session: int

    @property
    def physical(self) -> str:
        """The PostgreSQL name for a table of this name: PostgreSQL cuts names at 63 bytes."""
        if len(self.name.encode()) <= _KEY_LIMIT:
            return self.name
        return "t_" + hashlib.md5(self.name.lower().encode(), usedforsecurity=False).hexdigest()


class SchemaEditor:
    """Carries out definitions for one session."""

    def __init__(self, link: Link, catalog: Catalog, database: Callable[[], str]) -> None:
        self._link = link
        self._catalog = catalog
        self._database = database

    def apply(self, definition: d.Definition) -> None:
        """Carry one definition out. Errors as SQL Server numbers them; PostgreSQL's own pass through."""
        handlers: dict[type, Callable[[d.Definition], None]] = {
            d.CreateTable: self._create_table,  # type: ignore[dict-item]
            d.AddToTable: self._add_to_table,  # type: ignore[dict-item]
            d.AlterColumn: self._alter_column,  # type: ignore[dict-item]
            d.DropFromTable: self._drop_from_table,  # type: ignore[dict-item]
            d.DropObjects: self._drop_objects,  # type: ignore[dict-item]
            d.IndexDefinition: self._create_index_statement,  # type: ignore[dict-item]
            d.DropIndex: self._drop_index,  # type: ignore[dict-item]
            d.CreateView: self._create_view,  # type: ignore[dict-item]
            d.CreateSchema: self._create_schema,  # type: ignore[dict-item]
            d.DropSchema: self._drop_schema,  # type: ignore[dict-item]
            d.TransferObject: self._transfer,  # type: ignore[dict-item]
            d.CreateDatabase: self._create_database,  # type: ignore[dict-item]
            d.DropDatabase: self._drop_database,  # type: ignore[dict-item]
            d.Truncate: self._truncate,  # type: ignore[dict-item]
            d.Rename: self._rename,  # type: ignore[dict-item]
        }
        handlers[type(definition)](definition)
        self._catalog.changed()

    # Names

    def place(self, name: Sequence[str]) -> Place:
        """Where a new object of this name goes. Errors 2760 (no such schema) and 2714 (name taken)."""
        if len(name) > 3:
            raise not_supported(f"the four-part name {'.'.join(name)}")
        temporary = name[-1].startswith("#")
        if name[-1].startswith("##"):
            raise not_supported(f"the global temporary table {name[-1]}")
        database = "tempdb" if temporary else name[-3] if len(name) == 3 and name[-3] else self._database()
        schema = "dbo" if temporary or len(name) < 2 or not name[-2] else name[-2]
        found = self._catalog.schema(database, schema)
        if found is None:
            raise SqlServerError(2760, f'The specified schema name "{schema}" either does not exist or you do not have permission to use it.', ends_batch=True)
        session = self._catalog.session if temporary else 0
        place = Place(self._catalog.database(database) or database, found[1], found[0], found[2], name[-1], session)
        self._refuse_taken(place, place.name)
        return place

    def _refuse_taken(self, place: Place, name: str) -> None:
        taken = self._link.run(
            "SELECT FROM sandbox.objects WHERE schema_id = $1::int AND name = $2::citext AND session = $3::int",
            (str(place.schema_id), name, str(place.session)),
        )
        if taken.row_count:
            raise SqlServerError(2714, f"There is already an object named '{name}' in the database.", state=6)

    def _context(self) -> Context:
        return Context(self._catalog, self._database(), {})

    def _find(self, name: Sequence[str], number: int = 4902) -> Table:
        table = self._context().try_table(name)
        if table is None or table.kind == "S":
            if number == 4902:
                raise SqlServerError(4902, f'Cannot find the object "{".".join(name)}" because it does not exist or you do not have permissions.', ends_batch=True)
            raise SqlServerError(number, f"Cannot find the object \"{'.'.join(name)}\" because it does not exist or you do not have permissions.", ends_batch=True)
        return table

    def _add_object(self, place: Place, name: str, physical: str, kind: str, *, parent: int = 0, column: int = 0, definition: str | None = None, system: bool = False) -> int:
        row = self._link.run(
            "INSERT INTO sandbox.objects (schema_id, name, physical, type, parent_object_id, parent_column_id, definition, system_named, session) "
            "VALUES ($1::int, $2::citext, $3::text, $4::citext, $5::int, $6::int, $7::citext, $8::bool, $9::int) RETURNING object_id",
            (str(place.schema_id), name, physical, kind, str(parent), str(column), definition, "t" if system else "f", str(place.session)),
        ).rows[0]
        return int(row[0])

    # CREATE TABLE

    def _create_table(self, definition: d.CreateTable) -> None:
        place = self.place(definition.name)
        keys = [item for item in self._all_constraints(definition) if isinstance(item, d.KeyDefinition) and item.primary]
        if len(keys) > 1:
            raise SqlServerError(8110, f"Cannot add multiple PRIMARY KEY constraints to table '{place.name}'.")
        primary = {column.name.lower() for key in keys for column in key.columns}
        for column in definition.columns:
            if column.name.lower() in primary and column.nullable is None:
                column_nullable = False
            else:
                column_nullable = column.nullable if column.nullable is not None else True
            if column.name.lower() in primary and column_nullable:
                raise SqlServerError(8111, f"Cannot define PRIMARY KEY constraint on nullable column in table '{place.name}'.")
            column.nullable = column_nullable
        table = self.create_plain(place, definition.columns)
        for constraint in self._all_constraints(definition):
            self._add_constraint(place, table, constraint)
        for index in definition.indexes:
            self._create_index(table, index)

    @staticmethod
    def _all_constraints(definition: d.CreateTable) -> list[d.Constraint]:
        inline = [constraint for column in definition.columns for constraint in column.constraints]
        everything = [*inline, *definition.constraints]
        # A foreign key may point to the table's own key, so keys come first.
        return sorted(everything, key=lambda item: not isinstance(item, d.KeyDefinition))

    def create_plain(self, place: Place, columns: Sequence[d.ColumnDefinition]) -> Table:
        """A table with columns, identity and defaults, but no keys yet."""
        seen: set[str] = set()
        for column in columns:
            if column.name.lower() in seen:
                raise SqlServerError(2705, f"Column names in each table must be unique. Column name '{column.name}' in table '{place.name}' is specified more than once.", ends_batch=True)
            seen.add(column.name.lower())
        object_id = self._add_object(place, place.name, place.physical, "U")
        physical_schema = "pg_temp" if place.session else place.physical_schema
        word = "TEMP TABLE" if place.session else "TABLE"
        name = quote(place.physical) if place.session else f"{quote(physical_schema)}.{quote(place.physical)}"
        self._link.script(f"CREATE {word} {name} ()")
        self._catalog.changed()
        for number, column in enumerate(columns, 1):
            self._add_column(place, object_id, name, number, column)
        self._catalog.changed()
        table = self._catalog.table(place.database, place.schema, place.name)
        assert table is not None
        return table

    def _add_column(self, place: Place, object_id: int, qualified: str, number: int, column: d.ColumnDefinition, filled: bool = False) -> None:
        physical = column.name if len(column.name.encode()) <= _KEY_LIMIT else f"c_{object_id}_{number}"
        kind, generated = self._column_type(place, column)
        sequence = self._identity_sequence(place, object_id, kind, column) if column.identity else None
        nullable = bool(column.nullable) and column.identity is None and kind.name != "rowversion"
        self._link.run(
            "INSERT INTO sandbox.columns (object_id, column_id, name, physical, type_name, length, precision, scale, nullable, collation_name, is_identity, seed, "
            "increment, sequence, computed) VALUES ($1::int, $2::int, $3::citext, $4::text, $5::text, $6::int, $7::int, $8::int, $9::bool, $10::text, $11::bool, "
            "$12::numeric, $13::numeric, $14::text, $15::citext)",
            _column_row(object_id, number, column, physical, kind, nullable, sequence),
        )
        parts = [quote(physical), column_storage(kind, column.collation)]
        if generated:
            parts.append(f"GENERATED ALWAYS AS ({generated}) STORED")
        elif sequence:
            parts.append(f"DEFAULT nextval('{sequence}')::{storage(kind)}")
        elif kind.name == "rowversion":
            parts.append("DEFAULT sandbox.next_rowversion()")
        elif column.default is not None:
            parts.append(f"DEFAULT {self._add_default(place, object_id, number, column, kind)}")
        if not nullable and not (filled and not generated and not sequence and column.default is None and kind.name != "rowversion"):
            parts.append("NOT NULL")
        elif not nullable:
            raise SqlServerError(4901, f"ALTER TABLE only allows columns to be added that can contain nulls, or have a DEFAULT definition specified, or the column being added is an identity or timestamp column, or alternatively if none of the previous conditions are satisfied the table must be empty to allow addition of this column. Column '{column.name}' cannot be added to non-empty table '{place.name}' because it does not satisfy these conditions.")
        self._link.script(f"ALTER TABLE {qualified} ADD COLUMN {' '.join(parts)}")

    def _column_type(self, place: Place, column: d.ColumnDefinition) -> tuple[SqlType, str]:
        """(type, PostgreSQL's generation expression or empty)."""
        if column.type is not None:
            self._check_column_type(column)
            return column.type, ""
        assert column.computed is not None
        context = self._context()
        table = self._catalog.table(place.database, place.schema, place.name)
        assert table is not None
        context.scope.sources = [Source(table.name, [(item.name, column_expression(item, "")) for item in table.columns], table)]
        found = value(context, parse_expression(column.computed, column.computed_text))
        if context.binds:
            raise not_supported("a computed column that depends on the session")
        column.nullable = found.nullable if column.nullable is None else column.nullable
        return found.type, found.sql

    @staticmethod
    def _check_column_type(column: d.ColumnDefinition) -> None:
        kind = column.type
        assert kind is not None
        if column.collation is not None:
            if family(kind) != "text":
                raise SqlServerError(452, f"COLLATE clause cannot be used on expressions containing type {kind.name}.", ends_batch=True)
            is_case_sensitive(column.collation)
            if column.collation.lower() == "database_default":
                column.collation = None
        if column.identity is not None and not (family(kind) == "int" or (kind.name == "decimal" and kind.scale == 0)):
            raise SqlServerError(2749, f"Identity column '{column.name}' must be of data type int, bigint, smallint, tinyint, or decimal or numeric with a scale of 0, unencrypted, and constrained to be nonnullable.")

    def _identity_sequence(self, place: Place, object_id: int, kind: SqlType, column: d.ColumnDefinition) -> str:
        assert column.identity is not None
        seed, step = column.identity
        low, high = _SEQUENCE_RANGES.get(kind.name, (-(2**63), 2**63 - 1))
        schema = "pg_temp" if place.session else place.physical_schema
        name = f"{quote(schema)}.{quote(f'identity_{object_id}')}"
        temporary = "TEMP " if place.session else ""
        short = quote(f"identity_{object_id}") if place.session else name
        self._link.script(f"CREATE {temporary}SEQUENCE {short} AS bigint INCREMENT {step} MINVALUE {low} MAXVALUE {high} START {seed}")
        return name

    def _add_default(self, place: Place, object_id: int, number: int, column: d.ColumnDefinition, kind: SqlType) -> str:
        default = column.default
        assert default is not None
        context = self._context()
        found = value(context, parse_expression(default.tokens, default.text))
        if context.binds:
            raise not_supported(f"the default {default.text}")
        name = default.name or f"DF__{place.name[:9]}__{column.name[:5]}__{object_id & 0xFFFFFFFF:08X}"
        self._refuse_taken(place, name)
        text = default.text if default.text.startswith("(") else f"({default.text})"
        self._add_object(place, name, name, "D", parent=object_id, column=number, definition=text, system=default.name is None)
        target = Column(number, column.name, column.name, kind, True, column.collation)
        table = Table(object_id, place.database, place.schema, place.name, "U", "", "", ())
        return stored(found, target, table)

    # Constraints and indexes

    def _add_constraint(self, place: Place, table: Table, constraint: d.Constraint) -> None:
        if isinstance(constraint, d.KeyDefinition):
            self._add_key(place, table, constraint)
        elif isinstance(constraint, d.ForeignKeyDefinition):
            self._add_foreign_key(place, table, constraint)
        elif isinstance(constraint, d.CheckDefinition):
            self._add_check(place, table, constraint)
        else:
            self._add_default_constraint(place, table, constraint)
        self._catalog.changed()

    def _constraint_name(self, place: Place, table: Table, prefix: str, given: str | None) -> tuple[str, bool]:
        if given is None:
            digest = hashlib.md5(f"{table.object_id}{prefix}{self._catalog.version}".encode(), usedforsecurity=False).hexdigest()[:16].upper()
            return f"{prefix}__{table.name[:9]}__{digest}", True
        self._refuse_taken(place, given)
        return given, False

    def _add_key(self, place: Place, table: Table, key: d.KeyDefinition) -> None:
        name, system = self._constraint_name(place, table, "PK" if key.primary else "UQ", key.name)
        if key.primary and self._link.run("SELECT FROM sandbox.indexes WHERE object_id = $1::int AND is_primary_key", (str(table.object_id),)).row_count:
            raise SqlServerError(1779, f"Table '{table.name}' already has a primary key defined on it.")
        if key.primary:
            for item in key.columns:
                if _column(table, item.name).nullable:
                    raise SqlServerError(8111, f"Cannot define PRIMARY KEY constraint on nullable column in table '{table.name}'.")
        constraint_id = self._add_object(place, name, f"key_{name}", "PK" if key.primary else "UQ", parent=table.object_id, system=system)
        clustered = key.clustered if key.clustered is not None else key.primary and not self._has_clustered(table)
        index = d.IndexDefinition(name, (), key.columns, unique=True, clustered=clustered)
        self._create_index(table, index, constraint_id=constraint_id, primary=key.primary)

    def _has_clustered(self, table: Table) -> bool:
        return self._link.run("SELECT FROM sandbox.indexes WHERE object_id = $1::int AND index_id = 1", (str(table.object_id),)).row_count > 0

    def _create_index_statement(self, definition: d.IndexDefinition) -> None:
        table = self._find(definition.table, 1088)
        if table.kind == "V":
            raise not_supported("an index on a view")
        self._create_index(table, definition)

    def _create_index(self, table: Table, index: d.IndexDefinition, *, constraint_id: int | None = None, primary: bool = False) -> None:
        if self._link.run("SELECT FROM sandbox.indexes WHERE object_id = $1::int AND name = $2::citext", (str(table.object_id), index.name)).row_count:
            raise SqlServerError(1913, f"The operation failed because an index or statistics with name '{index.name}' already exists on table '{table.schema}.{table.name}'.")
        if index.clustered and self._has_clustered(table):
            raise SqlServerError(1902, f"Cannot create more than one clustered index on table '{table.name}'. Drop the existing clustered index before creating another.", state=3)
        number = 1 if index.clustered else self._link.run("SELECT greatest(coalesce(max(index_id), 1), 1) + 1 FROM sandbox.indexes WHERE object_id = $1::int", (str(table.object_id),)).rows[0][0]
        physical = f"ix_{table.object_id}_{number}"
        filter_sql = self._index_filter(table, index)
        self._link.run(
            "INSERT INTO sandbox.indexes (object_id, index_id, name, physical, is_unique, is_primary_key, is_unique_constraint, filter, constraint_object_id) "
            "VALUES ($1::int, $2::int, $3::citext, $4::text, $5::bool, $6::bool, $7::bool, $8::citext, $9::int)",
            (str(table.object_id), str(number), index.name, physical, _flag(index.unique), _flag(primary), _flag(constraint_id is not None and not primary), f"({index.filter_text})" if index.filter else None, None if constraint_id is None else str(constraint_id)),
        )
        parts = []
        for ordinal, item in enumerate(index.columns, 1):
            column = _column(table, item.name)
            self._check_key_column(table, index, column)
            nulls = "" if not column.nullable else " NULLS LAST" if item.descending else " NULLS FIRST"
            parts.append(f"{quote(column.physical)}{' DESC' if item.descending else ''}{nulls}")
            self._add_index_column(table, number, ordinal, column, ordinal, item.descending, included=False)
        for ordinal, name in enumerate(index.included, len(index.columns) + 1):
            self._add_index_column(table, number, ordinal, _column(table, name), 0, False, included=True)
        unique = "UNIQUE " if index.unique else ""
        nulls = " NULLS NOT DISTINCT" if index.unique else ""
        where = f" WHERE {filter_sql}" if filter_sql else ""
        self._link.script(f"CREATE {unique}INDEX {quote(physical)} ON {table.qualified} ({', '.join(parts)}){nulls}{where}")
        self._catalog.changed()

    @staticmethod
    def _check_key_column(table: Table, index: d.IndexDefinition, column: Column) -> None:
        kind = column.type
        if (kind.name in {"nvarchar", "varchar", "varbinary"} and kind.length is None) or kind.name in {"xml", "text", "ntext", "image"}:
            raise SqlServerError(1919, f"Column '{column.name}' in table '{table.name}' is of a type that is invalid for use as a key column in an index.")

    def _index_filter(self, table: Table, index: d.IndexDefinition) -> str:
        if index.filter is None:
            return ""
        context = self._context()
        context.scope.sources = [table_source(table, None, "")]
        return predicate(context, parse_expression(index.filter, index.filter_text))

    def _add_index_column(self, table: Table, index: int, position: int, column: Column, key: int, descending: bool, *, included: bool) -> None:
        self._link.run(
            "INSERT INTO sandbox.index_columns VALUES ($1::int, $2::int, $3::int, $4::int, $5::int, $6::bool, $7::bool)",
            (str(table.object_id), str(index), str(position), str(column.id), str(key), _flag(descending), _flag(included)),
        )

    def _add_foreign_key(self, place: Place, table: Table, key: d.ForeignKeyDefinition) -> None:
        name, system = self._constraint_name(place, table, "FK", key.name)
        referenced = self._context().try_table(key.referenced)
        if referenced is None or referenced.kind != "U":
            raise SqlServerError(1767, f"Foreign key '{name}' references invalid table '{'.'.join(key.referenced)}'.")
        names = key.referenced_columns or self._primary_columns(referenced)
        own = [_key_column(table, item, name, 1769) for item in key.columns]
        others = [_key_column(referenced, item, name, 1770) for item in names]
        if len(own) != len(others):
            raise SqlServerError(8139, "Number of referencing columns in foreign key differs from number of referenced columns.")
        for mine, theirs in zip(own, others, strict=True):
            if mine.type != theirs.type:
                raise SqlServerError(1778, f"Column '{referenced.schema}.{referenced.name}.{theirs.name}' is not the same data type as referencing column '{table.name}.{mine.name}' in foreign key '{name}'.")
        index = self._key_index(referenced, others, name)
        object_id = self._add_object(place, name, f"fk_{table.object_id}_{len(name)}", "F", parent=table.object_id, system=system)
        physical = f"fk_{object_id}"
        self._link.run("UPDATE sandbox.objects SET physical = $1::text WHERE object_id = $2::int", (physical, str(object_id)))
        self._link.run(
            "INSERT INTO sandbox.foreign_keys VALUES ($1::int, $2::int, $3::int, $4::int, $5::int, $6::int)",
            (str(object_id), str(table.object_id), str(referenced.object_id), str(index), str(_ACTIONS[key.on_delete]), str(_ACTIONS[key.on_update])),
        )
        for ordinal, (mine, theirs) in enumerate(zip(own, others, strict=True), 1):
            self._link.run("INSERT INTO sandbox.foreign_key_columns VALUES ($1::int, $2::int, $3::int, $4::int)", (str(object_id), str(ordinal), str(mine.id), str(theirs.id)))
        columns = ", ".join(quote(column.physical) for column in own)
        targets = ", ".join(quote(column.physical) for column in others)
        self._link.script(
            f"ALTER TABLE {table.qualified} ADD CONSTRAINT {quote(physical)} FOREIGN KEY ({columns}) REFERENCES {referenced.qualified} ({targets}) "
            f"ON DELETE {key.on_delete} ON UPDATE {key.on_update}"
        )

    def _primary_columns(self, table: Table) -> list[str]:
        rows = self._link.run(
            "SELECT c.name::text FROM sandbox.indexes i JOIN sandbox.index_columns k USING (object_id, index_id) JOIN sandbox.columns c USING (object_id, column_id) "
            "WHERE i.object_id = $1::int AND i.is_primary_key ORDER BY k.key_ordinal",
            (str(table.object_id),),
        ).rows
        if not rows:
            raise SqlServerError(1773, f"Foreign key has implicit reference to object '{table.name}' which does not have a primary key defined on it.")
        return [row[0] for row in rows]

    def _key_index(self, table: Table, columns: Sequence[Column], name: str) -> int:
        rows = self._link.run(
            "SELECT i.index_id, array_agg(k.column_id ORDER BY k.column_id) FROM sandbox.indexes i JOIN sandbox.index_columns k USING (object_id, index_id) "
            "WHERE i.object_id = $1::int AND i.is_unique AND i.filter IS NULL AND NOT k.is_included GROUP BY i.index_id ORDER BY i.index_id",
            (str(table.object_id),),
        ).rows
        wanted = sorted(column.id for column in columns)
        for index, have in rows:
            if list(have) == wanted:
                return int(index)
        raise SqlServerError(1776, f"There are no primary or candidate keys in the referenced table '{table.schema}.{table.name}' that match the referencing column list in the foreign key '{name}'.")

    def _add_check(self, place: Place, table: Table, check: d.CheckDefinition) -> None:
        name, system = self._constraint_name(place, table, "CK", check.name)
        context = self._context()
        context.scope.sources = [table_source(table, None, "")]
        condition = predicate(context, parse_expression(check.tokens, check.text))
        if context.binds:
            raise not_supported(f"the check {check.text}")
        object_id = self._add_object(place, name, "", "C", parent=table.object_id, definition=check.text, system=system)
        physical = f"ck_{object_id}"
        self._link.run("UPDATE sandbox.objects SET physical = $1::text WHERE object_id = $2::int", (physical, str(object_id)))
        self._link.script(f"ALTER TABLE {table.qualified} ADD CONSTRAINT {quote(physical)} CHECK ({condition})")

    def _add_default_constraint(self, place: Place, table: Table, default: d.DefaultDefinition) -> None:
        assert default.column is not None
        column = _column(table, default.column)
        if column.has_default:
            raise SqlServerError(1781, "Column already has a DEFAULT bound to it.")
        definition = d.ColumnDefinition(column.name, column.type, collation=column.collation, default=default)
        text = self._add_default(place, table.object_id, column.id, definition, column.type)
        self._link.script(f"ALTER TABLE {table.qualified} ALTER COLUMN {quote(column.physical)} SET DEFAULT {text}")

    def _place_of(self, table: Table) -> Place:
        found = self._catalog.schema(table.database, table.schema)
        assert found is not None
        session = self._catalog.session if table.name.startswith("#") else 0
        return Place(table.database, table.schema, found[0], found[2], table.name, session)

    # ALTER TABLE

    def _add_to_table(self, definition: d.AddToTable) -> None:
        table = self._find(definition.table)
        place = self._place_of(table)
        number = max((column.id for column in table.columns), default=0)
        filled = self._link.run(f"SELECT EXISTS (SELECT FROM {table.qualified})").rows[0][0]
        inline: list[d.Constraint] = []
        for column in definition.columns:
            if column.name.lower() in table.by_name:
                raise SqlServerError(2705, f"Column names in each table must be unique. Column name '{column.name}' in table '{place.name}' is specified more than once.", ends_batch=True)
            number += 1
            column.nullable = True if column.nullable is None else column.nullable
            self._add_column(place, table.object_id, table.qualified, number, column, filled=bool(filled))
            inline += column.constraints
        self._catalog.changed()
        table = self._find(definition.table)
        for constraint in [*inline, *definition.constraints]:
            self._add_constraint(place, table, constraint)

    def _alter_column(self, definition: d.AlterColumn) -> None:
        table = self._find(definition.table)
        column = table.by_name.get(definition.column.lower())
        if column is None:
            raise SqlServerError(4924, f"ALTER TABLE ALTER COLUMN failed because column '{definition.column}' does not exist in table '{table.name}'.")
        if column.computed or column.identity or column.type.name == "rowversion":
            raise not_supported("ALTER COLUMN of an identity, computed or rowversion column")
        shape = d.ColumnDefinition(column.name, definition.type, collation=definition.collation)
        self._check_column_type(shape)
        target = Column(column.id, column.name, column.physical, definition.type, True, shape.collation)
        held = column_expression(column, "")
        using = stored(held, target, table)
        nullable = definition.nullable if definition.nullable is not None else True
        name = quote(column.physical)
        if column.has_default:
            raise SqlServerError(5074, f"The object is dependent on column '{column.name}': ALTER TABLE ALTER COLUMN failed because a DEFAULT accesses this column.")
        self._link.script(f"ALTER TABLE {table.qualified} ALTER COLUMN {name} TYPE {column_storage(definition.type, shape.collation)} USING {using}")
        self._link.script(f"ALTER TABLE {table.qualified} ALTER COLUMN {name} {'DROP' if nullable else 'SET'} NOT NULL")
        kind = definition.type
        self._link.run(
            "UPDATE sandbox.columns SET type_name = $1::text, length = $2::int, precision = $3::int, scale = $4::int, nullable = $5::bool, collation_name = $6::text "
            "WHERE object_id = $7::int AND column_id = $8::int",
            (kind.name, _number(kind.length), _number(kind.precision), _number(kind.scale), _flag(nullable), shape.collation, str(table.object_id), str(column.id)),
        )

    def _drop_from_table(self, definition: d.DropFromTable) -> None:
        table = self._find(definition.table)
        for name in definition.constraints:
            self._drop_constraint(table, name, definition.if_exists)
        for name in definition.columns:
            self._drop_column(table, name, definition.if_exists)

    def _drop_constraint(self, table: Table, name: str, if_exists: bool) -> None:
        rows = self._link.run(
            "SELECT object_id, type::text, physical, parent_column_id FROM sandbox.objects WHERE parent_object_id = $1::int AND name = $2::citext", (str(table.object_id), name)
        ).rows
        if not rows:
            if if_exists:
                return
            raise SqlServerError(3728, f"'{name}' is not a constraint.")
        object_id, kind, physical, column_id = rows[0]
        kind = kind.strip()
        if kind in {"PK", "UQ"}:
            self._drop_key(table, object_id, name)
        elif kind == "D":
            column = next(column for column in table.columns if column.id == column_id)
            self._link.script(f"ALTER TABLE {table.qualified} ALTER COLUMN {quote(column.physical)} DROP DEFAULT")
        else:
            self._link.script(f"ALTER TABLE {table.qualified} DROP CONSTRAINT {quote(physical)}")
        self._link.run("DELETE FROM sandbox.objects WHERE object_id = $1::int", (str(object_id),))

    def _drop_key(self, table: Table, constraint_id: int, name: str) -> None:
        used = self._link.run(
            "SELECT FROM sandbox.foreign_keys f JOIN sandbox.indexes i ON i.object_id = f.referenced_object_id AND i.index_id = f.key_index_id WHERE i.constraint_object_id = $1::int",
            (str(constraint_id),),
        )
        if used.row_count:
            raise SqlServerError(3725, f"The constraint '{name}' is being referenced by table '{table.name}', foreign key constraint.")
        row = self._link.run("DELETE FROM sandbox.indexes WHERE constraint_object_id = $1::int RETURNING physical", (str(constraint_id),)).rows[0]
        schema = "pg_temp" if table.name.startswith("#") else table.physical_schema
        self._link.script(f"DROP INDEX {quote(schema)}.{quote(row[0])}")

    def _drop_column(self, table: Table, name: str, if_exists: bool) -> None:
        column = table.by_name.get(name.lower())
        if column is None:
            if if_exists:
                return
            raise SqlServerError(4924, f"ALTER TABLE DROP COLUMN failed because column '{name}' does not exist in table '{table.name}'.")
        rows = self._link.run(
            "SELECT o.name::text FROM sandbox.objects o WHERE o.parent_object_id = $1::int AND o.parent_column_id = $2::int UNION "
            "SELECT i.name::text FROM sandbox.indexes i JOIN sandbox.index_columns k USING (object_id, index_id) WHERE i.object_id = $1::int AND k.column_id = $2::int UNION "
            "SELECT o.name::text FROM sandbox.foreign_key_columns k JOIN sandbox.objects o USING (object_id) WHERE o.parent_object_id = $1::int AND k.parent_column_id = $2::int",
            (str(table.object_id), str(column.id)),
        ).rows
        if rows:
            raise SqlServerError(5074, f"The object '{rows[0][0]}' is dependent on column '{column.name}'.")
        self._link.script(f"ALTER TABLE {table.qualified} DROP COLUMN {quote(column.physical)}")
        self._link.run("DELETE FROM sandbox.columns WHERE object_id = $1::int AND column_id = $2::int", (str(table.object_id), str(column.id)))

    # DROP, rename, transfer

    def _drop_objects(self, definition: d.DropObjects) -> None:
        for name in definition.names:
            table = self._context().try_table(name)
            wanted = "U" if definition.kind == "TABLE" else "V"
            if table is None or table.kind != wanted:
                if definition.if_exists and (table is None or table.kind == "S"):
                    continue
                if table is not None and table.kind in {"U", "V"}:
                    verb = "DROP TABLE" if wanted == "U" else "DROP VIEW"
                    raise SqlServerError(3705, f"Cannot use {verb} with '{'.'.join(name)}' because it is of another kind.")
                raise SqlServerError(3701, f"Cannot drop the {definition.kind.lower()} '{'.'.join(name)}', because it does not exist or you do not have permission.", severity=11, state=5)
            self._drop_table(table, definition.kind)

    def _drop_table(self, table: Table, kind: str) -> None:
        used = self._link.run("SELECT FROM sandbox.foreign_keys WHERE referenced_object_id = $1::int AND parent_object_id <> $1::int", (str(table.object_id),))
        if used.row_count:
            raise SqlServerError(3726, f"Could not drop object '{table.name}' because it is referenced by a FOREIGN KEY constraint.")
        if kind == "TABLE":
            self._link.script(f"DROP TABLE {table.qualified}")
        if table.identity is not None:
            self._link.script(f"DROP SEQUENCE {table.identity.sequence}")
        self._link.run("DELETE FROM sandbox.objects WHERE object_id = $1::int OR parent_object_id = $1::int", (str(table.object_id),))
        self._catalog.changed()

    def _drop_index(self, definition: d.DropIndex) -> None:
        table = self._context().try_table(definition.table)
        rows = [] if table is None else self._link.run(
            "SELECT physical, constraint_object_id FROM sandbox.indexes WHERE object_id = $1::int AND name = $2::citext", (str(table.object_id), definition.name)
        ).rows
        if not rows or table is None:
            if definition.if_exists:
                return
            raise SqlServerError(3701, f"Cannot drop the index '{'.'.join(definition.table)}.{definition.name}', because it does not exist or you do not have permission.", severity=11, state=7)
        if rows[0][1] is not None:
            raise SqlServerError(3723, f"An explicit DROP INDEX is not allowed on index '{table.name}.{definition.name}'. It is being used for constraint enforcement.")
        self._link.script(f"DROP INDEX {quote('pg_temp' if table.name.startswith('#') else table.physical_schema)}.{quote(rows[0][0])}")
        self._link.run("DELETE FROM sandbox.indexes WHERE object_id = $1::int AND name = $2::citext", (str(table.object_id), definition.name))

    def _truncate(self, definition: d.Truncate) -> None:
        table = self._find(definition.table, 4701)
        if self._link.run("SELECT FROM sandbox.foreign_keys WHERE referenced_object_id = $1::int", (str(table.object_id),)).row_count:
            raise SqlServerError(4712, f"Cannot truncate table '{table.name}' because it is being referenced by a FOREIGN KEY constraint.")
        self._link.script(f"TRUNCATE {table.qualified}")
        if table.identity is not None:
            self._link.run(f"SELECT setval('{table.identity.sequence}', (SELECT seed FROM sandbox.columns WHERE object_id = $1::int AND is_identity)::bigint, false)", (str(table.object_id),))

    def _rename(self, definition: d.Rename) -> None:
        parts = self._link.run("SELECT sandbox.name_parts($1::text)", (definition.object,)).rows[0][0]
        if definition.kind == "COLUMN":
            self._rename_column(parts, definition.new_name)
            return
        if definition.kind == "INDEX":
            self._rename_index(parts, definition.new_name)
            return
        table = self._context().try_table(parts)
        if table is None or table.kind == "S":
            self._rename_constraint(parts, definition)
            return
        place = self._place_of(table)
        self._refuse_taken_by_rename(place, definition.new_name)
        renamed = Place(place.database, place.schema, place.schema_id, place.physical_schema, definition.new_name, place.session)
        if table.kind == "U":
            self._link.script(f"ALTER TABLE {table.qualified} RENAME TO {quote(renamed.physical)}")
        self._link.run("UPDATE sandbox.objects SET name = $1::citext, physical = $2::text, modify_date = now() WHERE object_id = $3::int", (definition.new_name, renamed.physical, str(table.object_id)))

    def _refuse_taken_by_rename(self, place: Place, name: str) -> None:
        try:
            self._refuse_taken(place, name)
        except SqlServerError:
            raise SqlServerError(15335, f"Error: The new name '{name}' is already in use as a OBJECT name and would cause a duplicate that is not permitted.", severity=11) from None

    def _rename_constraint(self, parts: Sequence[str], definition: d.Rename) -> None:
        rows = self._link.run("SELECT o.object_id, o.type::text, o.parent_object_id FROM sandbox.objects o WHERE o.object_id = sandbox.find_object($1::text, $2::text, $3::int)", (definition.object, self._database(), str(self._catalog.session))).rows
        if not rows:
            raise SqlServerError(15225, f"No item by the name of '{definition.object}' could be found in the current database '{self._database()}', given that @itemtype was input as '(null)'.", severity=11)
        object_id, kind, _ = rows[0]
        self._link.run("UPDATE sandbox.objects SET name = $1::citext WHERE object_id = $2::int", (definition.new_name, str(object_id)))
        if kind.strip() in {"PK", "UQ"}:
            self._link.run("UPDATE sandbox.indexes SET name = $1::citext WHERE constraint_object_id = $2::int", (definition.new_name, str(object_id)))
        assert parts

    def _rename_column(self, parts: Sequence[str], new_name: str) -> None:
        table = self._context().try_table(parts[:-1]) if len(parts) > 1 else None
        column = table.by_name.get(parts[-1].lower()) if table is not None else None
        if table is None or column is None or table.kind != "U":
            raise SqlServerError(15248, "Either the parameter @objname is ambiguous or the claimed @objtype (COLUMN) is wrong.", severity=11)
        if new_name.lower() in table.by_name and new_name.lower() != column.name.lower():
            raise SqlServerError(15335, f"Error: The new name '{new_name}' is already in use as a COLUMN name and would cause a duplicate that is not permitted.", severity=11)
        physical = new_name if len(new_name.encode()) <= _KEY_LIMIT else f"c_{table.object_id}_{column.id}r"
        if physical != column.physical:
            self._link.script(f"ALTER TABLE {table.qualified} RENAME COLUMN {quote(column.physical)} TO {quote(physical)}")
        self._link.run("UPDATE sandbox.columns SET name = $1::citext, physical = $2::text WHERE object_id = $3::int AND column_id = $4::int", (new_name, physical, str(table.object_id), str(column.id)))

    def _rename_index(self, parts: Sequence[str], new_name: str) -> None:
        table = self._context().try_table(parts[:-1]) if len(parts) > 1 else None
        done = 0 if table is None else self._link.run(
            "UPDATE sandbox.indexes SET name = $1::citext WHERE object_id = $2::int AND name = $3::citext", (new_name, str(table.object_id), parts[-1])
        ).row_count
        if not done:
            raise SqlServerError(15248, "Either the parameter @objname is ambiguous or the claimed @objtype (INDEX) is wrong.", severity=11)

    def _transfer(self, definition: d.TransferObject) -> None:
        table = self._find(definition.object, 15151)
        target = self._catalog.schema(table.database, definition.schema)
        if target is None:
            raise SqlServerError(15151, f"Cannot alter the schema '{definition.schema}', because it does not exist or you do not have permission.", ends_batch=True)
        moved = Place(table.database, target[1], target[0], target[2], table.name, 0)
        self._refuse_taken(moved, table.name)
        if table.kind == "U":
            self._link.script(f"ALTER TABLE {table.qualified} SET SCHEMA {quote(moved.physical_schema)}")
        if table.identity is not None and table.identity.sequence is not None:
            name = f"identity_{table.object_id}"
            self._link.script(f"ALTER SEQUENCE {table.identity.sequence} SET SCHEMA {quote(moved.physical_schema)}")
            self._link.run("UPDATE sandbox.columns SET sequence = $1::text WHERE object_id = $2::int AND is_identity", (f"{quote(moved.physical_schema)}.{quote(name)}", str(table.object_id)))
        self._link.run("UPDATE sandbox.objects SET schema_id = $1::int WHERE object_id = $2::int OR parent_object_id = $2::int", (str(moved.schema_id), str(table.object_id)))

    # Views, schemas, databases

    def _create_view(self, definition: d.CreateView) -> None:
        existing = self._context().try_table(definition.name)
        if existing is not None and definition.replace and existing.kind == "V":
            self._drop_table(existing, "VIEW")
        elif definition.alter:
            raise SqlServerError(208, f"Invalid object name '{'.'.join(definition.name)}'.", ends_batch=True)
        place = self.place(definition.name)
        # Only the text is kept: like SQL Server, a view means what its text means when it is used.
        context = self._context()
        query = compile_query(context, parse_statement(definition.query, definition.text))
        if context.binds:
            raise not_supported("a view that depends on the session")
        names = definition.columns or [column.name for column in query.columns]
        for position, name in enumerate(names, 1):
            if not name:
                raise SqlServerError(4511, f"Create View or Function failed because no column name was specified for column {position}.", ends_batch=True)
        object_id = self._add_object(place, place.name, place.physical, "V", definition=definition.text)
        for number, (name, column) in enumerate(zip(names, query.columns, strict=True), 1):
            shape = d.ColumnDefinition(name, column.type, collation=column.collation)
            row = _column_row(object_id, number, shape, f"c{number}", column.type, column.nullable, None)
            self._link.run(
                "INSERT INTO sandbox.columns (object_id, column_id, name, physical, type_name, length, precision, scale, nullable, collation_name, is_identity, seed, "
                "increment, sequence, computed) VALUES ($1::int, $2::int, $3::citext, $4::text, $5::text, $6::int, $7::int, $8::int, $9::bool, $10::text, $11::bool, "
                "$12::numeric, $13::numeric, $14::text, $15::citext)",
                row,
            )

    def _create_schema(self, definition: d.CreateSchema) -> None:
        if self._catalog.schema(self._database(), definition.name) is not None or definition.name.lower() in {"sys", "information_schema"}:
            raise SqlServerError(2714, f"There is already an object named '{definition.name}' in the database.", state=6)
        self._link.run("SELECT sandbox.add_schema($1::text, $2::text)", (self._database(), definition.name))

    def _drop_schema(self, definition: d.DropSchema) -> None:
        found = self._catalog.schema(self._database(), definition.name)
        if found is None:
            if definition.if_exists:
                return
            raise SqlServerError(15151, f"Cannot drop the schema '{definition.name}', because it does not exist or you do not have permission.", ends_batch=True)
        rows = self._link.run("SELECT name::text FROM sandbox.objects WHERE schema_id = $1::int LIMIT 1", (str(found[0]),)).rows
        if rows:
            raise SqlServerError(3729, f"Cannot drop schema '{definition.name}' because it is being referenced by object '{rows[0][0]}'.")
        self._link.script(f"DROP SCHEMA {quote(found[2])}")
        self._link.run("DELETE FROM sandbox.schemas WHERE schema_id = $1::int", (str(found[0]),))

    def _create_database(self, definition: d.CreateDatabase) -> None:
        if self._catalog.database(definition.name) is not None:
            raise SqlServerError(1801, f"Database '{definition.name}' already exists. Choose a different database name.", state=3)
        self._link.run("SELECT sandbox.add_database($1::text)", (definition.name,))

    def _drop_database(self, definition: d.DropDatabase) -> None:
        for name in definition.names:
            if name.lower() in {"master", "tempdb"}:
                raise SqlServerError(3708, f"Cannot drop the database '{name}' because it is a system database.")
            if self._catalog.database(name) is None:
                if definition.if_exists:
                    continue
                raise SqlServerError(3701, f"Cannot drop the database '{name}', because it does not exist or you do not have permission.", severity=11)
            if name.lower() == self._database().lower():
                raise SqlServerError(3702, f'Cannot drop database "{name}" because it is currently in use.')
            self._link.run("SELECT sandbox.drop_database($1::text)", (name,))


def _flag(value_: bool) -> str:
    return "t" if value_ else "f"


def _number(value_: int | None) -> str | None:
    return None if value_ is None else str(value_)


def _column_row(object_id: int, number: int, column: d.ColumnDefinition, physical: str, kind: SqlType, nullable: bool, sequence: str | None) -> list[Parameter]:
    seed, step = column.identity or (None, None)
    return [
        *(str(object_id), str(number), column.name, physical, kind.name, _number(kind.length), _number(kind.precision), _number(kind.scale)),
        *(_flag(nullable), column.collation, _flag(column.identity is not None), None if seed is None else str(seed), None if step is None else str(step)),
        *(sequence, column.computed_text or None),
    ]


def _column(table: Table, name: str) -> Column:
    column = table.by_name.get(name.lower())
    if column is None:
        raise SqlServerError(1911, f"Column name '{name}' does not exist in the target table or view.")
    return column


def _key_column(table: Table, name: str, key: str, number: int) -> Column:
    column = table.by_name.get(name.lower())
    if column is None:
        role = "references invalid column" if number == 1769 else "references invalid column"
        raise SqlServerError(number, f"Foreign key '{key}' {role} '{name}' in {'referencing' if number == 1769 else 'referenced'} table '{table.name}'.")
    return column


def columns_of_query(columns: Sequence[Expression]) -> list[d.ColumnDefinition]:
    """The columns that SELECT … INTO gives its new table. Error 1038 for one without a name."""
    found = []
    for column in columns:
        if not column.name:
            raise SqlServerError(1038, "An object or column name is missing or empty. For SELECT INTO statements, verify each column has a name. For other statements, look for empty alias names.", severity=15, ends_batch=True)
        found.append(d.ColumnDefinition(column.name, column.type, nullable=column.nullable or column.is_null, collation=column.collation))
    return found
