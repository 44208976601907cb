/** What the query end point refuses with HTTP 400, in QuickBooks' words. */
export class QueryFault extends Error {
  readonly code: '4000' | '4001' | '4002'

  constructor(code: '4000' | '4001' | '4002', detail: string) {
    super(detail)
    this.code = code
  }
}
