import { READING_ID } from '../../src/clickhouse/id-tail.ts';

/** The statement of a table or view as versions had it that stored whole reading ids (docs/adr/0125). */
export function withWholeIds(statement: string): string {
  return statement
    .replace(/id_tail String DEFAULT .*,\s*reading_id String ALIAS .*,\n/, 'reading_id String,\n')
    .replace(READING_ID, 'reading_id')
    .replace(
      /(EXISTS readings [^]*block UInt64 .*)\n/,
      '$1,\n    INDEX reading_id_bloom reading_id TYPE bloom_filter GRANULARITY 1\n',
    )
    .replace(' id_tail,', ' reading_id,')
    .replace(/ CODEC\((Delta, )?T64, ZSTD\)/g, '');
}
