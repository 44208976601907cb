import { randomBytes } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { promisify } from 'node:util'
import { constants, gzip } from 'node:zlib'
import type { Fault } from './script.ts'

const compress = promisify(gzip)

export type Answer = {
  status: number
  contentType: string
  text: string
  headers?: Record<string, string>
}

/** A trace id as QuickBooks gives it, `1-6311fe0f-195899772f3e23b955243e7b`. */
export function traceId(now: number): string {
  return `1-${Math.floor(now / 1000).toString(16)}-${randomBytes(12).toString('hex')}`
}

function wantsGzip(request: IncomingMessage): boolean {
  return /\bgzip\b/.test(String(request.headers['accept-encoding'] ?? ''))
}

function cutShort(response: ServerResponse, body: Buffer, fault: Fault): void {
  const part = body.subarray(0, fault.cutAfterBytes)
  if (fault.cut === 'short-length') {
    response.setHeader('Content-Length', part.length)
    response.end(part)
    return
  }
  if (fault.cut === 'chunked') {
    response.write(part)
    response.end()
    return
  }
  response.setHeader('Content-Length', body.length)
  response.flushHeaders()
  const end = () => {
    if (fault.cut === 'reset') response.socket?.resetAndDestroy()
    else response.socket?.destroy()
  }
  if (part.length === 0) end()
  else response.write(part, end)
}

/**
 * Sends an answer with the headers that were recorded: good ones in chunks, faults with their
 * length, gzip when asked for. Resolves when everything is handed to the socket.
 */
export async function sendAnswer(
  request: IncomingMessage,
  response: ServerResponse,
  answer: Answer,
  now: number,
  fault: Fault | undefined,
): Promise<void> {
  const bytes =
    fault?.base64 === undefined ? Buffer.from(answer.text) : Buffer.from(fault.base64, 'base64')
  const zipped = bytes.length > 0 && wantsGzip(request)
  const body = zipped ? await compress(bytes, { level: constants.Z_BEST_SPEED }) : bytes
  response.statusCode = answer.status
  response.sendDate = false
  response.setHeader('Date', new Date(now).toUTCString())
  if (answer.contentType !== '') response.setHeader('Content-Type', answer.contentType)
  if (zipped) response.setHeader('Content-Encoding', 'gzip')
  for (const [name, value] of Object.entries({ ...answer.headers, ...fault?.headers }))
    response.setHeader(name, value)
  if (fault?.cutAfterBytes !== undefined) {
    cutShort(response, body, fault)
    return
  }
  if (answer.status >= 300 || request.method === 'HEAD')
    response.setHeader('Content-Length', body.length)
  else response.write(body)
  await new Promise<void>((resolve) => {
    response.once('close', resolve)
    if (answer.status >= 300) response.end(body)
    else response.end()
  })
}
