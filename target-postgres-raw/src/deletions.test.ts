import { beforeEach, expect, test } from 'vitest'
import { testDatabase } from '../../dev/vitest-postgres.ts'
import { load, record, rowsOf, schema } from '../fixtures/trial.ts'

let database: string

beforeEach(async () => {
  database = await testDatabase()
})

const at = (day: number) => ({ time_extracted: `2024-01-0${day}T00:00:00Z` })

test('_sdc_deleted_at marks the row, which keeps its payload, until a later record comes', async () => {
  const gone = (id: string) =>
    record('s', { Id: id, status: 'Deleted', _sdc_deleted_at: '2024-01-02T00:00:00Z' }, at(3))
  const shown = () => rowsOf(database, 'raw.s', 'id, payload::text as payload, deleted_at_utc as d')
  const deleted = new Date('2024-01-02T00:00:00Z')
  const first = await load(database, [
    schema('s'),
    record('s', { Id: '1', v: 1 }, at(1)),
    gone('1'),
    gone('2'),
  ])
  expect(first.log).toContain('inserted 1, updated 0, unchanged 0, older 0, deleted 2')
  expect(await shown()).toEqual([
    { id: '1', payload: '{"v": 1, "Id": "1"}', d: deleted },
    { id: '2', payload: '{"Id": "2", "status": "Deleted"}', d: deleted },
  ])
  const again = await load(database, [schema('s'), gone('1'), gone('2')])
  expect(again.log).toContain('inserted 0, updated 0, unchanged 2, older 0, deleted 0')
  const stale = await load(database, [schema('s'), record('s', { Id: '1', v: 1 }, at(1))])
  expect(stale.log).toContain('unchanged 1')
  expect((await shown())[0]?.d).toEqual(deleted)
  await load(database, [
    schema('s'),
    record('s', { Id: '1', v: 1 }, at(4)),
    record('s', { Id: '2', v: 2 }, at(4)),
  ])
  expect(await shown()).toEqual([
    { id: '1', payload: '{"v": 1, "Id": "1"}', d: null },
    { id: '2', payload: '{"v": 2, "Id": "2"}', d: null },
  ])
})

test('a stale page does not clear a newer mark', async () => {
  await load(database, [
    schema('s'),
    record('s', { Id: '1', v: 1 }, at(1)),
    record('s', { Id: '1', _sdc_deleted_at: '2024-01-05T00:00:00Z' }, at(6)),
  ])
  await load(database, [schema('s'), record('s', { Id: '1', v: 2 }, at(4))])
  expect(
    await rowsOf(database, 'raw.s', "payload->>'v' as v, deleted_at_utc is null as live"),
  ).toEqual([{ v: '2', live: false }])
})

test('an older deletion mark never replaces a newer one, at any batch size', async () => {
  const mark = (deletedDay: number, day: number) =>
    record('s', { Id: '1', _sdc_deleted_at: at(deletedDay).time_extracted }, at(day))
  const marks = [mark(2, 2), mark(1, 1)]
  for (const sent of [marks, [...marks].reverse(), [mark(2, 1), mark(1, 2)]])
    for (const batch_size_rows of [1, 2, 3, 10_000]) {
      const fresh = await testDatabase()
      const { log } = await load(fresh, [schema('s'), record('s', { Id: '1' }, at(1)), ...sent], {
        settings: { batch_size_rows },
      })
      expect(await rowsOf(fresh, 'raw.s', 'deleted_at_utc as d')).toEqual([
        { d: new Date('2024-01-02T00:00:00Z') },
      ])
      if (sent[0] !== marks[1]) expect(log).toContain('unchanged 0, older 1, deleted 1')
    }
})

test('hard_delete deletes instead of marking', async () => {
  const settings = { hard_delete: true }
  const gone = (id: string) =>
    record('s', { Id: id, _sdc_deleted_at: '2024-01-02T00:00:00Z' }, at(3))
  await load(
    database,
    [schema('s'), record('s', { Id: '1' }, at(1)), record('s', { Id: '2' }, at(5))],
    { settings },
  )
  const { log } = await load(database, [schema('s'), gone('1'), gone('2'), gone('3')], { settings })
  expect(log).toContain('inserted 0, updated 0, unchanged 1, older 1, deleted 1')
  expect(await rowsOf(database, 'raw.s', 'id')).toEqual([{ id: '2' }])
  await load(
    database,
    [
      schema('s'),
      record('s', { Id: '9' }, { version: 2 }),
      { type: 'ACTIVATE_VERSION', stream: 's', version: 2 },
    ],
    { settings },
  )
  expect(await rowsOf(database, 'raw.s', 'id')).toEqual([{ id: '9' }])
})
