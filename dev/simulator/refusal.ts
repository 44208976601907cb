import type { Answer } from './answer.ts'
import { gatewayFault, htmlFault, jsonFault, usualFault, xmlFault } from './faults.ts'
import type { Limits } from './limits.ts'
import type { Switches } from './options.ts'
import type { Fault } from './script.ts'

const challenge = { 'WWW-Authenticate': 'Bearer realm="Intuit", error="invalid_token"' }

/** 401 for a token that is no token, or none that works any more. */
export function unauthorized(now: number, reason: 'malformed' | 'expired'): Answer {
  const detail =
    reason === 'malformed'
      ? 'Malformed bearer token: too short or too long'
      : 'Token expired: 00000000-0000-0000-0000-000000000000'
  const message = 'message=AuthenticationFailed; errorCode=003200; statusCode=401'
  return { status: 401, ...gatewayFault(now, '3200', message, detail), headers: challenge }
}

/** The token is good, but for another company. */
export function wrongRealm(now: number, kind: Switches['wrongRealm']): Answer {
  if (kind === 'forbidden') {
    const message = 'message=ApplicationAuthorizationFailed; errorCode=003100; statusCode=403'
    return { status: 403, ...gatewayFault(now, '3100', message, '', 'SERVICE') }
  }
  if (kind === 'no-destination') {
    const message = 'message=NoDestination; errorCode=007001; statusCode=400'
    const detail = 'No destination found for given partition key'
    return { status: 400, ...gatewayFault(now, '7001', message, detail, 'SERVICE') }
  }
  const detail = 'AuthenticationErrorGeneral: SRV-110-Authentication Failure , statusCode: 401'
  const message = 'General Authentication Error'
  return { status: 401, ...xmlFault(now, '100', message, detail, 'AuthenticationFault') }
}

/** 429 of a limit. */
export function throttled(now: number, limits: Limits): Answer {
  const headers = limits.retryAfter === '' ? {} : { 'Retry-After': limits.retryAfter }
  return { ...scripted(now, { status: 429, body: limits.body }), headers }
}

/** The answer that a fault with a status asks for; without a body kind, the kind usual for it. */
export function scripted(now: number, fault: Fault): Answer {
  const status = fault.status ?? 500
  const usual = usualFault(status === 200 ? 500 : status)
  const code = fault.code ?? usual.code
  const message = fault.message ?? usual.message
  const detail = fault.detail ?? usual.detail
  const gateway = status === 401 || status === 403
  const kind =
    fault.body ??
    (gateway ? 'gateway-fault' : status === 429 ? 'xml' : status > 501 ? 'html' : 'json-fault')
  const headers = status === 401 ? challenge : {}
  switch (kind) {
    case 'empty':
      return { status, contentType: '', text: '', headers }
    case 'text':
      return {
        status,
        contentType: 'application/json;charset=utf-8',
        text: fault.text ?? '',
        headers,
      }
    case 'html':
      return { status, ...htmlFault(status), headers }
    case 'xml':
      return { status, ...xmlFault(now, code, message, detail, usual.type), headers }
    case 'gateway-fault':
      return { status, ...gatewayFault(now, code, message, detail, usual.type), headers }
    case 'json-fault':
      return { status, ...jsonFault(now, code, message, detail, usual.type), headers }
  }
}
