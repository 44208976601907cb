import { type Entity, type Field, findEntity } from './catalogue.ts'
import { lexicalFault, readTokens, type Token } from './lexer.ts'
import { QueryFault } from './query-fault.ts'

export type Operator = '=' | '<' | '>' | '<=' | '>=' | 'like' | 'in'
export type Condition = { field: Field; operator: Operator; values: string[] }
export type Order = { field: Field; descending: boolean }

export type Query = {
  entity: Entity
  /** `all` for `*`, `count` for count(*), else the properties asked for. */
  select: 'all' | 'count' | string[]
  where: Condition[]
  orderBy: Order[]
  /** From 1. */
  startPosition: number
  maxResults: number
}

export type QuerySwitches = {
  /** STARTPOSITION 0: a 4001 fault as recorded in 2013, or tolerated. */
  startPositionZero: 'fault' | 'accept'
  /** ORDERBY Id since 2026-01: sorted numerically, refused, or ignored. */
  idOrder: 'numeric' | 'fault' | 'ignored'
}

type Parser = { tokens: Token[]; at: number; text: string }

const keywords = new Set(
  'select from where and or order orderby by asc desc startposition maxresults in like count'.split(
    ' ',
  ),
)
const afterClause = [
  '<EOF>',
  '"iterator"',
  '"maxresults"',
  '"order"',
  '"orderby"',
  '"startposition"',
]
const afterCondition = [
  '<EOF>',
  '<AND>',
  '"iterator"',
  '"maxresults"',
  '<OR>',
  '"order"',
  '"orderby"',
  '"startposition"',
]

function invalid(detail: string): never {
  throw new QueryFault('4001', `QueryValidationError: ${detail}`)
}

function peek(parser: Parser): Token {
  const token = parser.tokens[Math.min(parser.at, parser.tokens.length - 1)] as Token
  if (token.kind === 'stray') throw lexicalFault(token)
  return token
}

function shown(token: Token): string {
  if (token.kind === 'end') return '"<EOF>"'
  const kinds = { string: '<STRING>', integer: '<INTEGER>', decimal: '<DECIMAL>' }
  const named = token.kind === 'word' && !keywords.has(token.value) ? '<IDENTIFIER>' : undefined
  const kind = kinds[token.kind as keyof typeof kinds] ?? named ?? `"${token.value}"`
  return `" ${kind} "${token.image} ""`
}

// The wording, blanks and all, is that of the parser generator which QuickBooks uses.
function unexpected(token: Token, expected: string[]): never {
  const place = `at line ${token.line}, column ${token.column}`
  const list = expected.map((entry) => `    ${entry} ${entry === '<EOF>' ? '' : '...'}\n`).join('')
  const lead = expected.length > 1 ? 'Was expecting one of' : 'Was expecting'
  const detail = `QueryParserError: Encountered ${shown(token)} ${place}.\n${lead}:\n${list}    `
  throw new QueryFault('4000', detail)
}

function take(parser: Parser, ...images: string[]): boolean {
  const token = peek(parser)
  if (!images.includes(token.value) || token.kind === 'string') return false
  parser.at++
  return true
}

function expect(parser: Parser, ...images: string[]): void {
  const wanted = images.map((image) => `"${image}"`)
  if (!take(parser, ...images)) unexpected(peek(parser), wanted)
}

function takeName(parser: Parser): string {
  const token = peek(parser)
  if (token.kind !== 'word' || keywords.has(token.value)) unexpected(token, ['<IDENTIFIER>'])
  parser.at++
  return token.image
}

function readSelect(parser: Parser): Query['select'] {
  expect(parser, 'select')
  if (take(parser, '*')) return 'all'
  const following = parser.tokens[parser.at + 1]
  if (peek(parser).value === 'count' && following?.image === '(') {
    parser.at += 2
    expect(parser, '*')
    expect(parser, ')')
    return 'count'
  }
  const names = [takeName(parser)]
  while (take(parser, ',')) names.push(takeName(parser))
  return names
}

function readValue(parser: Parser): string {
  const token = peek(parser)
  const bare = token.kind === 'word' && (token.value === 'true' || token.value === 'false')
  if (token.kind === 'word' ? !bare : token.kind === 'symbol' || token.kind === 'end')
    unexpected(token, ['<BOOLEAN>', '<DECIMAL>', '<INTEGER>', '<STRING>'])
  parser.at++
  return token.value
}

