import { expect, test } from 'vitest'
import { parseQuery } from './query.ts'
import { QueryFault } from './query-fault.ts'

const switches = { startPositionZero: 'fault', idOrder: 'numeric' } as const

function refusal(statement: string, other: Partial<Parameters<typeof parseQuery>[1]> = {}) {
  try {
    parseQuery(statement, { ...switches, ...other })
  } catch (error) {
    if (error instanceof QueryFault) return { code: error.code, detail: error.message }
    throw error
  }
  return undefined
}

test('an apostrophe that is not escaped is refused in the recorded words', () => {
  expect(refusal("select * from vendor where DisplayName = 'Cutlery 'R Us'")).toEqual({
    code: '4000',
    detail:
      'QueryParserError: Encountered " <IDENTIFIER> "R "" at line 1, column 52.\nWas expecting one of:\n    <EOF> \n    <AND> ...\n    "iterator" ...\n    "maxresults" ...\n    <OR> ...\n    "order" ...\n    "orderby" ...\n    "startposition" ...\n    ',
  })
})

test('a stray character is refused in the recorded words', () => {
  expect(refusal('select * from Account where AccountSubType =%27Inventory%27')).toEqual({
    code: '4000',
    detail:
      'QueryParserError: Invalid content. Lexical error at line 1, column 45.  Encountered: "%" (37), after : ""',
  })
  expect(refusal('select * from Item where Name = "Pump"')?.detail).toContain(
    'Encountered: "\\"" (34)',
  )
})

test('an empty statement is refused in the recorded words', () => {
  expect(refusal(' ')).toEqual({ code: '4000', detail: 'The query provided was empty' })
})

test.each([
  ['select * from Custmoer', 'invalid context declaration: Custmoer'],
  ["select * from Customer where Email = 'x'", 'Property Email not found for Entity Customer'],
  [
    "select * from Customer where PrimaryEmailAddr.Address = 'x'",
    'Property PrimaryEmailAddr.Address not found for Entity Customer',
  ],
  ["select * from Invoice where DepartmentRef = '1'", "property 'DepartmentRef' is not queryable"],
  ["select * from Invoice where Line.Amount > '1'", "property 'Line.Amount' is not queryable"],
  ['select * from Invoice maxresults 1500', 'value 1500 is too large. Max allowed value is 1000'],
  ['select * from Invoice startposition 0', 'value 0 is too small. Min allowed value is 1'],
])('%s is refused with 4001', (statement, detail) => {
  expect(refusal(statement)).toEqual({ code: '4001', detail: `QueryValidationError: ${detail}` })
})

test.each([
  "select * from Invoice where DocNumber = '1' or DocNumber = '2'",
  "select * from Invoice where DocNumber != '1'",
  "select * from Invoice where DocNumber <> '1'",
  'select * from Invoice where TxnDate between 1 and 2',
  "select * from Invoice where (DocNumber = '1')",
  'select * from',
  'select from Invoice',
  'select * from Invoice maxresults',
  'select * from Invoice maxresults 5 where Id = 1',
  'update Invoice',
])('%s cannot be parsed', (statement) => {
  expect(refusal(statement)?.code).toBe('4000')
})

test('keywords and names are taken in any case and clauses in both spellings', () => {
  const query = parseQuery(
    "SeLeCt * FROM invoice WHERE metadata.lastupdatedtime >= '2020-01-01' Order By Metadata.LastUpdatedTime DESC maxresults 7 STARTPOSITION 3",
    switches,
  )
  expect(query.entity.name).toBe('Invoice')
  expect(query.where[0]?.field.path).toBe('MetaData.LastUpdatedTime')
  expect(query.orderBy[0]).toMatchObject({ descending: true })
  expect(query).toMatchObject({ startPosition: 3, maxResults: 7, select: 'all' })
  expect(parseQuery('select * from Item startposition 3 maxresults 7', switches)).toMatchObject({
    startPosition: 3,
    maxResults: 7,
  })
})

test('values are read with backslash escapes, lists and booleans', () => {
  const query = parseQuery(
    "select * from Customer where DisplayName = 'Amy\\'s \\\\ Bird' and Active in (true, false) and Id in ('5','6')",
    switches,
  )
  expect(query.where.map(({ values }) => values)).toEqual([
    ["Amy's \\ Bird"],
    ['true', 'false'],
    ['5', '6'],
  ])
})

test('100 rows are given where MAXRESULTS is not', () => {
  expect(parseQuery('select * from Item', switches).maxResults).toBe(100)
})

test('switches tolerate STARTPOSITION 0 and refuse ORDERBY Id', () => {
  expect(
    refusal('select * from Item startposition 0', { startPositionZero: 'accept' }),
  ).toBeUndefined()
  expect(refusal('select * from Item orderby Id', { idOrder: 'fault' })?.code).toBe('4001')
  expect(refusal('select * from Item orderby Id')).toBeUndefined()
})
