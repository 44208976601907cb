import { readFileSync } from 'node:fs'
import { Writable } from 'node:stream'
import { createLog } from '@singer-io-ts/core'
import { expect, onTestFinished, test } from 'vitest'
import { testDatabase } from '../../dev/vitest-postgres.ts'
import { startProxy } from '../fixtures/proxy.ts'
import { load, record, rowsOf, schema, state } from '../fixtures/trial.ts'
import { findConnection } from './connection.ts'
import { type Database, openDatabase } from './postgres.ts'

type Relay = Awaited<ReturnType<typeof startProxy>>

/** A proxy whose first connection falls silent, both ways, once the client has sent this text. */
async function silentAfter(text: string): Promise<Relay> {
  let isSilent = text === ''
  const proxy = await startProxy(await testDatabase(), {
    onSent(data, _, number) {
      if (number > 1) return 'forward'
      isSilent ||= data.includes(text)
      return isSilent ? 'hold' : 'forward'
    },
    onAnswer: (_data, _cut, number) => (number === 1 && isSilent ? 'hold' : 'forward'),
  })
  onTestFinished(() => proxy.close())
  return proxy
}

function open(proxy: Relay, silenceMs: number): { database: Database; log: () => string } {
  let said = ''
  const output = new Writable({
    write(chunk, _, done) {
      said += chunk
      done()
    },
  })
  const database = openDatabase({
    connection: findConnection({ connection_string: proxy.database }, {}, []),
    maxAttempts: 3,
    backoffSeconds: 0.01,
    log: createLog('test', output),
    signal: new AbortController().signal,
    begin: 'begin',
    silenceMs,
  })
  onTestFinished(() => database.close())
  return { database, log: () => said }
}

test.each(['begin', 'select 1', 'commit'])(
  'a connection that falls silent at %s is left, and the transaction done again on another',
  async (text) => {
    const proxy = await silentAfter(text)
    const { database, log } = open(proxy, 300)
    const { rows } = await database.transact((client) => client.query('select 1 as one'))
    expect([rows, proxy.connections()]).toEqual([[{ one: 1 }], 2])
    expect(log()).toContain('no answer for 1 seconds (ETIMEDOUT); try 2 of 3')
  },
)

test('a transaction that may take long is not taken for lost', async () => {
  const proxy = await silentAfter('never sent')
  const { database } = open(proxy, 100)
  await database.transact((client) => client.query('select pg_sleep(0.4)'), {
    isPatient: true,
  })
  expect(proxy.connections()).toBe(1)
  const impatient = database.transact((client) => client.query('select pg_sleep(0.4)'))
  await expect(impatient).rejects.toThrow('no answer')
})

test('a server that takes connections and says nothing is given up', async () => {
  const proxy = await silentAfter('')
  const { code, log } = await load(
    `${proxy.database}&connect_timeout=1`,
    [schema('s'), record('s', { Id: 1 }), state({ n: 1 })],
    { settings: { max_attempts: 2 } },
  )
  expect([code, proxy.connections()]).toEqual([0, 2])
  expect(log).toContain('timeout expired; try 2 of 2')
})

test('a server that does not take leave holds nobody back', async () => {
  const proxy = await silentAfter('X\0\0\0\x04')
  const { code, states } = await load(proxy.database, [
    ...[schema('s'), record('s', { Id: 1 })],
    state({ n: 1 }),
  ])
  expect([code, states]).toEqual([0, ['{"n":1}']])
  expect(await rowsOf(proxy.database, 'raw.s', 'id')).toHaveLength(1)
})

test.skipIf(process.platform !== 'linux')(
  'the system itself looks whether an idle or a patient connection still stands',
  async () => {
    const proxy = await silentAfter('never sent')
    const { database } = open(proxy, 60_000)
    await database.connect()
    const port = Number(new URL(proxy.database).port).toString(16).toUpperCase().padStart(4, '0')
    const line = new RegExp(`^.*:[0-9A-F]{4} [0-9A-F]+:${port} 01 \\S+ (\\S\\S):.*$`, 'm')
    const timer = line.exec(readFileSync('/proc/self/net/tcp', 'utf8'))?.[1]
    // 02 is the timer of SO_KEEPALIVE; 00 would be none.
    expect(timer).toBe('02')
  },
)
