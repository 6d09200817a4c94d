#!/bin/bash
# chDB behind ClickHouse's HTTP interface. Creates the database that CLICKHOUSE_DB names, as ClickHouse's own image does.
node /app/bin/clickhouse-http.js --data-dir /var/lib/clickhouse/chdb --host 0.0.0.0 --port 8123 &
server=$!
trap 'kill -TERM "$server"' TERM
statement="CREATE DATABASE IF NOT EXISTS $CLICKHOUSE_DB"
until wget -q -O /dev/null --post-data "$statement" http://127.0.0.1:8123/; do sleep 0.2; done
# The first is interrupted by SIGTERM; the second waits for the end and has its exit code.
wait "$server"
wait "$server"
