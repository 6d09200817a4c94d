// The process of the local ClickHouse engine, which src/local/clickhouse/clickhouse-engine.ts starts.
import { run } from './build.js';

await run('clickhouse-http');
