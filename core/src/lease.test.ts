import { spawn } from 'node:child_process'
import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { expect, onTestFinished, test } from 'vitest'
import { nodeArguments } from '../fixtures/program.ts'
import { type Lease, look, newLeaseId, type Sighting, seekLease } from './lease.ts'

const STALE_MS = 20_000
/** Nobody gives a sign of life unless asked; what is old enough is taken at first sight. */
const AT_ONCE = { beatMs: 1_000_000, watchMs: 0, staleMs: STALE_MS }

function newPlace(): string {
  const folder = mkdtempSync(join(tmpdir(), 'lease-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  return join(folder, '.state.json.lock')
}

const newOwner = () => ({ id: newLeaseId(), pid: 1, host: 'other', since: '2020-01-01T00:00:00Z' })

/** Somebody of whom nothing is known but the lease's file. */
const seek = (place: string, times = AT_ONCE) =>
  seekLease(place, newOwner(), async () => undefined, times)

async function take(place: string, times = AT_ONCE): Promise<Lease> {
  const found = await seek(place, times)()
  if (!('release' in found)) throw new Error(`not taken: ${JSON.stringify(found)}`)
  onTestFinished(() => found.release())
  return found
}

const age = (path: string) => utimesSync(path, 0, 0)
const isTaken = (found: Lease | Sighting) => 'release' in found

test('of many processes that seek a lease, also an abandoned one, one at a time has it', async () => {
  const place = newPlace()
  const rivals = Array.from({ length: 4 }, () =>
    spawn(process.execPath, nodeArguments('race-lease', place, '60'), {
      stdio: ['ignore', 'inherit', 'inherit'],
    }),
  )
  onTestFinished(() => {
    for (const rival of rivals) rival.kill('SIGKILL')
  })
  const ends = rivals.map((rival) => new Promise((resolve) => rival.once('close', resolve)))
  expect(await Promise.all(ends)).toEqual([0, 0, 0, 0])
  expect(readdirSync(join(place, '..'))).toEqual([])
}, 120_000)

test('a fresh lease is nobody else’s, and free once it is released', async () => {
  const place = newPlace()
  const lease = await take(place)
  expect(await seek(place)()).toMatchObject({ holder: { host: 'other' }, isAlive: false })
  expect(await lease.isHeld()).toBe(true)
  lease.release()
  expect(await lease.isHeld()).toBe(false)
  expect(readdirSync(join(place, '..'))).toEqual([])
  await take(place)
})

test('an old lease is taken over once: its holder notices, and leaves the new one alone', async () => {
  const place = newPlace()
  const first = await take(place)
  age(place)
  const second = await take(place)
  expect([await first.isHeld(), await second.isHeld()]).toEqual([false, true])
  expect(isTaken(await seek(place)())).toBe(false)
  first.release()
  expect(await second.isHeld()).toBe(true)
  second.release()
  expect(existsSync(place)).toBe(false)
})

test('whoever asks whether the lease still holds gives a sign of life', async () => {
  const place = newPlace()
  const lease = await take(place)
  age(place)
  expect(await lease.isHeld()).toBe(true)
  expect(isTaken(await seek(place)())).toBe(false)
})

test.each([
  ['another host and boot', JSON.stringify({ ...newOwner(), namespace: 'b', lock: 'c' })],
  ['a machine that lost power', ''],
  ['no program of ours', '12345\n'],
  ['somebody with evil intent', '{"id":"../../x"}'],
])(
  'what %s has left is taken over once it is old, and what lies beside it goes',
  async (_, text) => {
    const place = newPlace()
    writeFileSync(place, text)
    const id = look(place)?.holder.id ?? ''
    expect(isTaken(await seek(place)())).toBe(false)
    age(place)
    for (const end of [id, '0123456789abcdef', 'now', 'json']) writeFileSync(`${place}.${end}`, '')
    // A claim is somebody's who is at work, until it is old as well.
    expect(isTaken(await seek(place)())).toBe(false)
    age(`${place}.${id}`)
    expect(isTaken(await seek(place)())).toBe(false)
    const lease = await take(place)
    lease.release()
    expect(readdirSync(join(place, '..'))).toEqual(['.state.json.lock.json'])
  },
)

test('a holder is seen to live by its signs; one without them is watched before it is succeeded', async () => {
  const place = newPlace()
  const lease = await take(place, { ...AT_ONCE, beatMs: 5 })
  const watching = seek(place, { ...AT_ONCE, watchMs: 1_000_000 })
  let found = await watching()
  expect(found).toMatchObject({ isAlive: false })
  while (!('isAlive' in found && found.isAlive)) {
    await pause(5)
    found = await watching()
  }
  lease.release()
  const dead = await take(place)
  age(place)
  const patient = seek(place, { ...AT_ONCE, watchMs: 200 })
  const begin = performance.now()
  while (!isTaken(await patient())) await pause(5)
  expect(performance.now() - begin).toBeGreaterThanOrEqual(200)
  expect(await dead.isHeld()).toBe(false)
})

test('a file system whose clock went back delays nobody for longer than the lease', async () => {
  const place = newPlace()
  await take(place)
  utimesSync(place, Date.now() / 1000 + 86_400, Date.now() / 1000 + 86_400)
  const watching = seek(place, { ...AT_ONCE, staleMs: 300 })
  const begin = performance.now()
  while (!isTaken(await watching())) await pause(5)
  expect(performance.now() - begin).toBeGreaterThanOrEqual(300)
})

test('who is proved dead is succeeded at once, who is proved alive never', async () => {
  const place = newPlace()
  await take(place)
  const known = (life: 'alive' | 'dead') => seekLease(place, newOwner(), async () => life, AT_ONCE)
  age(place)
  expect(await known('alive')()).toMatchObject({ isAlive: true })
  await take(place)
  const found = await known('dead')()
  expect(isTaken(found)).toBe(true)
  if ('release' in found) found.release()
})

test('a sign of life that comes while it is judged saves a holder', async () => {
  const place = newPlace()
  const lease = await take(place)
  age(place)
  const prove = async () => {
    await lease.isHeld()
    return 'dead' as const
  }
  expect(isTaken(await seekLease(place, newOwner(), prove, AT_ONCE)())).toBe(false)
  expect(await lease.isHeld()).toBe(true)
})

test('a link in place of the lease is replaced, and what it leads to is not touched', async () => {
  const place = newPlace()
  const other = join(place, '..', 'other')
  writeFileSync(other, 'kept')
  age(other)
  symlinkSync('other', place)
  const lease = await take(place)
  lease.release()
  expect(readFileSync(other, 'utf8')).toBe('kept')
  expect(readdirSync(join(place, '..'))).toEqual(['other'])
})

test('where nothing can be written it fails, and leaves nothing', async () => {
  const place = newPlace()
  writeFileSync(join(place, '..', 'file'), '')
  await expect(seek(join(place, '..', 'file', '.lock'))()).rejects.toThrow(/ENOTDIR/)
  await expect(seek(join(place, '..', 'none', '.lock'))()).rejects.toThrow(/ENOENT/)
  expect(readdirSync(join(place, '..'))).toEqual(['file'])
})
