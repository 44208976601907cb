import { expect, test } from 'vitest'
import { findMisfits, tableNames } from './table.ts'

test('a table is named after its stream, with a hash where that would not be its own', () => {
  expect(tableNames('qb_', 'invoices')[0]).toBe('qb_invoices')
  expect(tableNames('', 'My-Schéma.Users')[0]).toBe('my_sch_ma_users')
  expect(tableNames('', '"; drop table x;--')[0]).toBe('___drop_table_x___')
  expect(tableNames('Ü"', 'a')[0]).toBe('Ü"a')
  expect(tableNames('', 'a')[1]).toBe('a_ca978112')
  expect(tableNames('', '_singer_state')).not.toContain('_singer_state')
  const long = tableNames('qb_', 'x'.repeat(61))
  expect(long.map((name) => name.length)).toEqual([63, 63])
  expect(long[0]).toMatch(/^qb_x{51}_[0-9a-f]{8}$/)
})

test('streams that differ beyond 63 bytes, or but for case, have different names to fall back to', () => {
  const [a, b] = [`${'x'.repeat(70)}1`, `${'x'.repeat(70)}2`].map((name) => tableNames('', name)[0])
  expect(a).not.toBe(b)
  expect(tableNames('', 'Users')[0]).toBe(tableNames('', 'users')[0])
  expect(tableNames('', 'Users')[1]).not.toBe(tableNames('', 'users')[1])
})

const column = (name: string, type: string, not_null = false, has_default = false) => ({
  name,
  type,
  not_null,
  has_default,
})

test('what keeps an old table from being taken over is named', () => {
  const columns = [column('id', 'text', true), column('payload', 'jsonb')]
  const good = {
    kind: 'r',
    columns,
    unique_id: true,
    loose_id: false,
    unlogged: false,
    inherited: false,
  }
  const withColumn = (more: (typeof columns)[number]) => ({ ...good, columns: [...columns, more] })
  expect(findMisfits(good)).toEqual([])
  expect(findMisfits({ ...good, kind: 'p' })).toEqual([])
  expect(findMisfits(withColumn(column('page_number', 'int8')))).toEqual([])
  expect(findMisfits(withColumn(column('made', 'text', true, true)))).toEqual([])
  expect(findMisfits({ ...good, kind: 'v' })).toEqual(['it is not a table'])
  const odd = [column('id', 'int4'), column('x', 'text', true)]
  expect(findMisfits({ ...good, columns: odd, unique_id: false })).toEqual([
    "column 'id' is int4, not text",
    "it has no column 'payload'",
    "'id' has no unique index of its own",
    "column 'x' must not be null and nothing fills it",
  ])
  expect(findMisfits({ ...good, loose_id: true, unlogged: true, inherited: true })).toEqual([
    'it is unlogged, so that a crash of the server would empty it',
    'other tables inherit from it',
    "the collation of 'id' takes different texts for the same",
  ])
})
