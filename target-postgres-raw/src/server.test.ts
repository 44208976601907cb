import { spawnSync } from 'node:child_process'
import { chownSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { ask, type Postgres, startPostgres } from '../../dev/postgres.ts'
import { hash } from '../../dev/simulator/random.ts'
import { skip } from '../../dev/skip.ts'
import { start } from '../fixtures/program.ts'
import { load, record, rowsOf, schema, state, toLines } from '../fixtures/trial.ts'

const rows = (from: number, to: number) =>
  Array.from({ length: to - from }, (_, n) => record('s', { Id: from + n }))

/** A server of its own, for what is done to it. */
async function ownPostgres(settings: Record<string, string>): Promise<Postgres> {
  const postgres = await startPostgres({ settings: { fsync: 'off', ...settings } })
  onTestFinished(() => postgres.stop('immediate'))
  return postgres
}

/** Writes a file that Postgres takes for a command. */
function order(postgres: Postgres, file: string): void {
  const path = join(postgres.directory, file)
  writeFileSync(path, '')
  const { uid, gid } = statSync(postgres.directory)
  chownSync(path, uid, gid)
}

test('a standby is exit 5 at once, and the message says that it is read-only', async () => {
  const postgres = await ownPostgres({})
  const database = await postgres.createDatabase()
  expect((await load(database, [schema('s'), ...rows(0, 3), state({ n: 1 })])).code).toBe(0)
  order(postgres, 'standby.signal')
  await postgres.restart()
  const { code, states, fault, log } = await load(database, [schema('s'), ...rows(3, 5)])
  expect([code, states, log.match(/WARNING/g)]).toEqual([5, [], null])
  expect(fault).toMatchObject({
    message: expect.stringContaining('in a read-only transaction (25006)'),
    hint: 'The server is read-only: a standby, or set so.',
  })
})

test('a server that is still starting is waited for', async () => {
  const postgres = await ownPostgres({ hot_standby: 'off' })
  const database = await postgres.createDatabase()
  order(postgres, 'standby.signal')
  const restarted = postgres.restart()
  const target = start([], { connection_string: database, backoff_seconds: 0.05, max_attempts: 12 })
  target.process.stdin.end(toLines([schema('s'), ...rows(0, 5), state({ n: 1 })]))
  const seen = new Promise<void>((resolve) => {
    let log = ''
    target.process.stderr.on('data', (data) => {
      log += data
      if (log.includes('(57P03)')) resolve()
    })
  })
  await Promise.race([seen, target.ended])
  order(postgres, 'promote')
  const [pid] = readFileSync(join(postgres.directory, 'postmaster.pid'), 'utf8').split('\n')
  process.kill(Number(pid), 'SIGUSR1')
  await restarted
  expect(await target.ended).toMatchObject({ code: 0, out: '{"n":1}\n' })
  expect(await rowsOf(database, 'raw.s', 'id')).toHaveLength(5)
})

/** A disk of a few megabytes; undefined where only an administrator may make one. */
function smallDisk(postgres: Postgres, size: string): { path: string; grow(): void } | undefined {
  const path = mkdtempSync(join(tmpdir(), 'small-disk-'))
  const { uid, gid } = statSync(postgres.directory)
  const mount = (options: string) =>
    spawnSync('mount', ['-t', 'tmpfs', '-o', options, 'tmpfs', path]).status === 0
  const isMounted = mount(`size=${size},uid=${uid},gid=${gid},mode=700`)
  onTestFinished(() => {
    if (isMounted) spawnSync('umount', ['-l', path])
    rmSync(path, { recursive: true, force: true })
  })
  return isMounted ? { path, grow: () => void mount('remount,size=200m') } : undefined
}

test('a full disk is exit 5 at once with a true STATE, and the next run completes', async (context) => {
  const postgres = await ownPostgres({})
  const disk = smallDisk(postgres, '8m')
  if (disk === undefined) return skip(context, 'no right to mount a small disk')
  const database = await postgres.createDatabase()
  await ask(database, `create tablespace small location '${disk.path}'`)
  await ask(
    database,
    `alter database ${new URL(database).pathname.slice(1)} set default_tablespace = small`,
  )
  // Text that does not shrink.
  const noise = (n: number) => Array.from({ length: 500 }, (_, at) => hash(n, at)).join('')
  const input = [schema('s')]
  for (let n = 0; n < 3000; n++) {
    input.push(record('s', { Id: n, noise: noise(n) }))
    if (n % 50 === 49) input.push(state({ n }))
  }
  const settings = { batch_size_rows: 100 }
  const full = await load(database, input, { settings })
  expect([full.code, full.log.match(/WARNING/g)]).toEqual([5, null])
  expect(full.fault).toMatchObject({
    message: expect.stringContaining('(53100)'),
    hint: 'Free space on the disk of the server, then run again.',
  })
  const last = JSON.parse(full.states.at(-1) as string).n
  const ids = (await rowsOf(database, 'raw.s', 'id::int as id')).map(({ id }) => id as number)
  expect([Math.max(...ids) + 1, last <= Math.max(...ids)]).toEqual([ids.length, true])
  expect(await ask(database, 'select value from raw._singer_state')).toEqual([
    { value: JSON.stringify({ n: last }) },
  ])
  disk.grow()
  const rest = input.slice(
    input.findIndex((one) => JSON.stringify(one) === JSON.stringify(state({ n: last }))),
  )
  const again = await load(database, [schema('s'), ...rest], { settings })
  expect([again.code, again.states.at(-1)]).toEqual([0, '{"n":2999}'])
  expect(await rowsOf(database, 'raw.s', 'id')).toHaveLength(3000)
})
