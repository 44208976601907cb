/**
 * A simulated company that does not think twice: what it has answered once it answers again from
 * memory, so that it is never what a measurement waits for. Prints the settings of a client.
 *
 * answers.ts INVOICES LATENCY_MS
 */
import { request as ask, createServer, type IncomingHttpHeaders } from 'node:http'
import type { AddressInfo } from 'node:net'
import { buffer } from 'node:stream/consumers'
import { setTimeout as pause } from 'node:timers/promises'
import { startSimulator } from '../simulator/index.ts'

const [, , invoices, latencyMs] = process.argv
const simulator = await startSimulator({
  invoices: Number(invoices),
  customers: 100,
  items: 50,
  limits: false,
  rotation: 'never',
})

type Answer = { status: number; headers: IncomingHttpHeaders; body: Buffer }
const known = new Map<string, Promise<Answer>>()
/** When data was asked for, by performance.now(). */
const starts: number[] = []

function think(
  path: string,
  method: string,
  headers: IncomingHttpHeaders,
  body: Buffer,
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const asked = ask(simulator.baseUrl + path, { method, headers }, (answer) => {
      const { statusCode: status = 0 } = answer
      buffer(answer).then((body) => resolve({ status, headers: answer.headers, body }), reject)
    })
    asked.once('error', reject)
    asked.end(body)
  })
}

const server = createServer(async (request, response) => {
  const { url: path = '', method = 'GET', headers } = request
  if (path === '/starts') {
    response.end(JSON.stringify(starts.splice(0)))
    return
  }
  const body = await buffer(request)
  const isData = path.startsWith('/v3')
  if (isData) starts.push(performance.now())
  const thinking = known.get(path) ?? think(path, method, headers, body)
  if (isData) known.set(path, thinking)
  if (isData && Number(latencyMs) > 0) await pause(Number(latencyMs))
  const { status, headers: all, body: answer } = await thinking
  const { date: _, 'transfer-encoding': __, connection: ___, 'keep-alive': ____, ...sent } = all
  response.writeHead(status, { ...sent, 'content-length': answer.length })
  response.end(method === 'HEAD' ? undefined : answer)
})
server.listen(0, '127.0.0.1', () => {
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const config = {
    ...simulator.config,
    base_url: origin,
    token_url: simulator.tokenUrl.replace(simulator.baseUrl, origin),
    // So that each run asks the same.
    end_date: '2026-01-01',
  }
  process.stdout.write(`${JSON.stringify(config)}\n`)
})
// Gone when whoever started it is gone.
process.stdin.resume().once('close', () => process.exit(0))
