"""QuickBooks to Postgres every night, on a worker that has /opt/books and keeps /var/lib/books.

Two connections of Airflow hold the secrets: `quickbooks` (login: the client ID, password: the client
secret, extra: {"refresh_token": "…", "realm_id": "…"}) and `warehouse` (of the type Postgres).
"""

from datetime import datetime, timedelta, timezone

from airflow.providers.standard.operators.bash import BashOperator
from airflow.sdk import DAG

with DAG(
    "quickbooks_to_postgres",
    schedule="15 3 * * *",
    start_date=datetime(2026, 1, 1, tzinfo=timezone.utc),
    catchup=False,
    max_active_runs=1,
    default_args={"retries": 2, "retry_delay": timedelta(minutes=15)},
):
    BashOperator(
        task_id="load",
        # exec: Airflow's signal reaches singer-run itself.
        bash_command=(
            "exec /opt/books/node_modules/.bin/singer-run"
            " --tap 'tap-quickbooks --config ENV'"
            " --target 'target-postgres-raw --config ENV'"
            " --state /var/lib/books/quickbooks.json"
        ),
        append_env=True,
        env={
            "TAP_QUICKBOOKS_CLIENT_ID": "{{ conn.quickbooks.login }}",
            "TAP_QUICKBOOKS_CLIENT_SECRET": "{{ conn.quickbooks.password }}",
            "TAP_QUICKBOOKS_REFRESH_TOKEN": "{{ conn.quickbooks.extra_dejson.refresh_token }}",
            "TAP_QUICKBOOKS_REALM_ID": "{{ conn.quickbooks.extra_dejson.realm_id }}",
            "TAP_QUICKBOOKS_START_DATE": "2016-01-01",
            "TARGET_POSTGRES_RAW_CONNECTION_STRING": "{{ conn.warehouse.get_uri() }}",
            "TARGET_POSTGRES_RAW_TABLE_PREFIX": "qb_",
            "XDG_STATE_HOME": "/var/lib/books",
        },
        # call_limit is reached: the rest comes another night.
        skip_on_exit_code=8,
    )
