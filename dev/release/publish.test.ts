import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { json } from 'node:stream/consumers'
import { execa } from 'execa'
import { beforeEach, expect, onTestFinished, test, vi } from 'vitest'
import type { Tarball } from './packages.ts'
import { publishMissing, pushTag } from './publish.ts'

vi.setConfig({ testTimeout: 180_000 })

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'release-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
})

/** As much of a registry as npm needs to publish and to look up. */
async function startRegistry() {
  type Document = { versions: Record<string, unknown> }
  const documents = new Map<string, Document>()
  const published: string[] = []
  const refused = new Set<string>()
  const server = createServer(async (request, response) => {
    const name = (request.url ?? '').slice(1)
    const answer = (status: number, body: unknown): void => {
      response.writeHead(status, { 'content-type': 'application/json' })
      response.end(JSON.stringify(body))
    }
    if (request.method === 'PUT') {
      const document = (await json(request)) as Document
      if (refused.has(name)) return answer(403, { error: 'not now' })
      documents.set(name, document)
      published.push(`${name}@${Object.keys(document.versions)}`)
      return answer(201, { ok: true })
    }
    const known = documents.get(name)
    return known ? answer(200, known) : answer(404, { error: 'not found' })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => void server.close())
  const { port } = server.address() as AddressInfo
  const userconfig = join(folder, 'npmrc')
  writeFileSync(userconfig, `//127.0.0.1:${port}/:_authToken=of-the-test\n`)
  const flags = [
    ...[`--registry=http://127.0.0.1:${port}/`, `--userconfig=${userconfig}`],
    ...[
      `--cache=${join(folder, 'cache')}`,
      '--no-provenance',
      '--fetch-retries=0',
      '--prefer-online',
    ],
  ]
  return { flags, published, refused, stop: () => server.close() }
}

async function pack(...names: string[]): Promise<Tarball[]> {
  for (const name of names) {
    mkdirSync(join(folder, name))
    writeFileSync(
      join(folder, name, 'package.json'),
      JSON.stringify({ name, version: '1.2.0', files: [] }),
    )
  }
  const words = ['pack', '--json', ...names.map((name) => `./${name}`)]
  const { stdout } = await execa('npm', words, { cwd: folder })
  const packed = Object.values<Tarball & { filename: string }>(JSON.parse(stdout))
  return packed.map((one) => ({ ...one, path: join(folder, one.filename) }))
}

test('a release that broke off half-way is finished by the same command, and what is there stays', async () => {
  const { flags, published, refused } = await startRegistry()
  const tarballs = await pack('one', 'two')
  refused.add('two')
  await expect(publishMissing(tarballs, flags)).rejects.toThrow(/403/)
  expect(published).toEqual(['one@1.2.0'])
  refused.clear()
  await publishMissing(tarballs, flags)
  expect(published).toEqual(['one@1.2.0', 'two@1.2.0'])

  // Another commit with the same version: nothing of it is published.
  const [one, two] = tarballs as [Tarball, Tarball]
  const others = [
    { ...one, name: 'three' },
    { ...two, integrity: 'sha512-another' },
  ]
  await expect(publishMissing(others, flags)).rejects.toThrow(/npm has another two 1\.2\.0 than/)
  expect(published.length).toBe(2)
})

test('a registry out of reach is no "not published"', async () => {
  const { flags, published, stop } = await startRegistry()
  stop()
  await expect(publishMissing(await pack('one'), flags)).rejects.toThrow(
    /npm does not say whether one 1\.2\.0 is published:\n.*ECONNREFUSED/s,
  )
  expect(published).toEqual([])
})

test('one tag is pushed, and no other of the clone', async () => {
  const [origin, clone] = [join(folder, 'origin.git'), join(folder, 'clone')]
  const git = async (...words: string[]): Promise<string> =>
    (await execa('git', ['-c', 'user.name=a', '-c', 'user.email=a@b', ...words])).stdout
  await git('init', '--quiet', '--bare', origin)
  await git('clone', '--quiet', origin, clone)
  await git('-C', clone, 'commit', '--quiet', '--allow-empty', '--message=first')
  await git('-C', clone, 'tag', 'of-somebody')
  await pushTag('v1.2.0', clone)
  const head = await git('-C', clone, 'rev-parse', 'HEAD')
  expect(await git('-C', origin, 'show-ref')).toBe(`${head} refs/tags/v1.2.0`)
  expect(await git('-C', clone, 'tag')).toBe('of-somebody')
  // Another commit cannot take its name.
  await git('-C', clone, 'commit', '--quiet', '--allow-empty', '--message=second')
  await expect(pushTag('v1.2.0', clone)).rejects.toThrow(/already exists|rejected/)
})
