import { spawn, spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { expect, onTestFinished, test } from 'vitest'
import { nodeArguments } from '../fixtures/program.ts'
import { lock, tryLock } from './lock.ts'

const newName = (): string => `test ${randomBytes(6).toString('hex')}`

type Holder = { said: string; write(text: string): void; kill(): Promise<void> }

/** Another process that tries to take the lock and keeps it until its stdin ends. */
async function otherProcess(name: string, environment = {}): Promise<Holder> {
  const child = spawn(process.execPath, nodeArguments('hold-lock', name), {
    stdio: ['pipe', 'pipe', 'inherit'],
    env: { ...process.env, ...environment },
  })
  onTestFinished(() => void child.kill('SIGKILL'))
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()))
  const said = await new Promise<string>((resolve) =>
    child.stdout.setEncoding('utf8').once('data', resolve),
  )
  return {
    said: said.trim(),
    write: (text) => child.stdin.write(text),
    kill: () => {
      child.kill('SIGKILL')
      return ended
    },
  }
}

// What other systems than Linux do can be tried here as well.
const SYSTEMS = [
  ['this system', {}],
  ['a system without abstract sockets', { PRETEND_PLATFORM: 'darwin' }],
] as const

test.each(SYSTEMS)(
  'a second process cannot take it until the first is killed: %s',
  async (_, env) => {
    const name = newName()
    const first = await otherProcess(name, env)
    expect(first.said).toBe('taken')
    const second = await otherProcess(name, env)
    expect(second.said).toBe('refused')
    await second.kill()
    await first.kill()
    const third = await otherProcess(name, env)
    expect(third.said).toBe('taken')
    await third.kill()
  },
)

test('it is refused also within one process, and free after release', async () => {
  const name = newName()
  const held = await tryLock(name)
  expect(held).toBeDefined()
  expect(await tryLock(name)).toBeUndefined()
  expect(await lock(name, 0)).toBeUndefined()
  await held!.release()
  const again = await tryLock(name)
  expect(again).toBeDefined()
  await again!.release()
})

test('locks of different names do not meet, however long the names are', async () => {
  const names = [newName(), `${'x'.repeat(5000)}1`, `${'x'.repeat(5000)}2`, 'é\0', '']
  const held = await Promise.all(names.map(tryLock))
  for (const one of held) {
    expect(one).toBeDefined()
    await one!.release()
  }
})

test('who waits gets it as soon as the holder lets go', async () => {
  const name = newName()
  const held = await tryLock(name)
  const waiting = lock(name, 60)
  await held!.release()
  const taken = await waiting
  expect(taken).toBeDefined()
  await taken!.release()
})

test('who waits gets it as soon as the holder is killed', async () => {
  const name = newName()
  const holder = await otherProcess(name)
  expect(holder.said).toBe('taken')
  const waiting = lock(name, 60)
  await holder.kill()
  const taken = await waiting
  expect(taken).toBeDefined()
  await taken!.release()
})

test('waiting ends after its time, and when the signal aborts', async () => {
  const name = newName()
  const held = await tryLock(name)
  const begin = performance.now()
  expect(await lock(name, 0.1)).toBeUndefined()
  expect(performance.now() - begin).toBeGreaterThanOrEqual(100)
  const stop = new AbortController()
  const waiting = lock(name, 3600, stop.signal)
  stop.abort()
  expect(await waiting).toBeUndefined()
  await held!.release()
})

test('who is told to stop takes no lock any more', async () => {
  const name = newName()
  expect(await lock(name, 1, AbortSignal.abort())).toBeUndefined()
  const free = await tryLock(name)
  expect(free).toBeDefined()
  await free!.release()
})

test('a lock that is held keeps no process alive', async () => {
  const child = spawn(process.execPath, nodeArguments('hold-lock', newName()), {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  onTestFinished(() => void child.kill('SIGKILL'))
  expect(await new Promise((resolve) => child.once('close', resolve))).toBe(0)
})

test.skipIf(process.platform !== 'linux')('no folder for the locks: it fails at once', () => {
  const run = spawnSync(process.execPath, nodeArguments('hold-lock', newName()), {
    encoding: 'utf8',
    env: { ...process.env, PRETEND_PLATFORM: 'darwin', PRETEND_TMPDIR: '/proc/nope' },
    timeout: 20_000,
    killSignal: 'SIGKILL',
  })
  expect(run.status).toBe(1)
  expect(run.stderr).toMatch(/ENOENT: .*mkdir '\/proc\/nope'/)
})
