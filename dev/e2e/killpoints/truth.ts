/** What is stored, held against what was sent. */
import pg from 'pg'
import { keyOf, type Row, type Source, type Version } from './source.ts'

/** The rows, and the line of the STATE beside them; -1 without one. */
export type Stored = { rows: Map<string, Row>; state: number }

/** One look at all tables of a schema, as of one moment. */
export async function readStored(
  client: pg.Client,
  schema: string,
  source: Source,
): Promise<Stored> {
  const stored: Stored = { rows: new Map(), state: -1 }
  await client.query('begin isolation level repeatable read')
  try {
    const { rows: found } = await client.query<{ name: string }>(
      'select relname as name from pg_class where relnamespace = to_regnamespace($1)',
      [pg.escapeIdentifier(schema)],
    )
    const tables = new Set(found.map(({ name }) => name))
    for (const stream of source.streams.keys()) {
      if (!tables.has(stream)) continue
      const { rows } = await client.query(
        `select id, payload::text, version::int, deleted_at_utc is not null as "isMarked",
                extracted_at_utc as seen
           from ${pg.escapeIdentifier(schema)}.${pg.escapeIdentifier(stream)}`,
      )
      for (const { id, seen, ...row } of rows)
        stored.rows.set(keyOf(stream, id), { ...row, seen: seen.toISOString() })
    }
    if (tables.has('_singer_state')) {
      const { rows } = await client.query(
        `select value from ${pg.escapeIdentifier(schema)}._singer_state`,
      )
      if (rows[0] !== undefined) stored.state = JSON.parse(rows[0].value).line
    }
    return stored
  } finally {
    await client.query('commit')
  }
}

/**
 * What contradicts that everything up to this line is stored: each column as it was then or later.
 * Not each row as a whole, for a run that goes on sends some rows once more; and where it activates
 * a version once more, rows that came after that the first time are marked until they come again.
 */
export function findLies(source: Source, stored: Stored, printed: number): string[] {
  const lies: string[] = []
  if (stored.state < printed)
    lies.push(`STATE ${printed} was printed, and _singer_state holds ${stored.state}`)
  const since = Math.max(printed, stored.state)
  const activation = source.lines.findIndex(
    (line, at) => at > since && line.includes('ACTIVATE_VERSION'),
  )
  for (const [key, versions] of source.rows) {
    const then = rowAt(versions, since)
    const mayBe = [then, ...versions.filter(({ line }) => line > since).map(({ row }) => row)]
    const row = stored.rows.get(key)
    const isOne = (column: keyof Row) => mayBe.some((one) => one?.[column] === row?.[column])
    const comesAgain = activation !== -1 && versions.some(({ line }) => line > activation)
    const isMarkedAgain = comesAgain && row?.isMarked === true
    if (!COLUMNS.every((column) => (column === 'isMarked' && isMarkedAgain) || isOne(column)))
      lies.push(`STATE ${since} is kept, and ${key} is ${show(row)}; it was ${show(then)}`)
  }
  for (const key of stored.rows.keys())
    if (!source.rows.has(key)) lies.push(`${key} was never sent`)
  return lies
}

const COLUMNS = ['payload', 'version', 'isMarked', 'seen'] as const

/** What contradicts that exactly the first lines are stored, up to some line, and their last STATE. */
export function findTear(source: Source, stored: Stored): string[] {
  const next = [...source.states.keys()].find((line) => line > stored.state) ?? source.lines.length
  let closest: string[] = []
  for (let line = stored.state; line < next; line++) {
    const others = [...source.rows].filter(
      ([key, versions]) => show(stored.rows.get(key)) !== show(rowAt(versions, line)),
    )
    if (others.length === 0) return []
    if (line === stored.state || others.length < closest.length)
      closest = others.map(([key, versions]) => {
        const then = show(rowAt(versions, line))
        return `at line ${line} ${key} was ${then}, and ${show(stored.rows.get(key))} is stored`
      })
  }
  return closest
}

function rowAt(versions: readonly Version[], line: number): Row | undefined {
  return versions.findLast((version) => version.line <= line)?.row
}

function show(row: Row | undefined): string {
  return (
    JSON.stringify(row && COLUMNS.map((column) => row[column]))?.replace(/x{20,}/, 'x…') ?? 'no row'
  )
}
