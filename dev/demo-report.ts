// What lies in the tables afterwards, asked with SQL that a reader can use.

import { alignColumns } from '@singer-io-ts/core'
import pg from 'pg'
import type { Database } from './demo-places.ts'
import { ask } from './postgres.ts'

const TABLES = ['qb_invoices', 'qb_customers', 'qb_items']

type Query = { title: string; sql: string }

/** Queries worth having, over the raw tables of that schema. */
function queries(schema: string): Query[] {
  const amount = (name: string): string =>
    `sum(coalesce(payload->>'Home${name}', payload->>'${name}')::numeric)`
  return [
    {
      title: 'Invoiced per year, in home currency',
      sql: `select extract(year from (payload->>'TxnDate')::date)::int as year,
       count(*) as invoices,
       ${amount('TotalAmt')} as invoiced
from ${schema}.qb_invoices where deleted_at_utc is null
group by 1 order by 1 desc limit 5`,
    },
    {
      title: 'The five customers with the most invoiced',
      sql: `select payload->'CustomerRef'->>'name' as customer,
       count(*) as invoices,
       ${amount('TotalAmt')} as invoiced
from ${schema}.qb_invoices where deleted_at_utc is null
group by 1 order by 3 desc nulls last limit 5`,
    },
    {
      title: 'What is still open, by the year it is due',
      sql: `select extract(year from (payload->>'DueDate')::date)::int as due, count(*) as invoices,
       ${amount('Balance')} as open
from ${schema}.qb_invoices
where deleted_at_utc is null and (payload->>'Balance')::numeric <> 0
group by 1 order by 1 desc limit 5`,
    },
  ]
}

/** Prints the counts of the tables and the answers of a few queries. */
export async function printTables(database: Database): Promise<void> {
  const { connectionString } = database
  const schema = database.schema
  const rows: string[][] = [['table', 'rows', 'deleted', 'last change in QuickBooks']]
  for (const table of TABLES) {
    const [found] = await ask(
      connectionString,
      `select count(*) as rows, count(deleted_at_utc) as deleted,
         to_char(max((payload->'MetaData'->>'LastUpdatedTime')::timestamptz) at time zone 'UTC',
           'YYYY-MM-DD HH24:MI:SS') as latest
       from ${pg.escapeIdentifier(schema)}.${table}`,
    )
    const { rows: count, deleted, latest } = found as Record<string, string | null>
    rows.push([`${schema}.${table}`, cell(count), cell(deleted), latest ? `${latest}Z` : '-'])
  }
  print('', 'In the tables', ...indent(alignColumns(rows)))
  for (const { title, sql } of queries(schema)) {
    const answer = (await ask(connectionString, sql)) as Record<string, unknown>[]
    print('', title, ...indent(`${sql};`.split('\n')).map(dim), '')
    print(...indent(formatRows(answer)))
  }
}

function formatRows(answer: Record<string, unknown>[]): string[] {
  const names = Object.keys(answer[0] ?? {})
  if (names.length === 0) return ['(no rows)']
  return alignColumns([names, ...answer.map((row) => names.map((name) => cell(row[name])))])
}

/** Postgres gives counts and sums as text: exact, but without marks between the thousands. */
export function cell(value: unknown): string {
  if (value === null || value === undefined) return '-'
  const number = typeof value === 'string' ? /^(-?)(\d+)(\.\d+)?$/.exec(value) : null
  if (number === null) return String(value)
  const [, sign = '', whole = '', fraction = ''] = number
  return sign + whole.replace(/\B(?=(\d{3})+$)/g, ',') + fraction
}

export function indent(lines: readonly string[]): string[] {
  return lines.map((line) => `  ${line}`)
}

export function print(...lines: string[]): void {
  for (const line of lines) process.stdout.write(`${line}\n`)
}

function dim(line: string): string {
  const isPlain = !process.stdout.isTTY || process.env.NO_COLOR || process.env.TERM === 'dumb'
  return isPlain ? line : `\u001b[2m${line}\u001b[22m`
}
