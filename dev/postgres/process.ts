/** The server process: started so that it cannot outlive us by accident, found again, ended. */
import { type ChildProcess, spawn } from 'node:child_process'
import { closeSync, constants, openSync, readFileSync, rmSync, statSync } from 'node:fs'
import { createServer, type Socket } from 'node:net'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import pg from 'pg'
import { bareEnvironment, giveTo, otherServer, ownerOf } from './binaries.ts'
import type { Cluster } from './directory.ts'

export type StopMode = 'fast' | 'immediate'

export type Server = {
  pid: number
  port: number
  /** False: it ran before we came. */
  ours: boolean
  hasEnded(): boolean
  /** Lets it live on without us. */
  release(): void
}

/** The lines of postmaster.pid, which Postgres keeps while it runs (and leaves after a crash). */
type LockFile = { pid: number; port: number; status: string }

const patienceMs = 60_000
const burialMs = 2_000

/**
 * The shell becomes the server (`exec`), and its child waits beside it: as soon as we are gone,
 * however that came (the pipe 3 closes), it ends the server and removes what was temporary.
 * A line on the pipe sends it home.
 */
const guarded = `signal=$1 remove=$2; shift 2
( (
  trap '' HUP INT TERM QUIT
  read -r line <&3 && exit
  kill -s "$signal" $$
  [ "$remove" ] || exit
  i=0; while [ -e "$remove/data/postmaster.pid" ] && [ $i -lt 300 ]; do sleep 0.1; i=$((i + 1)); done
  rm -rf "$remove"
) </dev/null >/dev/null 2>&1 & )
exec 3<&-
exec "$@"`

/** The server that already runs in this directory and answers, once it has got up. */
export async function findRunning(cluster: Cluster): Promise<Server | undefined> {
  for (const start = Date.now(); Date.now() - start < patienceMs; await pause(20)) {
    const lock = readLock(cluster.data)
    if (!lock || !isAlive(lock.pid)) return undefined
    if (lock.status !== 'ready') continue
    if (!(await answers(cluster, lock.port))) return undefined
    const { pid, port } = lock
    const hasEnded = () => !isAlive(pid) || readLock(cluster.data)?.pid !== pid
    return { pid, port, ours: false, hasEnded, release() {} }
  }
  return undefined
}

/** Starts the server and waits until it takes connections. */
export async function launch(cluster: Cluster, fixedPort?: number): Promise<Server> {
  for (const start = Date.now(); ; await pause(100)) {
    const port = fixedPort ?? (await freePort(lastPort(cluster.data)))
    const logged = openLog(cluster)
    const server = spawnServer(cluster, port, logged.fd)
    closeSync(logged.fd)
    while (!server.hasEnded() && Date.now() - start < patienceMs) {
      const lock = readLock(cluster.data)
      if (lock?.pid === server.pid && lock.status === 'ready') return server
      await pause(10)
    }
    if (!server.hasEnded()) await end(cluster, server, 'immediate')

    const said = readFileSync(cluster.log).subarray(logged.from).toString().trim()
    const found = said.includes('lock file "postmaster.pid" already exists')
    const other = found ? await findRunning(cluster) : undefined
    if (other) return other // another process was first
    const elapsed = Date.now() - start
    // A server that was killed, or its last sessions, are still on their way out.
    const isDead = found && !isAlive(readLock(cluster.data)?.pid ?? 0)
    const mayPass = isDead || said.includes('pre-existing shared memory block is still in use')
    // In a container where nobody buries the dead its number stays taken; Postgres cannot know.
    if (isDead && elapsed > burialMs) rmSync(join(cluster.data, 'postmaster.pid'))
    const portTaken = said.includes('could not bind') || said.includes('Address already in use')
    const again = mayPass || (portTaken && fixedPort === undefined)
    if (!again || elapsed > patienceMs) throw startFailure(cluster, said, port, portTaken)
  }
}

/** Ends the server: `fast` breaks off its sessions, `immediate` does not even write a checkpoint. */
export async function end(cluster: Cluster, server: Server, mode: StopMode = 'fast') {
  if (server.hasEnded()) return
  send(server, mode === 'fast' ? 'SIGINT' : 'SIGQUIT')
  if (await hasEnded(server, 30_000)) return
  send(server, 'SIGQUIT')
  if (await hasEnded(server, 10_000)) return
  throw new Error(
    `Postgres (process ${server.pid}) does not stop; its log is ${cluster.log}.\n` +
      `End it with \`kill -9 ${server.pid}\`; it recovers at its next start.`,
  )
}

export async function hasEnded(server: Server, patience: number): Promise<boolean> {
  for (const start = Date.now(); !server.hasEnded(); await pause(10)) {
    if (Date.now() - start > patience) return false
  }
  return true
}

