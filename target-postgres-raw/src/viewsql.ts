import { name } from './sql.ts'
import { type Column, elements, member, text, time } from './viewcolumns.ts'
import type { View } from './viewlist.ts'

/** A raw table, with what its columns turned out to be. */
export type Source = {
  stream: string
  /** Schema and name, quoted. */
  table: string
  payloadType: 'json' | 'jsonb'
  /** A table that stood before may have these without a zone, in UTC. */
  hasZonedIngestion: boolean
}

/** A view to be made: its columns in order with their types, and its query. */
export type Wish = { name: string; columns: [name: string, type: string][]; query: string }

/** The wish for a view over its raw table. */
export function wishFor(view: View, source: Source): Wish {
  const { keys, lists = [], where } = view
  const levels = [PAYLOAD]
  const from = [rowsOf(source)]
  for (const [depth, list] of lists.entries()) {
    from.push(
      `cross join lateral ${elements(levels[depth] as string, list)} with ordinality as l${depth}(value, position)`,
    )
    levels.push(`l${depth}.value`)
  }
  const object = levels.at(-1) as string
  const selected: [string, string, string][] = keys.map((key, depth) =>
    depth === 0 ? [key, 'text', 'r.id'] : [key, 'integer', `(l${depth - 1}.position - 1)::integer`],
  )
  for (const [column, { type, from: value }] of Object.entries(view.columns))
    selected.push([column, type, value(object)])
  selected.push(...marks(source))
  const condition = where && `where ${member(PAYLOAD, where.path)} = '${where.value}'`
  return wish(view.name, selected, [...from, condition])
}

/** Members that hold an address, by stream. */
const ADDRESSES: { readonly [stream: string]: readonly string[] } = {
  customers: ['BillAddr', 'ShipAddr'],
  vendors: ['BillAddr'],
  invoices: ['BillAddr', 'ShipAddr', 'ShipFromAddr'],
  purchases: ['RemitToAddr'],
}

export const ADDRESS_STREAMS: readonly string[] = Object.keys(ADDRESSES)

const ADDRESS_COLUMNS: { readonly [name: string]: Column } = {
  city: text('City'),
  country: text('Country'),
  country_sub_division_code: text('CountrySubDivisionCode'),
  latitude: text('Lat'),
  line_1: text('Line1'),
  line_2: text('Line2'),
  line_3: text('Line3'),
  line_4: text('Line4'),
  line_5: text('Line5'),
  longitude: text('Long'),
  postal_code: text('PostalCode'),
}

/**
 * The addresses of all these tables by QuickBooks' own Ids, which many records share. Each once: as
 * the record says that was changed last, of those that are not deleted.
 */
export function wishForAddresses(sources: readonly Source[]): Wish {
  const columns = { id: text('Id'), ...ADDRESS_COLUMNS }
  const parts = sources.map((source) => {
    const members = (ADDRESSES[source.stream] ?? []).map(
      (path, rank) => `(${PAYLOAD} -> '${path}', ${rank})`,
    )
    const values = Object.entries(columns).map(
      ([column, { from }]) => `${from('a.value')} as ${column}`,
    )
    const kept = marks(source).map(([column, , sql]) => `${sql} as ${name(column)}`)
    const order = [
      `${time('MetaData.LastUpdatedTime').from(PAYLOAD)} as updated_at`,
      `${ADDRESS_STREAMS.indexOf(source.stream)} as kind`,
      'a.rank',
    ]
    return `select ${[...values, ...kept, ...order].join(',\n       ')}
${rowsOf(source)}
cross join lateral (values ${members.join(', ')}) as a(value, rank)
where a.value ->> 'Id' is not null`
  })
  const selected: [string, string, string][] = Object.entries(columns).map(([column, { type }]) => [
    column,
    type,
    `a.${column}`,
  ])
  for (const [column, type] of marks(sources[0] as Source))
    selected.push([column, type, `a.${name(column)}`])
  const { query, ...rest } = wish('address', selected, [
    `from (\n${parts.join('\nunion all\n')}\n) a`,
    'order by a.id, a._fivetran_deleted, a.updated_at desc nulls last, a.kind, a.rank',
  ])
  return { ...rest, query: query.replace('select ', 'select distinct on (a.id) ') }
}

/** What every row says of itself, under the names of the package, and when it was deleted. */
function marks({ hasZonedIngestion }: Source): [name: string, type: string, sql: string][] {
  return [
    ['_fivetran_deleted', 'boolean', 'r.deleted_at_utc is not null'],
    ['deleted_at', 'timestamp with time zone', 'r.deleted_at_utc'],
    [
      '_fivetran_synced',
      'timestamp with time zone',
      hasZonedIngestion ? 'r.ingested_at_utc' : "r.ingested_at_utc at time zone 'UTC'",
    ],
  ]
}

const PAYLOAD = 'p.payload'

/**
 * The rows of the table. The payload is unpacked once a row (by #> '{}', which gives all of it, and
 * by offset 0, so that it is not put in place of each mention): a column of its own would do it anew.
 */
export function rowsOf({ table, payloadType }: Pick<Source, 'table' | 'payloadType'>): string {
  const from = `from ${table} r`
  if (payloadType === 'jsonb')
    return `${from}\ncross join lateral (select r.payload #> '{}' as payload offset 0) p`
  return `${from}
cross join lateral (select r.payload::text as written offset 0) w
cross join lateral (select case when ${IS_TOO_BIG} then null
  when strpos(w.written, '\\u') > 0 then ${MENDED}::jsonb
  else w.written::jsonb end as payload offset 0) p`
}

// A json may hold what no jsonb can. Escapes that are no text of Postgres stand for U+FFFD, as they
// do in a jsonb; an escaped backslash is written otherwise first, so that it begins nothing that
// looks like one. Where a number has too many digits, or would have, outside of all strings, no
// column has a value.
const HIGH = '\\\\u[dD][89abAB][0-9a-fA-F]{2}'
const LOW = '\\\\u[dD][c-fC-F][0-9a-fA-F]{2}'
const LONE = `${HIGH}(?!${LOW})|(?<!${HIGH})${LOW}|\\\\u0000`
const PLAIN = `replace(w.written, '\\\\', '\\u005c')`
const MENDED = `regexp_replace(${PLAIN}, '${LONE}', '\\\\ufffd', 'g')`
const UNQUOTED = `regexp_replace(w.written, '"(?:[^"\\\\]|\\\\.)*"', '""', 'g')`
const IS_TOO_BIG =
  `(length(w.written) > 100000 or w.written ~ '[0-9][eE][-+]?[0-9]{4}')` +
  ` and ${UNQUOTED} ~ '[eE][-+]?[0-9]{4}|[0-9]{250}'`

function wish(
  view: string,
  selected: readonly [name: string, type: string, sql: string][],
  rest: readonly (string | undefined)[],
): Wish {
  const columns = selected.map(([column, , sql]) => `${sql} as ${name(column)}`).join(',\n       ')
  const lines = [`select ${columns}`, ...rest.filter((line) => line !== undefined)]
  return {
    name: view,
    columns: selected.map(([column, type]) => [column, type]),
    query: lines.join('\n'),
  }
}
