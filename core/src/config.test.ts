import { PassThrough } from 'node:stream'
import { expect, test } from 'vitest'
import { faultsOf, file, GOOD, read, SCHEMA, SECRET, settingsOf } from '../fixtures/settings.ts'
import { formatGiven, readSettings, type SettingsSchema } from './config.ts'
import type { ConfigError } from './errors.ts'
import { createLog } from './log.ts'

test('settings that are not given have their defaults, or are absent', async () => {
  expect(await settingsOf({})).toEqual({
    client_secret: SECRET,
    realm_id: '123',
    environment: 'production',
    page_size: 1000,
    deletes: true,
    log_level: 'info',
    log_format: 'text',
  })
})

test('all faults are said at once, each with its name and what was found', async () => {
  const { faults, hint } = await read(
    [
      file({
        client_secret: 'short',
        environment: 'test',
        page_size: 1001,
        count: 1.5,
        chunk_days: 0,
        deletes: 'perhaps',
        website: 'nowhere',
        log_level: ['info'],
      }),
    ],
    {},
    () => ['end_date: must be later than start_date'],
  )
  expect([...faults].sort()).toEqual([
    'chunk_days: must be > 0, found 0',
    'client_secret: must NOT have fewer than 8 characters, found a text of 5 characters',
    'count: must be integer, found 1.5',
    'deletes: must be boolean, found "perhaps"',
    'end_date: must be later than start_date',
    'environment: must be one of production, sandbox, found "test"',
    'log_level: must be one of debug, info, warning, error, found ["info"]',
    'log_level: must be string, found ["info"]',
    'page_size: must be <= 1000, found 1001',
    'realm_id: is required, found nothing (Company ID)',
    'website: must match format "uri", found "nowhere"',
  ])
  expect(hint).toBe('See --about for every setting.')
})

test('without any --config the hint says how to give settings', async () => {
  const { faults, hint } = await read([], { TAP_X_REALM_ID: '1' })
  expect(faults).toEqual([
    'client_secret: is required, found nothing (Client secret)',
    'realm_id: is required, found nothing (Company ID)',
  ])
  expect(hint).toMatch(/--config FILE, or --config ENV/)
})

test.each([
  ['page_size', '100', 100],
  ['page_size', ' 5 ', 5],
  ['page_size', '5.0', 5],
  ['count', '-3', -3],
  ['count', '9007199254740991', 9007199254740991],
  ['chunk_days', '1.5', 1.5],
  ['chunk_days', '1e-3', 0.001],
  ['deletes', 'true', true],
  ['deletes', ' FALSE ', false],
  ['deletes', '1', true],
  ['deletes', '0', false],
  ['realm_id', '0123', '0123'],
])(
  '%s given as text %j is read as %j, from files and from the environment',
  async (name, text, wanted) => {
    expect((await settingsOf({ [name]: text }))[name]).toBe(wanted)
    const { settings } = await read([file(GOOD), 'ENV'], { [`TAP_X_${name.toUpperCase()}`]: text })
    expect(settings[name]).toBe(wanted)
  },
)

test.each([
  ['page_size', 'abc', 'must be integer, found "abc"'],
  ['page_size', '', 'must be integer, found ""'],
  ['page_size', '1,000', 'must be integer, found "1,000"'],
  ['page_size', '0x10', 'must be integer, found "0x10"'],
  ['page_size', '1.5', 'must be integer, found 1.5'],
  ['page_size', true, 'must be integer, found true'],
  ['page_size', {}, 'must be integer, found {}'],
  ['page_size', [5], 'must be integer, found [5]'],
  ['count', '12345678901234567890', 'must be integer, found "12345678901234567890"'],
  ['chunk_days', '1e400', 'must be number, found "1e400"'],
  ['chunk_days', 'NaN', 'must be number, found "NaN"'],
  ['chunk_days', 'Infinity', 'must be number, found "Infinity"'],
  ['deletes', 1, 'must be boolean, found 1'],
  ['deletes', 'yes', 'must be boolean, found "yes"'],
  ['realm_id', 123, 'must be a text of digits, in quotes, found 123'],
  ['realm_id', 'a1', 'must be a text of digits, in quotes, found "a1"'],
  [
    'environment',
    'x'.repeat(1000),
    `must be one of production, sandbox, found "${'x'.repeat(199)}…`,
  ],
])('%s: %j is a fault', async (name, value, fault) => {
  expect(await faultsOf({ [name]: value })).toContain(`${name}: ${fault}`)
})

test('a number whose digits were lost is not shown with other digits', async () => {
  const { faults } = await read([
    file(`{"client_secret":"${SECRET}","realm_id":9341452819283746123}`),
  ])
  expect(faults).toEqual([
    'realm_id: must be a text of digits, in quotes, found a number of more than 15 digits',
  ])
})

test('null means nothing was given', async () => {
  expect(await settingsOf({ page_size: null, count: null })).not.toHaveProperty('count')
  expect((await settingsOf({ page_size: null })).page_size).toBe(1000)
  const { settings } = await read([file(GOOD), file({ realm_id: null })])
  expect(settings.realm_id).toBe('123')
  expect(await faultsOf({ realm_id: null })).toEqual([
    'realm_id: is required, found nothing (Company ID)',
  ])
})

test('later files win', async () => {
  const first = file({ ...GOOD, page_size: 1, count: 1 })
  const second = file({ page_size: 2 })
  expect((await read([first, second])).settings).toMatchObject({ page_size: 2, count: 1 })
  expect((await read([second, first])).settings).toMatchObject({ page_size: 1, count: 1 })
})

