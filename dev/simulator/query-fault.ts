export type QueryFaultCode = '4000' | '4001' | '4002' | '610' | '10000'

/** What the query end point refuses, with HTTP 400 for the most part, in QuickBooks' words. */
export class QueryFault extends Error {
  readonly code: QueryFaultCode
  readonly status: number

  constructor(code: QueryFaultCode, detail: string, status = 400) {
    super(detail)
    this.code = code
    this.status = status
  }
}
