import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { ProtocolError } from '@singer-io-ts/core'
import type pg from 'pg'
import { from as copyFrom } from 'pg-copy-streams'
import { copyChunks, refusedRow, type StagedRow } from './copy.ts'
import { isRefusedValue } from './errors.ts'

/**
 * Runs a COPY statement with these rows; `headFor` gives what each begins with. Throws
 * ProtocolError where Postgres refuses a value.
 */
export async function copyRows(
  client: pg.Client,
  statement: string,
  rows: readonly StagedRow[],
  headFor: (row: StagedRow) => Uint8Array,
  table?: string,
): Promise<void> {
  try {
    await pipeline(
      Readable.from(copyChunks(rows, headFor), { objectMode: true, highWaterMark: 1 }),
      client.query(copyFrom(statement)),
    )
  } catch (thrown) {
    const number = refusedRow((thrown as { where?: string }).where, table)
    const row = number === undefined ? undefined : rows[number - 1]
    if (row === undefined || !isRefusedValue(thrown)) throw thrown
    const { message, code } = thrown as { message: string; code: string }
    const place = row.place === undefined ? '' : ` (${row.place})`
    throw new ProtocolError(
      row.line,
      `Postgres refuses the record of stream '${row.stream}' with id '${row.id}'${place}: ${message} (${code})`,
      { cause: thrown },
    )
  }
}
