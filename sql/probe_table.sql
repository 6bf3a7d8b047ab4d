-- A table of the connection's own, to try how dates and times arrive in bulk copy.
CREATE TABLE #etl_probe (
    day date NULL,
    hour time(7) NULL,
    moment datetime2(7) NULL,
    instant datetimeoffset(7) NULL
)
