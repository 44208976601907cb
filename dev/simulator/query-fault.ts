export type QueryFaultCode = '4000' | '4001' | '4002' | '610' | '10000'

/** What the query end point refuses with HTTP 400, in QuickBooks' words. */
export class QueryFault extends Error {
  readonly code: QueryFaultCode

  constructor(code: QueryFaultCode, detail: string) {
    super(detail)
    this.code = code
  }
}
