import { execFileSync, spawn } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, utimesSync } from 'node:fs'
import { hostname, tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { APART, FAR_APART, needNamespaces } from '../../dev/namespaces.ts'
import { nodeArguments } from '../fixtures/program.ts'
import { type FileLock, findLockHolder, lockFile } from './filelock.ts'

const toEnd: (() => void)[] = []
afterAll(() => {
  for (const end of toEnd.reverse()) end()
})

function newFile(): string {
  const folder = mkdtempSync(join(tmpdir(), 'file-lock-'))
  toEnd.push(() => rmSync(folder, { recursive: true, force: true }))
  return join(folder, 'state.json')
}

const leaseOf = (path: string) => join(path, '..', '.state.json.lock')
/** For a lock that is there for the taking, however slow this machine is. */
const noWait = () => {
  throw new Error('it waits')
}

const age = (path: string) => utimesSync(leaseOf(path), 0, 0)

/** Another program that seeks the lock; `said` is its first line. */
function start(path: string, prefix: readonly string[] = [], waitSeconds = 0) {
  const node = [process.execPath, ...nodeArguments('hold-file-lock', path, String(waitSeconds))]
  const [command = '', ...args] = [...prefix, ...node]
  const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'pipe'] })
  toEnd.push(() => void child.kill('SIGKILL'))
  const heard = (stream: 'stdout' | 'stderr') =>
    new Promise<string>((resolve) =>
      child[stream].setEncoding('utf8').once('data', (text: string) => resolve(text.trim())),
    )
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()))
  return {
    said: heard('stdout'),
    told: heard('stderr'),
    ask: () => {
      const answer = heard('stdout')
      child.stdin.write('held?\n')
      return answer
    },
    send: (signal: NodeJS.Signals) => child.kill(signal),
    end: (signal: NodeJS.Signals) => {
      child.kill(signal)
      return ended
    },
  }
}

async function take(path: string, onWait = () => {}): Promise<FileLock> {
  const found = await lockFile(path, { onWait })
  if (!('release' in found)) throw new Error(`refused: ${found.who}`)
  return found
}

test.concurrent('a second process is told who has it, and gets it as soon as that is killed', async () => {
  const path = newFile()
  const first = start(path)
  expect(await first.said).toBe('taken')
  const whoever = /^refused: process \d+, since 2.*Z;$/
  expect(await start(path).said).toMatch(whoever)
  // However long it stands still: on this machine it is seen to be there.
  first.send('SIGSTOP')
  age(path)
  expect(await start(path).said).toMatch(whoever)
  await first.end('SIGKILL')
  const lock = await take(path, noWait)
  expect(await lock.isHeld()).toBe(true)
  await lock.release()
  expect(readdirSync(join(path, '..'))).toEqual([])
})

test.concurrent('a process that ends leaves nothing, though it does not release the lock itself', async () => {
  const path = newFile()
  const first = start(path)
  expect(await first.said).toBe('taken')
  await first.end('SIGTERM')
  expect(readdirSync(join(path, '..'))).toEqual([])
})

test.concurrent('a holder in another network is seen; whoever is to wait for it is told', async (context) => {
  needNamespaces(context)
  const path = newFile()
  const far = start(path, FAR_APART)
  expect(await far.said).toBe('taken')
  const waits = start(path, APART, 3600)
  expect(await start(path).said).toMatch(
    new RegExp(
      `^refused: process \\d+ on host ${hostname()}, since 2.*Z; if it was killed, .* 20 s`,
    ),
  )
  expect(await waits.told).toMatch(/^waits for process \d+ on host /)
  expect(existsSync(leaseOf(path))).toBe(true)
  await far.end('SIGKILL')
  age(path)
  expect(await waits.said).toBe('taken')
}, 60_000)

test.concurrent('one in another network that stood still for too long loses it, and learns of that', async (context) => {
  needNamespaces(context, APART)
  const path = newFile()
  const far = start(path, APART)
  expect(await far.said).toBe('taken')
  far.send('SIGSTOP')
  age(path)
  const lock = await take(path)
  far.send('SIGCONT')
  expect(await far.ask()).toBe('false')
  await far.end('SIGTERM')
  expect(await lock.isHeld()).toBe(true)
  await lock.release()
}, 60_000)

test.concurrent('another way to the folder in the same network: its holder is seen to live, and to be dead', async (context) => {
  const path = newFile()
  const other = mkdtempSync(join(tmpdir(), 'file-lock-'))
  toEnd.push(() => rmSync(other, { recursive: true, force: true }))
  const mounted = ['unshare', '--map-root-user', '--mount', 'sh', '-c']
  const script = 'mount --bind "$0" "$1" && shift && exec "$@"'
  const prefix = [...mounted, script, join(path, '..'), other]
  needNamespaces(context, prefix)
  const first = start(join(other, 'state.json'), prefix)
  expect(await first.said).toBe('taken')
  expect(readdirSync(other)).toEqual([])
  age(path)
  expect(await start(path).said).toMatch(/^refused: process \d+, since /)
  await first.end('SIGKILL')
  await (await take(path, noWait)).release()
}, 60_000)

test.concurrent('two files never share a lock, however long their names; one file has one, however it is written', async () => {
  const folder = join(newFile(), '..')
  const long = 'é'.repeat(120)
  const names = [`${long}1.json`, `${long}2.json`, 'a', 'a.lock', '.a.lock', `${'x'.repeat(254)}`]
  const locks = []
  for (const name of names) locks.push(await take(join(folder, name)))
  for (const name of names)
    expect(await lockFile(relative(process.cwd(), join(folder, '.', name)))).toHaveProperty('who')
  for (const lock of locks) await lock.release()
  expect(readdirSync(folder)).toEqual([])
})

test.concurrent('a signal that aborts ends the wait', async () => {
  const path = newFile()
  const lock = await take(path)
  const stop = new AbortController()
  const waiting = lockFile(path, { waitSeconds: 3600, signal: stop.signal })
  stop.abort()
  expect(await waiting).not.toHaveProperty('release')
  await lock.release()
})

test.concurrent('the folder is made; where it cannot be, that is said, and the name is free again', async () => {
  const path = join(newFile(), '..', 'a', 'b', 'state.json')
  await (await take(path)).release()
  mkdirSync(leaseOf(path))
  await expect(lockFile(path)).rejects.toThrow(`the lock ${leaseOf(path)} is a directory`)
  rmSync(leaseOf(path), { recursive: true })
  await (await take(path)).release()
})

test('a pipe where the lock should lie is refused by its path, and is not waited for', async () => {
  const path = newFile()
  execFileSync('mkfifo', [leaseOf(path)])
  const refused = `the lock ${leaseOf(path)} is a directory, a pipe or the like, not a file`
  await expect(lockFile(path)).rejects.toThrow(refused)
  await expect(findLockHolder(path)).rejects.toThrow(refused)
})
