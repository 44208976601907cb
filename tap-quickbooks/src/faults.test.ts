import { expect, test } from 'vitest'
import { readFault } from './faults.ts'

const read = (body: string) => {
  let json: unknown
  try {
    json = JSON.parse(body)
  } catch {
    json = undefined
  }
  return readFault(Buffer.from(body), json)
}

test('the fault of the accounting engine', () => {
  expect(
    read(
      '{"Fault":{"Error":[{"Message":"Invalid query","Detail":"QueryValidationError: invalid context declaration: Invoise","code":"4001"}],"type":"ValidationFault"},"time":"2026-05-05T06:52:56.527-07:00"}',
    ),
  ).toEqual({
    code: '4001',
    type: 'ValidationFault',
    message: 'Invalid query: QueryValidationError: invalid context declaration: Invoise',
  })
})

test('the lower-case fault of the gateway', () => {
  expect(
    read(
      '{"warnings":null,"fault":{"error":[{"message":"message=AuthenticationFailed; errorCode=003200; statusCode=401","detail":"Token expired","code":"3200","element":null}],"type":"AUTHENTICATION"},"queryResponse":null,"time":1601391072830}',
    ),
  ).toEqual({
    code: '3200',
    type: 'AUTHENTICATION',
    message: 'message=AuthenticationFailed; errorCode=003200; statusCode=401: Token expired',
  })
})

test('a fault in XML, and an HTML page of a load balancer', () => {
  expect(
    read(
      '<IntuitResponse time="x" xmlns="http://schema.intuit.com/finance/v3"><Fault type="SERVICE"><Error code="3001"><Message>message=ThrottleExceeded; errorCode=003001; statusCode=429</Message><Detail>The request limit was reached.</Detail></Error></Fault></IntuitResponse>',
    ),
  ).toEqual({
    code: '3001',
    type: 'SERVICE',
    message:
      'message=ThrottleExceeded; errorCode=003001; statusCode=429: The request limit was reached.',
  })
  expect(read('<html><head><title>502 Bad Gateway</title></head></html>')?.message).toBe(
    '502 Bad Gateway',
  )
})

test('an answer without a fault has none', () => {
  expect(read('{"QueryResponse":{},"fault":null}')).toBeUndefined()
  expect(read('not JSON')).toBeUndefined()
  expect(read('{"Fault":{}}')?.message).toBe('no message')
})