function readCondition(parser: Parser): { name: string; operator: Operator; values: string[] } {
  const name = takeName(parser)
  const token = peek(parser)
  if (take(parser, 'in')) {
    expect(parser, '(')
    const values = [readValue(parser)]
    while (take(parser, ',')) values.push(readValue(parser))
    expect(parser, ')')
    return { name, operator: 'in', values }
  }
  if (!take(parser, '=', '<', '>', '<=', '>=', 'like'))
    unexpected(token, ['"<"', '"<="', '"="', '">"', '">="', '"in"', '"like"'])
  return { name, operator: token.value as Operator, values: [readValue(parser)] }
}

function readCount(parser: Parser): number {
  const token = peek(parser)
  if (token.kind !== 'integer') unexpected(token, ['<INTEGER>'])
  parser.at++
  return Number(token.value)
}

function findField(entity: Entity, name: string): Field {
  const field = entity.fields.get(name.toLowerCase())
  if (field) return field
  const top = (name.split('.')[0] as string).toLowerCase()
  const parts = [...entity.fields.keys()].some((path) => path.startsWith(`${top}.`))
  if (entity.others.has(name.toLowerCase()) || (!parts && entity.others.has(top)))
    invalid(`property '${name}' is not queryable`)
  return invalid(`Property ${name} not found for Entity ${entity.name}`)
}

function checkProjection(entity: Entity, names: string[]): string[] {
  for (const name of names) {
    const top = (name.split('.')[0] as string).toLowerCase()
    if (!entity.fields.has(name.toLowerCase()) && !entity.others.has(top))
      invalid(`Property ${name} not found for Entity ${entity.name}`)
  }
  return names
}

function checkCount(count: number): number {
  if (count > 1000) invalid(`value ${count} is too large. Max allowed value is 1000`)
  if (count < 1) invalid(`value ${count} is too small. Min allowed value is 1`)
  return count
}

function checkOrder(entity: Entity, name: string, idOrder: QuerySwitches['idOrder']): Field {
  const field = findField(entity, name)
  if (!field.sort || (field.kind === 'id' && idOrder === 'fault'))
    invalid(`property '${field.path}' is not sortable`)
  return field
}

/**
 * Parses one statement of QuickBooks' query language. Throws QueryFault with code 4000 for what
 * cannot be parsed and 4001 for what is not allowed, the detail worded as QuickBooks words it.
 */
export function parseQuery(text: string, switches: QuerySwitches): Query {
  if (text.trim() === '') throw new QueryFault('4000', 'The query provided was empty')
  const parser: Parser = { tokens: readTokens(text), at: 0, text }
  const selected = readSelect(parser)
  expect(parser, 'from')
  const source = takeName(parser)
  const conditions: ReturnType<typeof readCondition>[] = []
  let expected = [...afterClause.slice(0, 5), '"startposition"', '"where"']
  if (take(parser, 'where')) {
    expected = afterCondition
    do conditions.push(readCondition(parser))
    while (take(parser, 'and'))
  }
  const orders: { name: string; descending: boolean }[] = []
  const spaced = peek(parser).value === 'order'
  if (take(parser, 'orderby', 'order')) {
    if (spaced) expect(parser, 'by')
    expected = ['<EOF>', '"asc"', '","', '"desc"', '"maxresults"', '"startposition"']
    do {
      const name = takeName(parser)
      const descending = take(parser, 'desc')
      if (!descending) take(parser, 'asc')
      orders.push({ name, descending })
    } while (take(parser, ','))
  }
  let [start, most]: (number | undefined)[] = []
  for (;;) {
    if (start === undefined && take(parser, 'startposition')) start = readCount(parser)
    else if (most === undefined && take(parser, 'maxresults')) most = readCount(parser)
    else break
    expected = ['<EOF>', '"maxresults"', '"startposition"']
  }
  if (peek(parser).kind !== 'end') unexpected(peek(parser), expected)

  const entity = findEntity(source)
  if (!entity) return invalid(`invalid context declaration: ${source}`)
  const where = conditions.map(({ name, operator, values }) => {
    const field = findField(entity, name)
    if (!field.filter) invalid(`property '${field.path}' is not queryable`)
    return { field, operator, values }
  })
  const orderBy = orders
    .map(({ name, descending }) => ({
      field: checkOrder(entity, name, switches.idOrder),
      descending,
    }))
    .filter(({ field }) => field.kind !== 'id' || switches.idOrder !== 'ignored')
  if (start === 0 && switches.startPositionZero === 'fault')
    invalid('value 0 is too small. Min allowed value is 1')
  return {
    entity,
    select: Array.isArray(selected) ? checkProjection(entity, selected) : selected,
    where,
    orderBy,
    startPosition: Math.max(start ?? 1, 1),
    maxResults: most === undefined ? 100 : checkCount(most),
  }
}
