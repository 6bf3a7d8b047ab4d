-- One process at a time plans a job: a lock on the job's name, which ends with the session. Negative where it is not to be had.
SET NOCOUNT ON;
DECLARE @result int;
EXEC @result = sp_getapplock
    @Resource = :resource, @LockMode = 'Exclusive', @LockOwner = 'Session', @LockTimeout = :timeout_ms;
SELECT @result AS result
