import { createHash, timingSafeEqual } from 'node:crypto'
import { createServer, type Server, type ServerResponse } from 'node:http'
import { createInterface } from 'node:readline'
import { ConfigError, type Log } from '@singer-io-ts/core'
import { ConnectionRefusedError } from './errors.ts'

/** What QuickBooks sends the browser back with. */
export type Redirect = { code: string; realmId: string }

type Reading =
  | { redirect: Redirect }
  /** `kind`: of another login, refused by the user or QuickBooks, or not whole. */
  | { fault: string; kind: 'stranger' | 'refused' | 'incomplete' }

type Parts = { log: Log; signal: AbortSignal }

function readRedirect(url: URL, state: string, log: Log): Reading {
  const given = (name: string): string => url.searchParams.get(name) ?? ''
  log.hide(given('code'))
  if (!isSame(given('state'), state))
    return { fault: 'its state is not the one of this login', kind: 'stranger' }
  const word = /^[a-z_]{1,40}$/.exec(given('error'))?.[0] ?? 'no reason given'
  if (url.searchParams.has('error'))
    return { fault: `QuickBooks gives no consent (${word})`, kind: 'refused' }
  if (given('code') === '') return { fault: 'it has no code', kind: 'incomplete' }
  if (!/^[0-9]{1,20}$/.test(given('realmId')))
    return { fault: 'it has no realmId, the company', kind: 'incomplete' }
  return { redirect: { code: given('code'), realmId: given('realmId') } }
}

/** Takes the same time whatever is the same. */
function isSame(one: string, other: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest()
  return timingSafeEqual(digest(one), digest(other))
}

function refusal(fault: string): ConnectionRefusedError {
  return new ConnectionRefusedError(`the answer to the consent page cannot be used: ${fault}`, {
    hint: 'Run login again, and choose the company and Connect on the page.',
  })
}

/** Waits on this machine for the browser; `tellUser` is called once it can come. */
export async function awaitRedirect(
  redirectUri: URL,
  state: string,
  tellUser: () => void,
  { log, signal }: Parts,
): Promise<Redirect> {
  const servers: Server[] = []
  try {
    return await new Promise<Redirect>((resolve, reject) => {
      const answer = (path: string, response: ServerResponse): void => {
        const url = URL.canParse(path, redirectUri.href) ? new URL(path, redirectUri) : undefined
        const isCallback = url?.pathname === redirectUri.pathname
        const reading = isCallback ? readRedirect(url, state, log) : undefined
        if (reading === undefined) sendPage(response, 404, 'Nothing here.')
        else if ('redirect' in reading)
          sendPage(response, 200, 'QuickBooks has answered: see the terminal.', () =>
            resolve(reading.redirect),
          )
        else if (reading.kind !== 'stranger')
          sendPage(response, 400, `No connection: ${reading.fault}. See the terminal.`, () =>
            reject(refusal(reading.fault)),
          )
        else {
          log.warning(`an answer came that is set aside: ${reading.fault}; login goes on waiting`)
          sendPage(response, 400, `Not the answer that is waited for: ${reading.fault}.`)
        }
      }
      signal.addEventListener('abort', () => reject(signal.reason))
      signal.throwIfAborted()
      listen(servers, redirectUri, answer).then(tellUser, reject)
    })
  } finally {
    for (const server of servers) {
      server.close()
      server.closeAllConnections()
    }
  }
}

/** On the loopback addresses that the browser may try, and on no other. */
async function listen(
  servers: Server[],
  { hostname, port }: URL,
  answer: (path: string, response: ServerResponse) => void,
): Promise<void> {
  const hosts = hostname === 'localhost' ? ['127.0.0.1', '::1'] : [hostname.replace(/[[\]]/g, '')]
  for (const host of hosts) {
    const server = createServer((request, response) => answer(request.url ?? '/', response))
    try {
      await new Promise<void>((resolve, reject) => {
        server.once('error', reject)
        server.listen(Number(port || 80), host, resolve)
      })
      servers.push(server)
    } catch (cause) {
      const { code } = cause as NodeJS.ErrnoException
      // Not every machine has IPv6.
      if (servers.length > 0 && code !== 'EADDRINUSE' && code !== 'EACCES') continue
      const why =
        code === 'EADDRINUSE' ? 'is in use by another program' : `cannot be used (${code})`
      throw new ConfigError([`--redirect-uri: port ${port || 80} of ${host} ${why}`], {
        hint: 'End that program, or register a redirect URI with another port and give it with --redirect-uri.',
      })
    }
  }
}

function sendPage(
  response: ServerResponse,
  status: number,
  text: string,
  done: () => void = () => {},
): void {
  response.writeHead(status, {
    'content-type': 'text/html; charset=utf-8',
    'cache-control': 'no-store',
    'referrer-policy': 'no-referrer',
    connection: 'close',
  })
  response.once('close', done)
  response.end(`<!doctype html><title>tap-quickbooks login</title><p>${text}</p>\n`)
}

/** Asks for the address that the browser was sent to, on stdin. */
export async function askForRedirect(state: string, { log, signal }: Parts): Promise<Redirect> {
  const lines = createInterface({ input: process.stdin, terminal: false })
  const stop = () => lines.close()
  signal.addEventListener('abort', stop)
  signal.throwIfAborted()
  let tries = 0
  for await (const line of lines) {
    const text = line.trim()
    if (text === '') continue
    log.hide(text)
    const reading: Reading = URL.canParse(text)
      ? readRedirect(new URL(text), state, log)
      : { fault: 'it is not a URL', kind: 'incomplete' }
    if ('redirect' in reading) return reading.redirect
    if (reading.kind === 'refused') throw refusal(reading.fault)
    if (++tries === MOST_TRIES)
      throw new ConfigError([`login: what was pasted cannot be used: ${reading.fault}`], {
        hint: HINT,
      })
    log.warning(`what was pasted cannot be used: ${reading.fault}; paste the whole address`)
  }
  signal.throwIfAborted()
  throw new ConfigError(['login: stdin ended before the address was pasted'], { hint: HINT })
}

const MOST_TRIES = 3
const HINT = 'Run login again, open the new link, and paste the whole address that it ends at.'
