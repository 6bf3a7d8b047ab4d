-- A table of the connection's own, to try how dates and times arrive in bulk copy.
CREATE TABLE #etl_probe (
    day date NULL,
    hour time(6) NULL,
    moment datetime2(6) NULL,
    instant datetimeoffset(6) NULL
)
