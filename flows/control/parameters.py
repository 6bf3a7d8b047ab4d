"""What Prefect has stored of a job: the parameters of its deployments and flow runs, for everybody who may open its UI."""

from prefect.runtime import deployment

from etl.errors import JobError
from etl.job import Job
from etl.references import is_redacted, redact


def refuse_passwords(job: Job) -> None:
    """Raise JobError for a password in the parameters of a deployment's run. In a call in Python Prefect is given none."""
    for name, reference in (("source", job.source), ("target", job.target)):
        refuse_password(f"job.{name}", reference, "No row was moved.")


def refuse_password(parameter: str, reference: str, state: str) -> None:
    """The same for one reference to a database; `state` says what has not been done."""
    if deployment.id is not None and is_redacted(redact(reference)):
        raise JobError(
            f"the parameter {parameter} holds a password, which Prefect has stored and shows",
            state=state,
            advice="Change the password, and give block:NAME, or env:NAME of a variable where the flow runs.",
        )
