"""QuickBooks to Postgres every night, on a worker that has /opt/books and keeps /var/lib/books.

Two connections of Airflow hold the secrets: `quickbooks` (login: the client ID, password: the client
secret, extra: {"refresh_token": "…", "realm_id": "…"}) and `warehouse` (of the type Postgres). They are
read when the task runs, and go into its environment alone: no template is rendered, and shown, with them.
"""

import os
import subprocess
from datetime import datetime, timedelta, timezone

from airflow.sdk import DAG, Connection, task

COMMAND = [
    "/opt/books/node_modules/.bin/singer-run",
    "--tap",
    "tap-quickbooks --config ENV",
    "--target",
    "target-postgres-raw --config ENV",
    "--state",
    "/var/lib/books/quickbooks.json",
]


def settings() -> dict[str, str]:
    quickbooks = Connection.get("quickbooks")
    warehouse = Connection.get("warehouse")
    return {
        "TAP_QUICKBOOKS_CLIENT_ID": quickbooks.login,
        "TAP_QUICKBOOKS_CLIENT_SECRET": quickbooks.password,
        "TAP_QUICKBOOKS_REFRESH_TOKEN": quickbooks.extra_dejson["refresh_token"],
        "TAP_QUICKBOOKS_REALM_ID": quickbooks.extra_dejson["realm_id"],
        "TAP_QUICKBOOKS_START_DATE": "2016-01-01",
        "TARGET_POSTGRES_RAW_HOST": warehouse.host,
        "TARGET_POSTGRES_RAW_PORT": str(warehouse.port or 5432),
        "TARGET_POSTGRES_RAW_USER": warehouse.login,
        "TARGET_POSTGRES_RAW_PASSWORD": warehouse.password,
        "TARGET_POSTGRES_RAW_DATABASE": warehouse.schema,
        "TARGET_POSTGRES_RAW_TABLE_PREFIX": "qb_",
        "XDG_STATE_HOME": "/var/lib/books",
    }


@task(retries=2, retry_delay=timedelta(minutes=15))
def load() -> None:
    running = subprocess.Popen(
        COMMAND,
        env={**os.environ, **settings()},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf8",
    )
    try:
        for line in running.stderr:
            print(line, end="")
    except BaseException:
        # The task is cancelled: what is stored so far stays.
        running.terminate()
        raise
    finally:
        code = running.wait()
    # 8: call_limit is reached, the rest comes another night.
    if code not in (0, 8):
        raise RuntimeError(f"singer-run ended with {code}; see Runbook in the README")


with DAG(
    "quickbooks_to_postgres",
    schedule="15 3 * * *",
    start_date=datetime(2026, 1, 1, tzinfo=timezone.utc),
    catchup=False,
    max_active_runs=1,
    # Without this it waits until somebody unpauses it.
    is_paused_upon_creation=False,
):
    load()
