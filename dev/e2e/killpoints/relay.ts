/** A relay between the target and Postgres that stops at an exact byte. */
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'

export type Direction = 'sent' | 'answered'

/** One connection through the relay. */
export type Pair = {
  /** The port that Postgres sees as the client's. */
  port: number | undefined
  /** Ends it on both sides. */
  cut(): void
}

export type Relay = {
  /** The connection string that goes through the relay, without TLS. */
  database: string
  /** How many bytes went each way until now, over all connections. */
  passed: Record<Direction, number>
  /**
   * After so many more bytes in that direction `blow` is called; nothing of the connection goes on
   * until it has ended.
   */
  arm(direction: Direction, bytes: number, blow: (pair: Pair) => Promise<void>): void
  /** No further blow falls; resolves when the one under way has ended. */
  disarm(): Promise<void>
  close(): Promise<void>
}

export async function startRelay(database: string): Promise<Relay> {
  const upstream = new URL(database)
  const sockets = new Set<Socket>()
  const passed = { sent: 0, answered: 0 }
  let striking = Promise.resolve()
  let armed:
    | { direction: Direction; bytes: number; blow: (pair: Pair) => Promise<void> }
    | undefined

  function pump(from: Socket, to: Socket, direction: Direction, pair: Pair): void {
    from.on('data', (data: Buffer) => {
      passed[direction] += data.length
      if (armed?.direction !== direction || data.length < armed.bytes) {
        if (armed?.direction === direction) armed.bytes -= data.length
        to.write(data)
        return
      }
      const { bytes, blow } = armed
      armed = undefined
      for (const socket of [from, to]) socket.pause()
      striking = new Promise((resolve) => to.write(data.subarray(0, bytes), resolve))
        .then(() => blow(pair))
        .finally(() => {
          to.write(data.subarray(bytes))
          for (const socket of [from, to]) socket.resume()
        })
    })
  }

  const server = createServer((client) => {
    const postgres = connect(Number(upstream.port), upstream.hostname)
    const cut = () => {
      client.destroy()
      postgres.destroy()
    }
    const pair: Pair = {
      get port() {
        return postgres.localPort
      },
      cut,
    }
    for (const socket of [client, postgres]) {
      sockets.add(socket)
      socket.setNoDelay()
      socket.on('error', () => {})
      socket.on('close', () => {
        sockets.delete(socket)
        cut()
      })
    }
    pump(client, postgres, 'sent', pair)
    pump(postgres, client, 'answered', pair)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const url = new URL(database)
  url.port = String((server.address() as AddressInfo).port)
  url.searchParams.set('sslmode', 'disable')
  return {
    database: url.href,
    passed,
    arm(direction, bytes, blow) {
      armed = { direction, bytes: Math.max(1, bytes), blow }
    },
    disarm() {
      armed = undefined
      return striking
    },
    async close() {
      for (const socket of sockets) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  }
}
