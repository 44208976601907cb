import { Socket as NetSocket } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'
import type { Log } from '@singer-io-ts/core'
import pg from 'pg'
import { type Connection, describeConnection } from './connection.ts'
import { codeOf, isRetried, isWithoutTls, loadError } from './errors.ts'
import { LONGEST_TIMER_MS } from './input.ts'
import { sslWays } from './tls.ts'

export type DatabaseOptions = {
  connection: Connection
  maxAttempts: number
  backoffSeconds: number
  log: Log
  /** After this nothing is tried again. */
  signal: AbortSignal
  /** How each transaction begins. */
  begin: string
  /** A server that says nothing for this long, while it is asked, is taken for lost. */
  silenceMs?: number
}

/** One session, opened again when it is lost. */
export type Database = {
  /** Opens the session now, so that what is wrong with it shows before any work. */
  connect(): Promise<void>
  /**
   * Runs `work` in a transaction and commits it. After a lost connection, a deadlock and the like
   * all of it is done again. Throws what Postgres threw.
   */
  transact<Result>(
    work: (client: pg.Client) => Promise<Result>,
    options?: TransactOptions,
  ): Promise<Result>
  close(): Promise<void>
  /** Ends the session at once, whatever it is doing. */
  destroy(): void
}

export type TransactOptions = {
  /** It may stay without an answer for as long as the connection stands. */
  isPatient?: boolean
  /** A statement to run first, sent together with BEGIN. */
  first?: string
}

const SILENCE_MS = 120_000

/** A server that does not take leave is not waited for any longer. */
const FAREWELL_MS = 2000

export function openDatabase(options: DatabaseOptions): Database {
  const { connection, maxAttempts, backoffSeconds, log, signal, begin } = options
  const { silenceMs = SILENCE_MS } = options
  let client: pg.Client | undefined
  let connecting: pg.Client | undefined
  let isDestroyed = false

  async function session(): Promise<pg.Client> {
    if (client !== undefined) return client
    const opened = await connect(connection, (candidate) => {
      connecting = candidate
    })
    if (isDestroyed) socketOf(opened).destroy()
    // A session that is lost while nothing is asked of it is simply opened again.
    opened.on('error', () => forget(opened))
    opened.on('end', () => forget(opened))
    connecting = undefined
    client = opened
    return opened
  }

  function forget(lost: pg.Client): void {
    if (client === lost) client = undefined
  }

  async function again<Result>(work: () => Promise<Result>): Promise<Result> {
    for (let tried = 1; ; tried++) {
      try {
        return await work()
      } catch (thrown) {
        if (!isRetried(thrown) || tried >= maxAttempts || signal.aborted || isDestroyed)
          throw thrown
        const seconds = backoffSeconds * 2 ** tried + Math.random() * backoffSeconds
        log.warning(
          `${loadError(thrown, describeConnection(connection)).message}; ` +
            `try ${tried + 1} of ${maxAttempts} in ${seconds.toFixed(1)} s`,
        )
        await pause(Math.min(seconds * 1000, LONGEST_TIMER_MS), undefined, { signal }).catch(() => {
          throw thrown
        })
      }
    }
  }

  async function once<Result>(
    work: (client: pg.Client) => Promise<Result>,
    { isPatient = false, first = '' }: TransactOptions,
  ): Promise<Result> {
    const open = await session()
    const stopWatching = isPatient ? () => {} : watchSilence(open, silenceMs)
    try {
      await open.query(`${begin};${first}`)
      const result = await work(open)
      const { command } = await open.query('commit')
      // Postgres answers so, without an error, when the transaction had failed before.
      if (command !== 'COMMIT') throw new Error(`Postgres answered ${command} to COMMIT`)
      return result
    } catch (thrown) {
      await rollBack(open, thrown)
      throw thrown
    } finally {
      stopWatching()
    }
  }

  /** A session of which it is not certain that it is in order is left. */
  async function rollBack(open: pg.Client, thrown: unknown): Promise<void> {
    const isAlive = client === open && /^[0-9A-Z]{5}$/.test(codeOf(thrown) ?? '')
    try {
      if (!isAlive) throw thrown
      await open.query('rollback')
    } catch {
      forget(open)
      socketOf(open).destroy()
    }
  }

  return {
    connect: () => again(async () => void (await session())),
    transact: (work, options = {}) => again(() => once(work, options)),
    async close() {
      const open = client
      client = undefined
      if (open === undefined) return
      const last = setTimeout(() => socketOf(open).destroy(), FAREWELL_MS)
      await open.end().catch(() => {})
      clearTimeout(last)
    },
    destroy() {
      isDestroyed = true
      for (const open of [client, connecting]) if (open !== undefined) socketOf(open).destroy()
    },
  }
}

function watchSilence(client: pg.Client, silenceMs: number): () => void {
  const socket = socketOf(client)
  const seconds = Math.ceil(silenceMs / 1000)
  const onSilence = () => socket.destroy(new LostError(`no answer for ${seconds} seconds`))
  socket.setTimeout(silenceMs, onSilence)
  return () => {
    socket.setTimeout(0)
    socket.removeListener('timeout', onSilence)
  }
}

class LostError extends Error {
  readonly code = 'ETIMEDOUT'
}

/** One try to connect, in the ways that the ssl mode allows. */
async function connect(
  connection: Connection,
  onClient: (client: pg.Client) => void,
): Promise<pg.Client> {
  const ways = sslWays(connection)
  let refused: unknown
  for (const [index, ssl] of ways.entries()) {
    const client = new pg.Client({
      host: connection.host,
      port: connection.port,
      user: connection.user,
      // An empty one, so that pg does not look for a password of its own.
      password: connection.password ?? '',
      database: connection.database,
      options: connection.options,
      ssl,
      application_name: 'target-postgres-raw',
      client_encoding: 'UTF8',
      // One that is asked for makes pg find out where it runs, which in Node 20 loads fetch.
      stream: () => new NetSocket(),
      keepAlive: true,
      keepAliveInitialDelayMillis: 10_000,
      connectionTimeoutMillis: connection.connectTimeoutSeconds * 1000,
    } as pg.ClientConfig)
    client.on('error', () => {})
    onClient(client)
    try {
      await client.connect()
      return client
    } catch (thrown) {
      socketOf(client).destroy()
      if (!mayGoOtherWay(thrown, ssl !== false)) throw thrown
      // Where no way is open, the server's own words for the one that was wanted most say why.
      if (!isWithoutTls(thrown)) refused ??= thrown
      if (index + 1 === ways.length) throw refused ?? thrown
    }
  }
  throw new Error('no way to connect')
}

/**
 * Without TLS after a server that has none, or with which no TLS comes about; with TLS after one
 * that insists on it.
 */
function mayGoOtherWay(thrown: unknown, wasTls: boolean): boolean {
  const code = codeOf(thrown) ?? ''
  if (code === '28000') return true
  return wasTls && (isWithoutTls(thrown) || /^EPROTO$|PROTOCOL|HANDSHAKE_FAILURE/.test(code))
}

type Socket = {
  destroy(error?: Error): void
  setTimeout(milliseconds: number, listener?: () => void): void
  removeListener(event: 'timeout', listener: () => void): void
}

function socketOf(client: pg.Client): Socket {
  return (client as unknown as { connection: { stream: Socket } }).connection.stream
}