test('the environment wins over files, whatever the order', async () => {
  const one = file({ ...GOOD, page_size: 1 })
  const environment = { TAP_X_PAGE_SIZE: '7' }
  expect((await read([one, 'ENV'], environment)).settings.page_size).toBe(7)
  expect((await read(['ENV', one], environment)).settings.page_size).toBe(7)
})

test('the environment is read only where ENV is given', async () => {
  const { settings, log } = await read([file(GOOD)], { TAP_X_PAGE_SIZE: '7', TAP_X_PAGESIZE: '7' })
  expect(settings.page_size).toBe(1000)
  expect(log).not.toContain('unknown')
})

test('all settings may come from the environment', async () => {
  const { settings } = await read(['ENV'], {
    TAP_X_CLIENT_SECRET: SECRET,
    TAP_X_REALM_ID: '0123',
    TAP_X_DELETES: 'false',
    TAP_XPAGE_SIZE: '7',
    PAGE_SIZE: '7',
  })
  expect(settings).toMatchObject({ realm_id: '0123', deletes: false, page_size: 1000 })
})

test('an empty variable means nothing was given', async () => {
  const environment = { TAP_X_PAGE_SIZE: '', TAP_X_REALM_ID: '', TAP_X_COUNT: undefined }
  const { settings, faults } = await read([file({ ...GOOD, page_size: 5 }), 'ENV'], environment)
  expect(faults).toEqual([])
  expect(settings).toMatchObject({ page_size: 5, realm_id: '123' })
})

test('variables that Meltano sets beside the settings are no settings', async () => {
  const { log } = await read([file(GOOD), 'ENV'], {
    TAP_X__EXECUTABLE: 'x',
    TAP_X_LOGLEVEL: 'DEBUG',
  })
  expect(log).not.toContain('unknown')
})

test.each([
  ['clientsecret', "did you mean 'client_secret'?"],
  ['CLIENT_SECRET', "did you mean 'client_secret'?"],
  ['realm', "did you mean 'realm_id'?"],
  ['pagesize', "did you mean 'page_size'?"],
  ['pge_size', "did you mean 'page_size'?"],
  ['cuenta', "did you mean 'count'?"],
  ['Cuenta', "did you mean 'count'?"],
  ['zzzzzzzz', 'see --about for the known ones'],
  ['constructor', 'see --about for the known ones'],
  ['__proto__', 'see --about for the known ones'],
])('an unknown setting %s is a warning that helps, without its value', async (name, advice) => {
  const text = `{"client_secret":"${SECRET}","realm_id":"1","${name}":"other-secret"}`
  const { settings, log } = await read([file(text)])
  expect(log).toContain(`WARNING unknown setting '${name}' is ignored; ${advice}`)
  expect(log).not.toContain('other-secret')
  expect(Object.hasOwn(settings, name)).toBe(false)
})

test('a __proto__ in a file sets nothing', async () => {
  const { faults } = await read([file('{"__proto__":{"realm_id":"1","client_secret":"12345678"}}')])
  expect(faults).toHaveLength(2)
})

test('secrets are never in faults, warnings or the log', async () => {
  const { log } = await read([file(GOOD)])
  expect(log).toContain('visible? ***')

  const { faults } = await read([
    file({ client_secret: 'no', pin: 123456, realm_id: SECRET, environment: 'production' }),
  ])
  expect(faults).toEqual([
    'client_secret: must NOT have fewer than 8 characters, found a text of 2 characters',
    'pin: must be <= 9999, found a number',
    `realm_id: must be a text of digits, in quotes, found "${SECRET}"`,
  ])
  expect(await faultsOf({ client_secret: { inner: SECRET } })).toEqual([
    'client_secret: must be string, found a object',
  ])
})

test('a secret is hidden also where another setting is wrong', async () => {
  const output = new PassThrough()
  const log = createLog('tap-x', output)
  const sources = [file({ client_secret: SECRET, environment: SECRET })]
  const options = { schema: SCHEMA, sources, environment: {}, environmentPrefix: 'TAP_X', log }
  const thrown = await readSettings(options).catch((reason: unknown) => reason)
  for (const fault of (thrown as ConfigError).faults) log.error(fault)
  const text = String(output.read())
  expect(text).toContain('environment: must be one of production, sandbox, found "***"')
  expect(text).not.toContain(SECRET)
})

test('a check sees the settings that are good so far, defaults included, and cannot change them', async () => {
  const seen: Record<string, unknown>[] = []
  const check = (settings: Record<string, unknown>): string[] => {
    seen.push({ ...settings })
    settings.realm_id = 'changed'
    return []
  }
  await read([file({ ...GOOD, page_size: 0, count: 'x' })], {}, check)
  expect(seen[0]).toMatchObject({ realm_id: '123', environment: 'production' })
  expect(seen[0]).not.toHaveProperty('page_size')
  expect(seen[0]).not.toHaveProperty('count')
  const { settings } = await read([file(GOOD)], {}, check)
  expect(settings.realm_id).toBe('123')
})

test('what was given can be shown: what differs from its default, and nothing secret', () => {
  const setting = { type: 'string', title: 'x', description: 'x' } as const
  const schema: SettingsSchema = {
    type: 'object',
    required: [],
    properties: {
      token: { ...setting, secret: true },
      token_command: setting,
      start: setting,
      days: { ...setting, type: 'integer', default: 30 },
      rows: { ...setting, type: 'integer', default: 5 },
    },
  }
  const settings = { token: 'abcd', token_command: 'get abcd', start: '2024', days: 7, rows: 5 }
  expect(formatGiven(schema, settings)).toBe('{"start":"2024","days":7}')
})
