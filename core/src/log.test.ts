import { PassThrough } from 'node:stream'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createLog, type Log, type LogLevel } from './log.ts'

function start(environment: Record<string, string> = {}): { log: Log; lines: () => string[] } {
  const output = new PassThrough()
  const log = createLog('tap-x', output, environment)
  return {
    log,
    lines: () =>
      String(output.read() ?? '')
        .split('\n')
        .slice(0, -1),
  }
}

const LEVELS = ['debug', 'info', 'warning', 'error', 'critical'] as const
const JSON_LOG = { LOGGING_CONF_FILE: 'logging.yaml' }

test('a text line is the level and the message', () => {
  const { log, lines } = start()
  log.configure({ level: 'debug' })
  for (const level of LEVELS) log[level](`an ${level}`)
  expect(lines()).toEqual([
    'DEBUG an debug',
    'INFO an info',
    'WARNING an warning',
    'ERROR an error',
    'CRITICAL an critical',
  ])
})

test.each([
  ['debug', 5],
  ['info', 4],
  ['warning', 3],
  ['error', 2],
] as const)('at level %s the %i highest are printed', (level: LogLevel, count) => {
  const { log, lines } = start()
  log.configure({ level })
  expect(log.level()).toBe(level)
  for (const name of LEVELS) log[name]('x')
  expect(lines()).toHaveLength(count)
})

test('without a setting the level is info', () => {
  const { log, lines } = start()
  log.configure({ level: undefined, format: undefined })
  log.debug('x')
  expect(log.level()).toBe('info')
  expect(lines()).toEqual([])
})

test('a message over several lines stays one line; only stacks at debug keep theirs', () => {
  const { log, lines } = start()
  log.configure({ level: 'debug' })
  log.critical('first\r\n  second\n\nCRITICAL third\n')
  expect(lines()).toEqual(['CRITICAL first second CRITICAL third'])
  log.debug('Error: x\n    at y')
  expect(lines()).toEqual(['DEBUG Error: x', '    at y'])
})

test.each(['LOGGING_CONF_FILE', 'SINGER_SDK_LOG_CONFIG'])(
  'where %s is set a line is JSON with the eight fields of Meltano',
  (variable) => {
    const { log, lines } = start({ [variable]: 'logging.yaml' })
    const before = Date.now() / 1000
    log.warning('two\nlines "quoted"', { stream: 'invoices' })
    log.info('no stream')
    const entries = lines().map((line) => JSON.parse(line))
    expect(entries[0]).toEqual({
      level: 'warning',
      pid: process.pid,
      logger_name: 'tap-x',
      ts: expect.any(Number),
      thread_name: 'MainThread',
      app_name: 'tap-x',
      stream_name: 'invoices',
      message: 'two\nlines "quoted"',
    })
    expect(entries[0].ts).toBeGreaterThanOrEqual(before)
    expect(entries[0].ts).toBeLessThanOrEqual(Date.now() / 1000)
    expect(entries[1]).toMatchObject({ level: 'info', stream_name: null })
  },
)

test('an empty variable asks for nothing', () => {
  const { log, lines } = start({ LOGGING_CONF_FILE: '' })
  log.info('x')
  expect(lines()).toEqual(['INFO x'])
})

test('the setting log_format asks for JSON, and text does not take it back from Meltano', () => {
  const wanting = start()
  wanting.log.configure({ format: 'json' })
  wanting.log.info('x')
  expect(JSON.parse(wanting.lines()[0]!)).toMatchObject({ message: 'x' })

  const meltano = start(JSON_LOG)
  meltano.log.configure({ format: 'text' })
  meltano.log.info('x')
  expect(JSON.parse(meltano.lines()[0]!)).toMatchObject({ message: 'x' })
})

