import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { cp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { execa } from 'execa'
import { expect, onTestFinished, test, vi } from 'vitest'
import { PACKAGES, ROOT, readManifest } from '../release/packages.ts'
import { skip } from '../skip.ts'
import { readText } from './deployment.ts'
import { cleanEnvironment, INSTALLING_MS, IS_LONG, install } from './installing.ts'

vi.setConfig({ testTimeout: INSTALLING_MS })

/** What .dockerignore lets through; with `dist` of now where the image does not build it itself. */
async function copyContext(into: string, withDist: boolean): Promise<void> {
  const allowed = readText('.dockerignore').matchAll(/^!(.*)$/gm)
  for (const [, path = ''] of allowed)
    await cp(join(ROOT, path), join(into, path), {
      recursive: true,
      filter: (from) =>
        basename(from) !== 'node_modules' && (withDist || basename(from) !== 'dist'),
    })
}

type Lock = { packages: Record<string, { version?: string; dev?: boolean; link?: boolean }> }

test('the image has what package-lock.json says, runs from it, and has nothing of dev', async (context) => {
  const folder = mkdtempSync(join(tmpdir(), 'image-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  await copyContext(folder, !IS_LONG)
  const build = readText('Dockerfile').split(/^FROM /m)[1] ?? ''
  const [first = '', second = '', ...more] = [
    ...build.replace(/\\\n/g, ' ').matchAll(/^RUN (.*)$/gm),
  ].map(([, command = '']) => command)
  expect(more).toEqual([])
  // The first makes `dist`, which is here already.
  for (const command of IS_LONG ? [first, second] : [second]) {
    expect(command).toMatch(/^npm ci --ignore-scripts /)
    const options = { cwd: folder }
    if (
      (await install(
        'sh',
        ['-c', `${command.replace('npm ci', 'npm ci --prefer-offline')}`],
        options,
      )) === 'unreachable'
    )
      skip(context, 'the npm registry is out of reach')
  }

  const locked: Lock = JSON.parse(readFileSync(join(ROOT, 'package-lock.json'), 'utf8'))
  const installed: Lock = JSON.parse(
    readFileSync(join(folder, 'node_modules/.package-lock.json'), 'utf8'),
  )
  const paths = Object.keys(installed.packages).filter((path) => path.startsWith('node_modules/'))
  for (const path of paths) {
    if (locked.packages[path]?.link) continue
    const { version } = JSON.parse(readFileSync(join(folder, path, 'package.json'), 'utf8'))
    expect({ path, version, dev: undefined }).toEqual({
      ...{ path, version: locked.packages[path]?.version, dev: locked.packages[path]?.dev },
    })
  }
  for (const one of PACKAGES) {
    expect(paths).toContain(`node_modules/${readManifest(one).name}`)
    expect(readdirSync(join(folder, one)).sort()).toEqual(
      [
        ...['LICENSE', 'README.md', 'dist', 'package.json'],
        ...(readManifest(one).files as string[]).filter((file) =>
          /^(bin|queries\.sql)$/.test(file),
        ),
      ].sort(),
    )
  }
  expect(existsSync(join(folder, 'dev'))).toBe(false)
  for (const name of ['tap-quickbooks', 'target-postgres-raw', 'singer-run']) {
    const program = join(folder, 'node_modules/.bin', name)
    const { stdout } = await execa(program, ['--version'], {
      ...{ cwd: folder, env: cleanEnvironment(), extendEnv: false },
    })
    expect(stdout).toBe(`${name} ${readManifest(name).version}`)
  }
})
