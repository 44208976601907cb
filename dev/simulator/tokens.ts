import { randomBytes } from 'node:crypto'
import type { Clock } from './clock.ts'
import type { Settings } from './options.ts'

export type TokenAnswer = { status: number; body: Record<string, unknown> }

export type Tokens = {
  /** Answers a POST to the token end point. */
  exchange(
    authorization: string | undefined,
    form: URLSearchParams,
    wantsHardExpiry: boolean,
  ): TokenAnswer
  /** Judges the Authorization header of a data request; spends one of the token's requests. */
  judge(authorization: string | undefined): 'good' | 'malformed' | 'expired'
  /** An authorization code for the consent flow, good once. */
  mintCode(redirectUri?: string): string
  /** Kills every access token: the next data request is answered 401. */
  expireAccessTokens(): void
  /** Kills the connection: every refresh is answered invalid_grant. */
  revoke(): void
  /** The refresh token that works now. */
  refreshToken(): string
  /** The last access token given. */
  accessToken(): string | undefined
  counts: { refreshes: number; codes: number; refused: number; rotations: number }
}

type Refresh = { issuedAt: number; usedAt: number; deadAt: number | undefined }

const day = 86_400_000

function clientOf(authorization: string | undefined, form: URLSearchParams): [string, string] {
  const match = /^Basic\s+(\S+)$/i.exec(authorization ?? '')
  if (!match) return [form.get('client_id') ?? '', form.get('client_secret') ?? '']
  const text = Buffer.from(match[1] as string, 'base64').toString()
  const colon = text.indexOf(':')
  return [text.slice(0, colon), text.slice(colon + 1)]
}

/** The connection between one app and one company, by the simulator's clock. */
export function createTokens(settings: Settings, clock: Clock): Tokens {
  const { switches, clientId, clientSecret } = settings
  const refreshTokens = new Map<string, Refresh>()
  const accessTokens = new Map<string, { deadAt: number; requests: number }>()
  const codes = new Map<string, { redirectUri: string | undefined; used: boolean }>()
  const counts = { refreshes: 0, codes: 0, refused: 0, rotations: 0 }
  let current = settings.refreshToken
  let lastAccess: string | undefined
  /** When the user gave the consent that all refresh tokens since descend from. */
  let consentedAt = clock.now()

  function issueRefresh(value: string): string {
    refreshTokens.set(value, { issuedAt: clock.now(), usedAt: clock.now(), deadAt: undefined })
    current = value
    return value
  }
  issueRefresh(current)

  const freshRefresh = () => `RT1-39-H3-${randomBytes(24).toString('base64url')}`

  function issueAccess(): string {
    const token = `eyJ${randomBytes(720).toString('base64url')}`
    const deadAt = clock.now() + switches.accessTokenSeconds * 1000
    accessTokens.set(token, { deadAt, requests: 0 })
    lastAccess = token
    return token
  }

  function revoke(): void {
    for (const refresh of refreshTokens.values()) refresh.deadAt = clock.now()
    accessTokens.clear()
  }

  /** However often it is refreshed, a connection ends so long after the consent. */
  function hardEnd(): number {
    return consentedAt + switches.refreshTokenHardSeconds * 1000
  }

  function refuse(status: number, body: Record<string, unknown>): TokenAnswer {
    counts.refused++
    return { status, body }
  }

  function grant(refresh: Refresh, wantsHardExpiry: boolean): TokenAnswer {
    const age = Math.floor((clock.now() - refresh.issuedAt) / 1000)
    const hardSeconds = Math.ceil((hardEnd() - clock.now()) / 1000)
    const body: Record<string, unknown> = {
      token_type: 'bearer',
      access_token: issueAccess(),
      expires_in: switches.accessTokenSeconds,
      refresh_token: current,
      x_refresh_token_expires_in: Math.min(switches.refreshTokenSeconds - age, hardSeconds),
    }
    if (wantsHardExpiry) body.x_refresh_token_hard_expires_in = hardSeconds
    return { status: 200, body }
  }

  function refreshGrant(value: string, wantsHardExpiry: boolean): TokenAnswer {
    const known = refreshTokens.get(value)
    const now = clock.now()
    const unused = known && now - known.usedAt > switches.refreshTokenSeconds * 1000
    const dead = known?.deadAt !== undefined && now >= known.deadAt
    if (!known || unused || dead || now >= hardEnd()) {
      return refuse(400, {
        error_description: 'Incorrect or invalid refresh token',
        error: 'invalid_grant',
      })
    }
    counts.refreshes++
    known.usedAt = now
    const old = switches.rotation === 'daily' && now - known.issuedAt >= day
    // A previous token within its grace leads to the current one, not to a second line of tokens.
    if (value === current && (switches.rotation === 'always' || old)) {
      counts.rotations++
      known.deadAt = now + switches.graceSeconds * 1000
      issueRefresh(freshRefresh())
    }
    return grant(refreshTokens.get(current) as Refresh, wantsHardExpiry)
  }

  function codeGrant(form: URLSearchParams, wantsHardExpiry: boolean): TokenAnswer {
    const code = codes.get(form.get('code') ?? '')
    const refusal = { error_description: 'Invalid authorization code', error: 'invalid_grant' }
    if (!code) return refuse(400, refusal)
    if (code.used) {
      // Using a code twice kills the tokens that came of it.
      revoke()
      return refuse(400, refusal)
    }
    if (code.redirectUri !== undefined && code.redirectUri !== form.get('redirect_uri'))
      return refuse(400, { error_description: 'Invalid redirect uri', error: 'invalid_grant' })
    code.used = true
    counts.codes++
    const previous = refreshTokens.get(current)
    if (previous) previous.deadAt = clock.now()
    consentedAt = clock.now()
    return grant(refreshTokens.get(issueRefresh(freshRefresh())) as Refresh, wantsHardExpiry)
  }

  return {
    exchange(authorization, form, wantsHardExpiry) {
      const [id, secret] = clientOf(authorization, form)
      if (id !== clientId || secret !== clientSecret)
        return refuse(401, { error: 'invalid_client' })
      const type = form.get('grant_type')
      if (type === 'refresh_token' && form.has('refresh_token'))
        return refreshGrant(form.get('refresh_token') as string, wantsHardExpiry)
      if (type === 'authorization_code' && form.has('code')) return codeGrant(form, wantsHardExpiry)
      return refuse(400, { error: 'invalid_request' })
    },
    judge(authorization) {
      const token = /^Bearer\s+(\S+)$/i.exec(authorization ?? '')?.[1]
      if (token === undefined || token.length < 40 || token.length > 4096) return 'malformed'
      const access = accessTokens.get(token)
      if (!access || clock.now() >= access.deadAt) return 'expired'
      const most = switches.accessTokenRequests
      if (most > 0 && access.requests >= most) return 'expired'
      access.requests++
      return 'good'
    },
    mintCode(redirectUri) {
      const code = `XAB1${randomBytes(20).toString('hex')}`
      codes.set(code, { redirectUri, used: false })
      return code
    },
    expireAccessTokens: () => accessTokens.clear(),
    revoke,
    refreshToken: () => current,
    accessToken: () => lastAccess,
    counts,
  }
}
