import { findEntity } from './catalogue.ts'
import { changeDataCapture } from './cdc.ts'
import type { Company } from './company.ts'
import { companyInfoText } from './companyinfo.ts'
import { evaluate } from './evaluate.ts'
import { jsonFault } from './faults.ts'
import type { Switches } from './options.ts'
import { pacificMillis, readTime } from './pacific.ts'
import { parseQuery, type Query } from './query.ts'
import { QueryFault } from './query-fault.ts'
import type { Asked, Fault } from './script.ts'

/** A request to the company's API, taken apart. */
export type Call = Asked & {
  method: string
  path: string
  realmId: string
  /** What follows the realm: `query`, `cdc`, `invoice/5`. */
  resource: string[]
  params: URLSearchParams
  /** The statement of a query. */
  statement: string
}

export type Result = { status: number; contentType: string; text: string; rows: number }

export type ApiContext = {
  company: Company
  switches: Switches
  realmId: string
  /** Start of the company, epoch seconds. */
  from: number
}

const jsonType = 'application/json;charset=utf-8'

function good(text: string, rows: number): Result {
  return { status: 200, contentType: jsonType, text, rows }
}

function bad(
  now: number,
  code: string,
  message: string,
  detail: string,
  element?: string,
  type = 'ValidationFault',
): Result {
  const body = jsonFault(now, code, message, detail, type, element)
  return { status: 400, ...body, rows: 0 }
}

/** Takes a request apart; undefined when the path is not under `/v3/company/`. */
export function readCall(
  method: string,
  url: URL,
  contentType: string,
  body: string,
): Call | undefined {
  const match = /^\/v3\/company\/([^/]*)\/?(.*)$/.exec(url.pathname)
  if (!match) return undefined
  const resource = (match[2] as string).split('/').filter((part) => part !== '')
  const [first = '', second] = resource
  const params = url.searchParams
  const call = { method, path: url.pathname, realmId: match[1] as string, resource, params }
  if (first === 'query' && second === undefined) {
    const form = /form-urlencoded/i.test(contentType)
      ? new URLSearchParams(body).get('query')
      : body
    const statement = params.get('query') ?? (method === 'POST' ? (form ?? '') : '')
    const source = /\bfrom\s+([A-Za-z]+)/i.exec(statement)?.[1] ?? ''
    const entities = [findEntity(source)?.name ?? source].filter((name) => name !== '')
    return { ...call, statement, endpoint: 'query', entities }
  }
  if (first === 'cdc' && second === undefined) {
    const names = (params.get('entities') ?? '').split(',').map((name) => name.trim())
    const entities = names
      .filter((name) => name !== '')
      .map((name) => findEntity(name)?.name ?? name)
    return { ...call, statement: '', endpoint: 'cdc', entities }
  }
  const endpoint = first === 'companyinfo' ? 'companyinfo' : 'read'
  return { ...call, statement: '', endpoint, entities: [findEntity(first)?.name ?? first] }
}

function answerQuery(
  context: ApiContext,
  call: Call,
  now: number,
  fault: Fault | undefined,
): Result {
  const { company, switches } = context
  const query: Query = parseQuery(call.statement, switches)
  const { entity } = query
  const time = `"time":"${pacificMillis(now)}"`
  if (entity.name === 'CompanyInfo') {
    const text = companyInfoText(context.from)
    return good(`{"QueryResponse":{"CompanyInfo":[${text}],"maxResults":1},${time}}`, 1)
  }
  if (fault?.maxResults !== undefined)
    query.maxResults = Math.min(query.maxResults, fault.maxResults)
  if (fault?.extraRows !== undefined) query.maxResults += fault.extraRows
  const table = company.tables.get(entity.name)
  const page = evaluate(table, query)
  if (query.select === 'count')
    return good(`{"QueryResponse":{"totalCount":${page.count}},${time}}`, 0)
  const isSpared = fault?.poisonSparesProjection && query.select !== 'all'
  if (fault?.poisonedId !== undefined && !isSpared) {
    const poisoned = [fault.poisonedId].flat().map(Number)
    if (page.slots.some((slot) => poisoned.includes(table?.ids[slot] as number))) {
      const code = fault.poisonCode ?? '4002'
      throw new QueryFault(code, poisonDetails[code], fault.poisonStatus)
    }
  }
  const { rows } = page
  if (rows.length === 0) return good(`{"QueryResponse":{},${time}}`, 0)
  if (fault?.repeatRow) rows.splice(1, 0, rows[0] as string)
  let counters = `"startPosition":${page.startPosition},"maxResults":${rows.length}`
  if (entity.totalCount) {
    const all = switches.totalCount === 'all'
    const total = all ? evaluate(table, { ...query, select: 'count' }).count : rows.length
    counters += `,"totalCount":${total}`
  }
  const text = `{"QueryResponse":{"${entity.name}":[${rows.join(',')}],${counters}},${time}}`
  return good(text, rows.length)
}

