-- The tables of the demo, in the order in which foreign keys allow them to be made. Statements end with a line GO.
-- Keys stand where the data satisfies them: 7,602 flights go to four airports that dbo.airports lacks (BQN, PSE, SJU, STT),
-- and 50,094 were flown by aircraft that dbo.planes lacks, so flights.dest and flights.tailnum refer to nothing.

CREATE TABLE dbo.airlines (
    carrier varchar(2) NOT NULL CONSTRAINT pk_airlines PRIMARY KEY,
    name nvarchar(40) NOT NULL
)
GO

-- Degrees, feet, and hours from UTC. dst: A as in the USA, N none, U unknown.
CREATE TABLE dbo.airports (
    faa varchar(3) NOT NULL CONSTRAINT pk_airports PRIMARY KEY,
    name nvarchar(60) NOT NULL,
    lat float NOT NULL,
    lon float NOT NULL,
    alt smallint NOT NULL,
    tz smallint NOT NULL,
    dst char(1) NOT NULL,
    tzone varchar(40) NULL
)
GO

CREATE TABLE dbo.planes (
    tailnum varchar(6) NOT NULL CONSTRAINT pk_planes PRIMARY KEY,
    year smallint NULL,
    type varchar(30) NOT NULL,
    manufacturer nvarchar(40) NOT NULL,
    model varchar(20) NOT NULL,
    engines tinyint NOT NULL,
    seats smallint NOT NULL,
    speed smallint NULL,
    engine varchar(20) NOT NULL
)
GO

-- Times are local clocks as HHMM (2400 occurs), delays and air_time minutes, distance miles. flight_id numbers the rows as the
-- file has them. time_hour is the scheduled hour of departure in UTC.
CREATE TABLE dbo.flights (
    flight_id bigint NOT NULL CONSTRAINT pk_flights PRIMARY KEY,
    year smallint NOT NULL,
    month tinyint NOT NULL,
    day tinyint NOT NULL,
    dep_time smallint NULL,
    sched_dep_time smallint NOT NULL,
    dep_delay smallint NULL,
    arr_time smallint NULL,
    sched_arr_time smallint NOT NULL,
    arr_delay smallint NULL,
    carrier varchar(2) NOT NULL CONSTRAINT fk_flights_airlines FOREIGN KEY REFERENCES dbo.airlines (carrier),
    flight smallint NOT NULL,
    tailnum varchar(6) NULL,
    origin varchar(3) NOT NULL CONSTRAINT fk_flights_airports FOREIGN KEY REFERENCES dbo.airports (faa),
    dest varchar(3) NOT NULL,
    air_time smallint NULL,
    distance smallint NOT NULL,
    hour tinyint NOT NULL,
    minute tinyint NOT NULL,
    time_hour datetime2(0) NOT NULL
)
GO

-- year to hour are the local clock, which reads 1 o'clock twice on 2013-11-03: only time_hour (UTC) makes a key.
CREATE TABLE dbo.weather (
    origin varchar(3) NOT NULL CONSTRAINT fk_weather_airports FOREIGN KEY REFERENCES dbo.airports (faa),
    year smallint NOT NULL,
    month tinyint NOT NULL,
    day tinyint NOT NULL,
    hour tinyint NOT NULL,
    temp decimal(5,2) NULL,
    dewp decimal(5,2) NULL,
    humid decimal(5,2) NULL,
    wind_dir smallint NULL,
    wind_speed float NULL,
    wind_gust float NULL,
    precip decimal(4,2) NOT NULL,
    pressure decimal(5,1) NULL,
    visib decimal(4,2) NOT NULL,
    time_hour datetime2(0) NOT NULL,
    CONSTRAINT pk_weather PRIMARY KEY (origin, time_hour)
)
GO
