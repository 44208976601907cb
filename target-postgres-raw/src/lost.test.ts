import { beforeEach, expect, test } from 'vitest'
import { ask } from '../../dev/postgres.ts'
import { testDatabase } from '../../dev/vitest-postgres.ts'
import { startProxy } from '../fixtures/proxy.ts'
import { load, record, rowsOf, schema, state } from '../fixtures/trial.ts'

let database: string

beforeEach(async () => {
  database = await testDatabase()
})

const rows = (from: number, to: number) =>
  Array.from({ length: to - from }, (_, n) => record('s', { Id: from + n }))

test.each(['answer', 'message'])(
  'after a COMMIT whose %s was lost the batch is in once, and counted once',
  async (lost) => {
    await load(database, [schema('s')])
    let isLost = false
    let isCopied = false
    let isCommitted = false
    const lose = (cut: () => void) => {
      isLost = true
      cut()
      return 'hold' as const
    }
    const proxy = await startProxy(database, {
      onSent(data, cut) {
        isCopied ||= /copy .* from stdin/i.test(String(data))
        isCommitted ||= isCopied && data.includes('commit\0')
        return lost === 'message' && isCommitted && !isLost ? lose(cut) : 'forward'
      },
      onAnswer(data, cut) {
        const isAnswer = isCommitted && data.includes('COMMIT\0')
        return lost === 'answer' && isAnswer && !isLost ? lose(cut) : 'forward'
      },
    })
    const { code, states, log } = await load(proxy.database, [
      ...[schema('s'), ...rows(0, 100)],
      state({ n: 1 }),
    ])
    await proxy.close()
    expect([code, states, isLost, proxy.connections()]).toEqual([0, ['{"n":1}'], true, 2])
    expect(await rowsOf(database, 'raw.s', 'id')).toHaveLength(100)
    expect(log).toContain('inserted 100, updated 0, unchanged 0')
    expect(
      await ask(database, 'select inserted::int, unchanged::int from raw._singer_loads'),
    ).toEqual([{ inserted: 100, unchanged: 0 }])
  },
)

test('a COMMIT that is still under way when the connection is lost is waited for, and counted once', async () => {
  await load(database, [schema('s')])
  await ask(
    database,
    `create function raw.wait() returns trigger language plpgsql as
       'begin perform pg_catalog.pg_sleep(0.5); return null; end';
     create constraint trigger slow after insert on raw._singer_state
       deferrable initially deferred for each row execute function raw.wait()`,
  )
  let isCopied = false
  let isLost = false
  const proxy = await startProxy(database, {
    onSent(data, cut) {
      isCopied ||= /copy .* from stdin/i.test(String(data))
      if (!isCopied || isLost || !data.includes('commit\0')) return 'forward'
      isLost = true
      // The server has the COMMIT before it can see that nobody is there any more.
      setImmediate(cut)
      return 'forward'
    },
  })
  const { code, states, log } = await load(proxy.database, [
    ...[schema('s'), ...rows(0, 10)],
    state({ n: 1 }),
  ])
  await proxy.close()
  expect([code, states, isLost, proxy.connections()]).toEqual([0, ['{"n":1}'], true, 2])
  expect(log).toContain('inserted 10, updated 0, unchanged 0')
  expect(await ask(database, 'select inserted::int from raw._singer_loads')).toEqual([
    { inserted: 10 },
  ])
})

test('a connection that breaks anywhere inside the load leaves the batch in once', async () => {
  const wide = Array.from({ length: 200 }, (_, n) => record('s', { Id: n, x: 'x'.repeat(2000) }))
  for (let at = 2000; at < 420_000; at += 61_003) {
    const fresh = await testDatabase()
    let sent = 0
    const proxy = await startProxy(fresh, {
      onSent(data, cut, number) {
        sent += data.length
        if (number > 1 || sent < at) return 'forward'
        cut()
        return 'hold'
      },
    })
    const { code, states } = await load(proxy.database, [schema('s'), ...wide, state({ n: 1 })])
    await proxy.close()
    expect([at, code, states]).toEqual([at, 0, ['{"n":1}']])
    expect(await rowsOf(fresh, 'raw.s', 'id')).toHaveLength(200)
  }
})
