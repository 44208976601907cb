import type { Simulator } from './index.ts'

// biome-ignore lint/suspicious/noExplicitAny: tests look into answers of every shape
export type Loose = any

/** A plain client for tests: no retries, no limits, one access token. */
export type Client = {
  token: string
  /** A GET under `/v3/company/{realm}/`. */
  get(path: string, headers?: Record<string, string>): Promise<Response>
  /** The raw answer to a statement. */
  send(statement: string, headers?: Record<string, string>): Promise<Response>
  /** Status and parsed body of a statement's answer. */
  query(statement: string): Promise<{ status: number; text: string; body: Loose }>
  /** The Ids of a statement's rows, in order. */
  ids(statement: string): Promise<string[]>
}

/** Posts a form to the token end point with the app's credentials. */
export function postToken(
  simulator: Simulator,
  form: Record<string, string>,
  headers: Record<string, string> = {},
): Promise<Response> {
  const { client_id, client_secret, token_url } = simulator.config
  const basic = Buffer.from(`${client_id}:${client_secret}`).toString('base64')
  return fetch(token_url, {
    method: 'POST',
    headers: { authorization: `Basic ${basic}`, ...headers },
    body: new URLSearchParams(form),
  })
}

/** Refreshes once and gives a client with the access token. */
export async function connect(simulator: Simulator): Promise<Client> {
  const { base_url, realm_id, refresh_token } = simulator.config
  const answer = await postToken(simulator, { grant_type: 'refresh_token', refresh_token })
  const { access_token: token } = (await answer.json()) as { access_token: string }
  const get: Client['get'] = (path, headers = {}) =>
    fetch(`${base_url}/v3/company/${realm_id}/${path}`, {
      headers: { authorization: `Bearer ${token}`, accept: 'application/json', ...headers },
    })
  const send: Client['send'] = (statement, headers) =>
    get(`query?query=${encodeURIComponent(statement)}&minorversion=75`, headers)
  const query: Client['query'] = async (statement) => {
    const response = await send(statement)
    const text = await response.text()
    return { status: response.status, text, body: JSON.parse(text) }
  }
  return {
    token,
    get,
    send,
    query,
    async ids(statement) {
      const { body } = await query(statement)
      const rows = Object.values(body.QueryResponse ?? {}).find(Array.isArray) ?? []
      return (rows as { Id: string }[]).map(({ Id }) => Id)
    },
  }
}
