-- The rows that were sent, stored once more by the server alone: how much of the time is its own.
SELECT id, name, amount INTO #etl_doctor_again FROM #etl_doctor