const queryMessages = {
  '4000': 'Error parsing query',
  '4001': 'Invalid query',
  '4002': 'Error processing query',
  '610': 'Object Not Found',
  '10000': 'An application error has occurred while processing your request',
}

/** What is said of a stored row that is invalid. */
const poisonDetails = {
  '4002': 'QueryProcessingError: The email address entered is invalid.',
  '610':
    "Object Not Found : Something you're trying to use has been made inactive. " +
    'Check the fields with accounts, customers, items, vendors or employees.',
  '10000': 'System Failure Error: something in this transaction has been made inactive',
}

function answerCdc(context: ApiContext, call: Call, now: number): Result {
  const { company, switches } = context
  const missing = (name: string) =>
    bad(
      now,
      '2020',
      'Required param missing, need to supply the required value for the API',
      `Required parameter ${name} is missing in the request`,
    )
  if (call.entities.length === 0) return missing('entities')
  const sinceText = call.params.get('changedSince')
  if (sinceText === null) return missing('changedSince')
  const since = readTime(sinceText)
  if (since === undefined)
    return bad(
      now,
      '2030',
      'Invalid changedSince',
      `Invalid date time value: ${sinceText}`,
      'changedSince',
    )
  const asked = []
  for (const name of call.entities) {
    const entity = findEntity(name)
    if (!entity?.cdc) {
      const detail = `QueryValidationError: Entity ${name} is not supported by change data capture`
      return bad(now, '4001', 'Invalid query', detail)
    }
    asked.push({ entity, table: company.tables.get(entity.name) })
  }
  if (switches.cdcOld === 'fault' && since < now - 30 * 86_400_000) {
    const detail = 'changedSince must be within the last 30 days'
    return bad(now, '2030', 'Invalid changedSince', detail, 'changedSince')
  }
  const seconds = Math.ceil(since / 1000)
  const { text, rows } = changeDataCapture(asked, seconds, Math.floor(now / 1000), switches)
  return good(`${text},"time":"${pacificMillis(now)}"}`, rows)
}

function answerRead(context: ApiContext, call: Call, now: number): Result {
  const [name = '', id = '', ...more] = call.resource
  const entity = findEntity(name)
  const lower = name === name.toLowerCase()
  if (call.method !== 'GET' || !entity || !lower || id === '' || more.length > 0) {
    const detail =
      `Operation Could not find resource for relative : ${call.path} of full path: ` +
      `https://c50.qbo.intuit.com/qbo50${call.path} is not supported.`
    return bad(now, '500', 'Unsupported Operation', detail)
  }
  if (!/^\d+$/.test(id)) {
    const detail = `Id should be a valid number. Supplied value:${id}`
    return bad(now, '2030', 'Invalid ID', detail, 'Id')
  }
  const text = context.company.text(entity.name, id)
  if (text === undefined) {
    return bad(now, '610', queryMessages['610'], poisonDetails['610'], '')
  }
  return good(`{"${entity.name}":${text},"time":"${pacificMillis(now)}"}`, 1)
}

/** Answers a request that was let in. `now` is epoch milliseconds. */
export function answerCall(context: ApiContext, call: Call, now: number, fault?: Fault): Result {
  if (call.endpoint === 'query') {
    try {
      return answerQuery(context, call, now, fault)
    } catch (error) {
      if (!(error instanceof QueryFault)) throw error
      const type = error.code === '10000' ? 'SystemFault' : 'ValidationFault'
      const message = queryMessages[error.code]
      const { status } = error
      return { ...bad(now, error.code, message, error.message, undefined, type), status }
    }
  }
  if (call.endpoint === 'cdc' && call.method === 'GET') return answerCdc(context, call, now)
  if (call.endpoint === 'companyinfo' && call.resource[1] === context.realmId) {
    const text = companyInfoText(context.from)
    return good(`{"CompanyInfo":${text},"time":"${pacificMillis(now)}"}`, 1)
  }
  return answerRead(context, call, now)
}
