// The three envelopes in which QuickBooks says no.

import { pacificMillis } from './pacific.ts'

export type FaultBody = { contentType: string; text: string }

const json = 'application/json;charset=utf-8'

function escapeXml(text: string): string {
  return text.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;')
}

/** The accounting engine's envelope. `now` in epoch milliseconds; fault 2030 carries no time. */
export function jsonFault(
  now: number,
  code: string,
  message: string,
  detail: string,
  type = 'ValidationFault',
  element?: string,
): FaultBody {
  const error = {
    Message: message,
    Detail: detail,
    code,
    ...(element !== undefined && { element }),
  }
  const time = code === '2030' ? '' : `,"time":"${pacificMillis(now)}"`
  const text = `{"Fault":{"Error":[${JSON.stringify(error)}],"type":"${type}"}${time}}`
  return { contentType: json, text }
}

/** The gateway's lower-case envelope with its null siblings; `time` is epoch milliseconds. */
export function gatewayFault(
  now: number,
  code: string,
  message: string,
  detail: string,
  type = 'AUTHENTICATION',
): FaultBody {
  const text = JSON.stringify({
    warnings: null,
    intuitObject: null,
    fault: { error: [{ message, detail, code, element: null }], type },
    report: null,
    queryResponse: null,
    batchItemResponse: [],
    attachableResponse: [],
    syncErrorResponse: null,
    requestId: null,
    time: now,
    status: null,
    cdcresponse: [],
  })
  return { contentType: 'application/json', text }
}

/** The XML envelope, sent whatever was accepted. */
export function xmlFault(
  now: number,
  code: string,
  message: string,
  detail: string,
  type = 'SERVICE',
): FaultBody {
  const text =
    '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n' +
    `<IntuitResponse time="${pacificMillis(now)}" xmlns="http://schema.intuit.com/finance/v3">` +
    `<Fault type="${type}"><Error code="${code}"><Message>${escapeXml(message)}</Message>` +
    `<Detail>${escapeXml(detail)}</Detail></Error></Fault></IntuitResponse>`
  return { contentType: 'application/xml', text }
}

const reasons: Record<number, string> = {
  401: 'Authorization Required',
  403: 'Forbidden',
  429: 'Too Many Requests',
  500: 'Internal Server Error',
  502: 'Bad Gateway',
  503: 'Service Temporarily Unavailable',
  504: 'Gateway Time-out',
}

/** The load balancer's page. */
export function htmlFault(status: number): FaultBody {
  const title = `${status} ${reasons[status] ?? 'Error'}`
  const text =
    `<html>\r\n<head><title>${title}</title></head>\r\n<body>\r\n<center><h1>${title}</h1></center>` +
    '\r\n<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n'
  return { contentType: 'text/html', text }
}

/** What is said by default with a status: code, message, detail and fault type. */
export function usualFault(status: number): {
  code: string
  message: string
  detail: string
  type: string
} {
  const service = (code: string, word: string, detail: string) => ({
    code,
    message: `message=${word}; errorCode=00${code}; statusCode=${status}`,
    detail,
    type: 'SERVICE',
  })
  switch (status) {
    case 401:
      return { ...service('3200', 'AuthenticationFailed', 'Token expired'), type: 'AUTHENTICATION' }
    case 403:
      return service('3100', 'ApplicationAuthorizationFailed', '')
    case 429:
      return service('3001', 'ThrottleExceeded', 'The request limit was reached.  Try again later')
    case 504:
      return service('6002', 'GatewayTimeout', '')
    case 400:
      return {
        code: '4001',
        message: 'Invalid query',
        detail: 'QueryValidationError: the query is refused',
        type: 'ValidationFault',
      }
    default:
      return {
        code: '10000',
        message: 'An application error has occurred while processing your request',
        detail: 'System Failure Error: InternalServerError',
        type: 'SystemFault',
      }
  }
}