test('a metric is a METRIC line, in JSON with its parts beside', () => {
  const metric = {
    type: 'counter',
    metric: 'record_count',
    value: 3,
    tags: { stream: 'invoices', n: 1 },
  } as const
  const text = start()
  text.log.metric(metric)
  const [line] = text.lines()
  expect(line).toMatch(/^INFO METRIC: \{"type":"counter","metric":"record_count","value":3,/)
  expect(JSON.parse(line!.slice('INFO METRIC: '.length))).toEqual(metric)

  const json = start(JSON_LOG)
  json.log.metric(metric)
  json.log.metric({ ...metric, tags: {} })
  const entries = json.lines().map((entry) => JSON.parse(entry))
  expect(entries[0]).toMatchObject({
    level: 'info',
    message: `METRIC: ${JSON.stringify(metric)}`,
    metric_info: metric,
    stream_name: 'invoices',
  })
  expect(entries[1]).toMatchObject({ stream_name: null })
})

test('metrics are silent above info', () => {
  const { log, lines } = start()
  log.configure({ level: 'warning' })
  log.metric({ type: 'timer', metric: 'x', value: 1, tags: {} })
  expect(lines()).toEqual([])
})

const SECRET = 'p&ss w/ö"r\\d+~!\'(x)*\nline 2'

test.each([
  ['as it is', SECRET],
  ['in a URL', encodeURIComponent(SECRET)],
  ['in a form', new URLSearchParams({ a: SECRET }).toString().slice(2)],
  [
    'in a form with %20',
    new URLSearchParams({ a: SECRET }).toString().slice(2).replaceAll('+', '%20'),
  ],
  ['in JSON', JSON.stringify({ a: SECRET })],
  ['in base64', Buffer.from(SECRET).toString('base64')],
  ['in base64url', Buffer.from(SECRET).toString('base64url')],
  ['on one line', SECRET.replace('\n', ' ')],
  ['twice', `${SECRET} ${SECRET}`],
])('a hidden text is not printed: %s', (_, form) => {
  for (const environment of [{}, JSON_LOG]) {
    const { log, lines } = start(environment)
    log.hide(SECRET)
    log.info(`before ${form} after`, { stream: form })
    log.metric({ type: 'timer', metric: 'm', value: 1, tags: { a: { b: [form] } } })
    const text = lines().join('\n')
    expect(text).toContain('before ')
    expect(text).toContain('***')
    expect(text).toContain(' after')
    for (const part of [
      'p&ss',
      'ss w',
      'ss%20w',
      'ss+w',
      'line',
      Buffer.from(SECRET).toString('base64').slice(0, 10),
    ])
      expect(text).not.toContain(part)
  }
})

test('No secret reaches any line of the log', () => {
  const secrets = fc.array(
    fc.string({ unit: 'binary', minLength: 4, maxLength: 20 }).filter(
      // One that is itself part of every line, or is made of blanks, hides nothing.
      (text) => text.trim().length >= 4 && !/^[*\s]+$/.test(text),
    ),
    { minLength: 1, maxLength: 4 },
  )
  fc.assert(
    fc.property(secrets, fc.constantFrom(...LEVELS), fc.boolean(), (hidden, level, isJson) => {
      const { log, lines } = start(isJson ? JSON_LOG : {})
      log.configure({ level: 'debug' })
      for (const secret of hidden) log.hide(secret)
      log[level](
        `<${hidden.join('>\n<')}> ${JSON.stringify(hidden)} ${encodeURIComponent(hidden.join('|'))}`,
      )
      const text = lines().join('\n')
      const shown = isJson ? JSON.parse(text).message : text
      for (const secret of hidden) {
        expect(shown).not.toContain(secret)
        expect(shown).not.toContain(encodeURIComponent(secret))
      }
    }),
  )
})

test('a secret that begins with another one leaves nothing of itself', () => {
  for (const secrets of [
    ['abcd', 'abcdEFGH'],
    ['abcdEFGH', 'abcd'],
  ]) {
    const { log, lines } = start()
    for (const secret of secrets) log.hide(secret)
    log.info('abcdEFGH abcd')
    expect(lines()).toEqual(['INFO *** ***'])
  }
})

test('a secret read with the newline at its end is hidden also without', () => {
  const { log, lines } = start()
  log.hide('hunter22\n')
  log.info('got hunter22.')
  expect(lines()).toEqual(['INFO got ***.'])
})

test('a secret with a lone surrogate is hidden and breaks nothing', () => {
  const { log, lines } = start()
  log.hide('abc\ud800def')
  log.info('abc\ud800def')
  expect(lines()).toEqual(['INFO ***'])
})

test('texts too short to be secrets blank nothing out', () => {
  const { log, lines } = start()
  for (const text of ['', ' ', 'a', 'abc', '   a   ']) log.hide(text)
  log.info('a b abc')
  expect(lines()).toEqual(['INFO a b abc'])
})

test('JSON lines stay valid whatever is hidden', () => {
  const { log, lines } = start(JSON_LOG)
  for (const secret of ['level', 'message', '","', 'info', 'null', '1234', 'MainThread'])
    log.hide(secret)
  log.info('the level is 1234')
  log.metric({ type: 'counter', metric: 'level', value: 1234, tags: { level: null } })
  for (const line of lines()) expect(JSON.parse(line)).toHaveProperty('level')
})

test('what a terminal would obey is shown, not done', () => {
  const { log, lines } = start()
  log.configure({ level: 'debug' })
  log.warning("stream '\u001b[2J\u0007\u009b\u0000\ttab é'")
  log.debug('at\n  one\u001b[1m')
  expect(lines()).toEqual([
    "WARNING stream '\\x1b[2J\\x07\\x9b\\x00\ttab é'",
    'DEBUG at',
    '  one\\x1b[1m',
  ])
})
