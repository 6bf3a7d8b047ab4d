"""The demo's transform: flights with real datetimes instead of HHMM clocks, and what a reader asks first.

The source has a local day and clock for the schedule, delays in minutes, and clocks without a day for what happened. The day
of a departure or arrival follows from schedule + delay; that this gives back the clock of the source is checked for every row.
Delays are differences of local clocks there, also in the nights of 2013-03-10 and 2013-11-03, so no zone enters the sums.
Arrivals are in the destination's local time. Four destinations (BQN, PSE, SJU, STT: 7,602 flights) are not in the data's list
of airports, so their time zone is NULL; their local times need none, since no flight lands before its own departure by the
clocks on the wall (west across five zones to Honolulu takes eleven hours).
"""

from __future__ import annotations

from functools import cache

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

from etl.demo.data import read

CLEAN_SCHEMA = pa.schema(
    [
        pa.field("flight_id", pa.int64(), nullable=False),
        pa.field("carrier", pa.string(), nullable=False),
        pa.field("carrier_name", pa.string(), nullable=False),
        pa.field("flight", pa.int16(), nullable=False),
        pa.field("tailnum", pa.string()),
        pa.field("origin", pa.string(), nullable=False),
        pa.field("dest", pa.string(), nullable=False),
        pa.field("dest_time_zone", pa.string()),
        pa.field("sched_dep", pa.timestamp("us"), nullable=False),
        pa.field("dep", pa.timestamp("us")),
        pa.field("dep_delay_min", pa.int16()),
        pa.field("sched_arr", pa.timestamp("us"), nullable=False),
        pa.field("arr", pa.timestamp("us")),
        pa.field("arr_delay_min", pa.int16()),
        pa.field("air_time_min", pa.int16()),
        pa.field("distance_miles", pa.int16(), nullable=False),
        pa.field("speed_mph", pa.float64()),
        pa.field("cancelled", pa.bool_(), nullable=False),
        pa.field("diverted", pa.bool_(), nullable=False),
    ]
)
"""What `clean_flights` returns. Departures are on New York's clocks, arrivals on those of `dest_time_zone`."""

CLEAN_COLUMN_TYPES = {
    "carrier": "varchar(2)",
    "carrier_name": "nvarchar(40)",
    "tailnum": "varchar(6)",
    "origin": "varchar(3)",
    "dest": "varchar(3)",
    "dest_time_zone": "varchar(40)",
    "sched_dep": "datetime2(0)",
    "dep": "datetime2(0)",
    "sched_arr": "datetime2(0)",
    "arr": "datetime2(0)",
}
"""SQL Server types of the columns for which the widest type of their kind would be a waste."""

Moments = npt.NDArray[np.datetime64]
Minutes = npt.NDArray[np.timedelta64]

_DAY_MINUTES = 24 * 60


def clean_flights(frame: pd.DataFrame) -> pd.DataFrame:
    """Rows of dbo.flights to rows of CLEAN_SCHEMA, one for one, under any frame dtypes.

    A cancelled flight has neither departure nor arrival; a diverted one has a departure and no arrival delay, so the day of its
    arrival, and with it `arr`, is not known. Raises ValueError naming the flights whose clocks contradict schedule + delay.
    """
    sched_dep = _days(frame) + _clock(frame["sched_dep_time"])
    sched_arr = _first_after(sched_dep, _clock(frame["sched_arr_time"]))
    dep = sched_dep + _minutes(frame["dep_delay"])
    arr = sched_arr + _minutes(frame["arr_delay"])
    _check_clock(frame, "dep_time", dep)
    _check_clock(frame, "arr_time", arr)
    cancelled = frame["dep_time"].isna()
    return pd.DataFrame(
        {
            "flight_id": frame["flight_id"],
            "carrier": frame["carrier"],
            "carrier_name": frame["carrier"].map(_carrier_names()),
            "flight": frame["flight"],
            "tailnum": frame["tailnum"],
            "origin": frame["origin"],
            "dest": frame["dest"],
            "dest_time_zone": frame["dest"].map(_time_zones()),
            "sched_dep": sched_dep,
            "dep": dep,
            "dep_delay_min": frame["dep_delay"],
            "sched_arr": sched_arr,
            "arr": arr,
            "arr_delay_min": frame["arr_delay"],
            "air_time_min": frame["air_time"],
            "distance_miles": frame["distance"],
            "speed_mph": _floats(frame["distance"]) / (_floats(frame["air_time"]) / 60),
            "cancelled": cancelled,
            "diverted": ~cancelled & frame["arr_delay"].isna(),
        },
        index=frame.index,
    )


def _days(frame: pd.DataFrame) -> Moments:
    year, month, day = (frame[part].to_numpy(dtype="int64") for part in ("year", "month", "day"))
    months: Moments = ((year - 1970) * 12 + month - 1).astype("datetime64[M]")
    days: Moments = months.astype("datetime64[D]") + (day - 1)
    return days.astype("datetime64[us]")


def _clock(hhmm: pd.Series[int]) -> Minutes:
    """HHMM as minutes since midnight; 2400 is the end of the day."""
    values = hhmm.to_numpy(dtype="int64")
    return (values // 100 * 60 + values % 100).astype("timedelta64[m]")


def _minutes(delays: pd.Series[int]) -> Minutes:
    # By way of float64, in which all three frame dtypes can say that a value is missing.
    values = _floats(delays)
    minutes = np.where(np.isnan(values), 0, values).astype("int64").astype("timedelta64[m]")
    minutes[np.isnan(values)] = np.timedelta64("NaT")
    return minutes


def _floats(column: pd.Series[int]) -> npt.NDArray[np.float64]:
    values: npt.NDArray[np.float64] = np.asarray(column.to_numpy(dtype="float64", na_value=np.nan))
    return values


def _first_after(departure: Moments, clock: Minutes) -> Moments:
    """The first moment after the departure at which a clock shows this time."""
    midnight: Moments = departure.astype("datetime64[D]").astype("datetime64[us]")
    same_day = midnight + clock
    return np.where(same_day > departure, same_day, same_day + np.timedelta64(1, "D"))


def contradictions(frame: pd.DataFrame, clock: str, moments: Moments) -> npt.NDArray[np.bool_]:
    """Where the source's HHMM column `clock` shows another time than `moments`. Rows without a moment contradict nothing."""
    known = ~np.isnat(moments)
    shown = _floats(frame[clock])
    minute_shown = (shown // 100 * 60 + shown % 100) % _DAY_MINUTES
    minute = (moments - moments.astype("datetime64[D]")) / np.timedelta64(1, "m")
    wrong: npt.NDArray[np.bool_] = known & (minute_shown != minute)
    return wrong


def _check_clock(frame: pd.DataFrame, clock: str, moments: Moments) -> None:
    wrong = contradictions(frame, clock, moments)
    if wrong.any():
        flights = ", ".join(map(str, frame["flight_id"][wrong].head(5)))
        raise ValueError(f"{wrong.sum()} flights whose {clock} is not their schedule plus delay: flight_id {flights}")


@cache
def _carrier_names() -> dict[str, str]:
    table = read("airlines")
    return dict(zip(table["carrier"].to_pylist(), table["name"].to_pylist(), strict=True))


@cache
def _time_zones() -> dict[str, str]:
    table = read("airports")
    pairs = zip(table["faa"].to_pylist(), table["tzone"].to_pylist(), strict=True)
    return {airport: zone for airport, zone in pairs if zone is not None}
