import { once } from 'node:events'
import { createWriteStream } from 'node:fs'
import { join } from 'node:path'
import { copyOut, type Place, TARGET } from './place.ts'

/** A Singer stream of one table as a file, and its rows as plain COPY takes them. */
export type Input = { singer: string; copy: string; rows: number; table: string; schema: string }

/** So many records of 200 bytes, with a STATE after each thousand. */
export async function writeSmallRows(place: Place, rows: number): Promise<string> {
  const path = join(place.folder, 'small.singer')
  const file = createWriteStream(path)
  const write = async (message: object): Promise<void> => {
    if (!file.write(`${JSON.stringify(message)}\n`)) await once(file, 'drain')
  }
  await write({ type: 'SCHEMA', stream: 'small', schema: SMALL, key_properties: ['id'] })
  for (let n = 1; n <= rows; n++) {
    await write({
      type: 'RECORD',
      stream: 'small',
      record: smallRow(n),
      time_extracted: '2026-01-01T00:00:00Z',
    })
    if (n % 1000 === 0) await write({ type: 'STATE', value: { bookmarks: { small: { n } } } })
  }
  file.end()
  await once(file, 'close')
  return path
}

const ROW_BYTES = 200

/** All of it, for there are targets that load only what the schema names. */
const SMALL = {
  type: 'object',
  properties: {
    id: { type: 'integer' },
    number: { type: 'string' },
    amount: { type: 'number' },
    isOpen: { type: 'boolean' },
    customer: {
      type: 'object',
      properties: { id: { type: 'integer' }, name: { type: 'string' } },
    },
    changed: { type: 'string', format: 'date-time' },
    note: { type: 'string' },
  },
}

/** In an order that is not that of the keys. */
function smallRow(n: number): object {
  const id = (n * 7919) % 10_000_019
  const row = {
    id,
    number: `A-${100_000 + n}`,
    amount: ((n * 37) % 100_000) / 100,
    isOpen: n % 3 === 0,
    customer: { id: n % 997, name: `Customer ${n % 997}` },
    changed: new Date(1.7e12 + n * 1000).toISOString(),
    note: '',
  }
  return { ...row, note: 'x'.repeat(Math.max(0, ROW_BYTES - JSON.stringify(row).length)) }
}

/**
 * The rows of a Singer file as plain COPY takes them: the text of each payload as it was sent, for
 * which they are loaded once into a table that keeps it.
 */
export async function renderRows(place: Place, singer: string, table: string): Promise<Input> {
  const config = place.write('json.json', {
    connection_string: place.connectionString,
    payload_type: 'json',
  })
  await place.clear()
  await place.load(`${TARGET} -c ${config} --input ${singer}`)
  const copy = await copyOut(place, `select * from raw.${table}`, `${table}.copy`)
  const { rows } = await place.database.query(`select count(*)::int as rows from raw.${table}`)
  const schema = place.write(
    `${table}.schema`,
    `${JSON.stringify({
      type: 'SCHEMA',
      stream: table,
      schema: { type: 'object' },
      key_properties: [table === 'small' ? 'id' : 'Id'],
    })}\n`,
  )
  return { singer, copy, rows: rows[0].rows, table, schema }
}