export const connectionStringOf = ({ password }: Cluster, port: number) =>
  `postgresql://postgres:${password}@127.0.0.1:${port}/postgres`

/** One statement over a connection of its own. */
export async function ask(connectionString: string, sql: string, values: unknown[] = []) {
  const client = new pg.Client({ connectionString })
  client.on('error', () => {}) // the query itself fails and tells
  await client.connect()
  try {
    return (await client.query(sql, values)).rows
  } finally {
    await client.end()
  }
}

function spawnServer(cluster: Cluster, port: number, log: number): Server {
  const { data, account, binaries, temporary } = cluster
  const settings: Record<string, string> = {
    timezone: 'UTC',
    log_timezone: 'UTC',
    lc_messages: 'C',
    ...cluster.settings,
    listen_addresses: '127.0.0.1',
    unix_socket_directories: '',
    port: String(port),
  }
  const options = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])
  const guard = ['-c', guarded, 'postgres', temporary ? 'QUIT' : 'INT', temporary ?? '']
  const child: ChildProcess = spawn(
    '/bin/sh',
    [...guard, binaries.postgres, '-D', data, ...options],
    {
      ...account,
      cwd: '/',
      env: bareEnvironment,
      // A group of its own: Ctrl-C is for us, and we say when the server goes.
      detached: true,
      stdio: ['ignore', log, log, 'pipe'],
    },
  )
  const pipe = child.stdio[3] as Socket
  pipe.on('error', () => {})
  let failed = false
  child.once('error', () => {
    failed = true
  })
  const release = () => pipe.end('done\n')
  child.once('exit', release)
  // A forgotten stop() neither keeps us alive nor leaves the server behind.
  pipe.unref()
  child.unref()
  const hasEnded = () => failed || child.exitCode !== null || child.signalCode !== null
  return { pid: child.pid ?? 0, port, ours: true, hasEnded, release }
}

function startFailure(cluster: Cluster, said: string, port: number, portTaken: boolean): Error {
  const { data, log, temporary } = cluster
  const lines = said
    .split('\n')
    .filter((line) => /FATAL|PANIC|ERROR|HINT|DETAIL|LOG: {2}could/.test(line))
  const told = lines.slice(-6).join('\n') || said.slice(-1000) || 'it said nothing.'
  const todo = portTaken
    ? `Port ${port} of 127.0.0.1 is taken: name another one, or end the program that listens there.`
    : said.includes('postmaster.pid')
      ? `If no Postgres runs in ${data}, remove its file postmaster.pid and start again.`
      : otherServer
  const where = temporary ? '' : `The whole log is ${log}.\n`
  return new Error(`Postgres did not start in ${data}:\n${told}\n${where}${todo}`)
}

async function answers(cluster: Cluster, port: number): Promise<boolean> {
  try {
    const [row] = await ask(connectionStringOf(cluster, port), 'show data_directory')
    return row.data_directory === cluster.data
  } catch {
    return false
  }
}

function send(server: Server, signal: NodeJS.Signals) {
  try {
    process.kill(server.pid, signal)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}

/** A dead process that its parent has not asked after (a zombie) still has its number. */
function isAlive(pid: number): boolean {
  try {
    if (pid > 0) process.kill(pid, 0)
    return pid > 0 && !readIfThere(`/proc/${pid}/stat`)?.includes(') Z ')
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ESRCH'
  }
}

function readLock(data: string): LockFile | undefined {
  const lines = readIfThere(join(data, 'postmaster.pid'))?.split('\n') ?? []
  const pid = Number(lines[0])
  return pid > 0 ? { pid, port: Number(lines[3]), status: lines[7]?.trim() ?? '' } : undefined
}

/** A psql line that was noted down goes on being true. */
function lastPort(data: string): number | undefined {
  const port = /"port=(\d+)"/.exec(readIfThere(join(data, 'postmaster.opts')) ?? '')
  return port ? Number(port[1]) : undefined
}

function readIfThere(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}

function openLog({ log }: Cluster): { fd: number; from: number } {
  const { O_APPEND, O_CREAT, O_NOFOLLOW, O_WRONLY } = constants
  const fd = openSync(log, O_APPEND | O_CREAT | O_NOFOLLOW | O_WRONLY, 0o600)
  giveTo(log, ownerOf(join(log, '..')))
  return { fd, from: statSync(log).size }
}

/** The wanted port if nobody listens there, else one that the system picks. */
async function freePort(wanted = 0): Promise<number> {
  const server = createServer()
  const port = await new Promise<number>((resolve) => {
    server.once('error', () => resolve(0))
    server.listen(wanted, '127.0.0.1', () => {
      const address = server.address()
      resolve(address && typeof address === 'object' ? address.port : 0)
    })
  })
  await new Promise((resolve) => server.close(resolve))
  return port || freePort()
}
