"""QuickBooks to Postgres every night: dagster dev -f dagster_job.py

The settings lie in /etc/books, readable by Dagster's user alone; state and rotated tokens in
/var/lib/books, which must be the same at each run. The schedule wants Dagster's daemon.
"""

import os
import subprocess

import dagster

COMMAND = [
    "/opt/books/node_modules/.bin/singer-run",
    "--tap",
    "tap-quickbooks --config /etc/books/quickbooks.json",
    "--target",
    "target-postgres-raw --config /etc/books/postgres.json",
    "--state",
    "/var/lib/books/quickbooks.json",
]


@dagster.op
def load(context: dagster.OpExecutionContext) -> None:
    environment = {**os.environ, "XDG_STATE_HOME": "/var/lib/books"}
    running = subprocess.Popen(
        COMMAND, env=environment, stderr=subprocess.PIPE, text=True, encoding="utf8"
    )
    try:
        for line in running.stderr:
            context.log.info(line.rstrip())
    except BaseException:
        # The run is cancelled: what is stored so far stays.
        running.terminate()
        raise
    finally:
        code = running.wait()
    if code != 0:
        raise dagster.Failure(f"singer-run ended with {code}; see Runbook in the README")


@dagster.job
def quickbooks_to_postgres() -> None:
    load()


nightly = dagster.ScheduleDefinition(
    job=quickbooks_to_postgres,
    cron_schedule="15 3 * * *",
    # Without this it stands still until somebody starts it.
    default_status=dagster.DefaultScheduleStatus.RUNNING,
)
definitions = dagster.Definitions(jobs=[quickbooks_to_postgres], schedules=[nightly])
