"""The environment variables that the program reads."""

SOURCE_VARIABLE = "ETL_SOURCE_URL"
TARGET_VARIABLE = "ETL_TARGET_URL"
SANDBOX_PASSWORD_VARIABLE = "ETL_SANDBOX_PASSWORD"  # noqa: S105 - a variable's name
