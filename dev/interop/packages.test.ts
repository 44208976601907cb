import { mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { execa } from 'execa'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { compareWithCompany, countRows, createPipeline } from '../e2e/pipeline.ts'
import { PACKAGES, packAll, ROOT, readManifest, type Tarball } from '../release/packages.ts'
import { skip } from '../skip.ts'
import {
  cleanEnvironment,
  INSTALLING_MS,
  IS_LONG,
  install,
  NPM_INSTALL,
  nodeDirectory,
} from './installing.ts'

vi.setConfig({ testTimeout: INSTALLING_MS })

/** The oldest of each line that package.json allows. */
const OLDEST = ['20.19.0', '22.12.0', '24.0.0']

const folder = mkdtempSync(join(tmpdir(), 'packages-'))
afterAll(() => rmSync(folder, { recursive: true }))

let tarballs: Tarball[]
beforeAll(async () => {
  tarballs = await packAll(folder)
})

test('a package holds its program, its page and its licence, and no test', () => {
  expect(tarballs.map(({ name }) => name)).toEqual(PACKAGES.map((one) => readManifest(one).name))
  for (const { name, files } of tarballs) {
    expect(files).toEqual(expect.arrayContaining(['LICENSE', 'README.md', 'package.json']))
    expect(files).toContain(name.includes('/') ? 'dist/index.js' : `bin/${name}.js`)
    const besides = name === 'target-postgres-raw' ? ['queries.sql'] : []
    expect(files.filter((path) => !/^(bin|dist|src)\//.test(path)).sort()).toEqual([
      'LICENSE',
      'README.md',
      'package.json',
      ...besides,
    ])
    expect(files.filter((path) => /test|fixture|tsbuildinfo/.test(path))).toEqual([])
  }
})

test.each(PACKAGES)('%s says what npm shows: licence, engines, keywords, access', (one) => {
  const root = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'))
  const { license, engines, keywords, publishConfig, description } = readManifest(one)
  expect({ license, engines }).toEqual({ license: root.license, engines: root.engines })
  expect(keywords).toEqual(expect.arrayContaining(['singer', 'meltano']))
  expect(description).toMatch(/\w/)
  expect(publishConfig).toEqual({ access: 'public', provenance: true })
  expect(readFileSync(join(ROOT, one, 'LICENSE'))).toEqual(readFileSync(join(ROOT, 'LICENSE')))
})

test.each([
  ['publint', '--strict'],
  ['attw', '--profile', 'esm-only', '--no-color'],
])('%s finds nothing to say', async (check, ...flags) => {
  const options = { preferLocal: true, localDir: ROOT, all: true, reject: false } as const
  const ended = tarballs.map(({ path }) => execa(check, [path, ...flags], options))
  for (const { exitCode, all } of await Promise.all(ended))
    expect({ exitCode, said: exitCode === 0 ? '' : all }).toEqual({ exitCode: 0, said: '' })
})

test.for([process.versions.node, ...OLDEST])(
  'the pipeline runs from the tarballs alone, in an empty folder, by the commands of their pages, on Node %s',
  async (version, context) => {
    const isRunning = version === process.versions.node
    if (!isRunning && !IS_LONG) skip(context, 'npm run test:long has the other versions of Node')
    const node = await nodeDirectory(version)
    if (node === undefined) return skip(context, `there is no Node ${version} to be had`)
    const pipeline = await createPipeline({ invoices: 700, customers: 60, items: 30 })
    const cwd = pipeline.folder
    const env = cleanEnvironment({ PATH: [node, process.env.PATH].join(delimiter) })
    const npm = [...NPM_INSTALL, ...tarballs.map(({ path }) => path)]
    if ((await install('npm', npm, { cwd, env })) === 'unreachable')
      return skip(context, 'the npm registry is out of reach')
    expect((await execa('node', ['--version'], { cwd, env })).stdout).toBe(`v${version}`)

    renameSync(pipeline.tapConfig, join(cwd, 'quickbooks.json'))
    renameSync(pipeline.targetConfig, join(cwd, 'postgres.json'))
    for (const page of ['tap-quickbooks', 'target-postgres-raw', 'singer-run'])
      for (const command of commandsOf(page)) {
        const ended = await execa('bash', ['-e', '-c', command], { cwd, env, reject: false })
        const said = ended.exitCode === 0 ? '' : ended.stderr
        expect({ command, exitCode: ended.exitCode, said }).toEqual({
          ...{ command, exitCode: 0, said: '' },
        })
      }
    const script = "import { EXIT } from '@singer-io-ts/core'; console.log(EXIT.done)"
    const imported = await execa('node', ['--input-type=module', '-e', script], { cwd, env })
    expect(imported.stdout).toBe('0')
    expect(await compareWithCompany(pipeline)).toEqual([])
    expect(await countRows(pipeline, 'invoices')).toBe(700)
  },
)

/** The commands that a page shows, but for the installation, which is from the tarballs here. */
function commandsOf(page: string): string[] {
  const text = readFileSync(join(ROOT, page, 'README.md'), 'utf8')
  const commands = [...text.matchAll(/```sh\n([\s\S]*?)\n```/g)].map((match) => match[1] ?? '')
  expect(commands.length).toBeGreaterThanOrEqual(2)
  return commands.filter((command) => !command.startsWith('npm install'))
}
