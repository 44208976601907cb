import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { file, folder, GOOD, read, SECRET } from '../fixtures/settings.ts'

test('a file that cannot be read is named, and nothing is said to be missing because of it', async () => {
  const { faults } = await read(['/no/such/file.json', folder, file({ page_size: 0 })], {}, () => [
    'x',
  ])
  expect(faults).toEqual([
    expect.stringMatching(/^--config \/no\/such\/file\.json: cannot be read \(ENOENT/),
    expect.stringMatching(/: cannot be read \(EISDIR/),
    'page_size: must be >= 1, found 0',
  ])
})

test.each([
  [`{\n"client_secret": ${SECRET},\n"realm_id": "1"\n}`, 'is not valid JSON, line 2'],
  [`{\n"client_secret": "${SECRET}"\n"realm_id": "1"\n}`, 'is not valid JSON, line 3'],
  [`{\n"client_secret": "${SECRET}\n}`, 'is not valid JSON, line 2'],
  [`{\n"client_secret": "${SECRET}"\n`, 'is not valid JSON, line 2'],
  [`client_secret: ${SECRET}`, 'is not valid JSON, line 1'],
  ['', 'the file is empty'],
  [' \n', 'the file is empty'],
  ['null', 'is not a JSON object'],
  [`["${SECRET}"]`, 'is not a JSON object'],
  [`"${SECRET}"`, 'is not a JSON object'],
])('a file that is no JSON object (%j) is named without its content', async (text, fault) => {
  const path = file(text)
  expect((await read([path])).faults).toEqual([`--config ${path}: ${fault}`])
})

test('a file that is UTF-16 or no UTF-8 at all is named as such', async () => {
  const path = join(folder, 'encoded.json')
  for (const [bytes, what] of [
    [Buffer.from(`\uFEFF${JSON.stringify(GOOD)}`, 'utf16le'), 'is UTF-16 text'],
    [Buffer.from(`\uFEFF${JSON.stringify(GOOD)}`, 'utf16le').swap16(), 'is UTF-16 text'],
    [Buffer.from(JSON.stringify(GOOD), 'utf16le'), 'is UTF-16 text'],
    [Buffer.from('{"realm_id":"\xe9"}', 'latin1'), 'is not UTF-8 text'],
  ] as const) {
    writeFileSync(path, bytes)
    expect((await read([path])).faults).toEqual([`--config ${path}: ${what}; save it as UTF-8`])
  }
})

test('a value that nests deeply is a fault like any other', async () => {
  const nested = `${'['.repeat(50_000)}${']'.repeat(50_000)}`
  expect((await read([file(`{"page_size":${nested}}`)])).faults).toContain(
    'page_size: must be integer, found something that nests too deeply',
  )
})

test('env in small letters is no file: ENV is meant', async () => {
  const { faults } = await read(['env'])
  expect(faults).toEqual([expect.stringMatching(/^--config env: .*did you mean ENV/)])
})

test('settings given in place of a file name are not repeated', async () => {
  const { faults } = await read([` {"client_secret":"${SECRET}"}`])
  expect(faults).toEqual(['--config: takes the name of a JSON file, found JSON'])
})

test('a byte order mark is accepted', async () => {
  expect((await read([file(`\uFEFF${JSON.stringify(GOOD)}`)])).faults).toEqual([])
})
