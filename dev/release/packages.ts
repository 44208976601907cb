import { readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { execa } from 'execa'
import type { Manifest } from './faults.ts'

export const ROOT: string = fileURLToPath(new URL('../../', import.meta.url))

/** What is published, each after those that it needs. */
export const PACKAGES = ['core', 'tap-quickbooks', 'target-postgres-raw', 'singer-run'] as const

export const readManifest = (folder: string): Manifest & Record<string, unknown> => ({
  ...JSON.parse(readFileSync(join(ROOT, folder, 'package.json'), 'utf8')),
  folder,
})

export type Tarball = {
  name: string
  version: string
  path: string
  /** `sha512-…`, as npm names it. */
  integrity: string
  files: string[]
}

/** Packs what stands in `dist` now, without building it. */
export async function packAll(into: string): Promise<Tarball[]> {
  const workspaces = PACKAGES.flatMap((folder) => ['--workspace', folder])
  const { stdout } = await execa(
    'npm',
    ['pack', '--json', '--ignore-scripts', '--pack-destination', into, ...workspaces],
    { cwd: ROOT },
  )
  type Packed = Omit<Tarball, 'path' | 'files'> & { filename: string; files: { path: string }[] }
  // A list, or by name, as the version of npm will have it.
  return Object.values<Packed>(JSON.parse(stdout)).map(
    ({ name, version, integrity, filename, files }) => ({
      name,
      version,
      integrity,
      path: join(into, filename),
      files: files.map(({ path }) => path),
    }),
  )
}

/** Nothing of an earlier build is left in what is published. */
export async function buildAnew(): Promise<void> {
  for (const folder of PACKAGES)
    rmSync(join(ROOT, folder, 'dist'), { recursive: true, force: true })
  await execa('npm', ['run', '--silent', 'build'], { cwd: ROOT, stdio: 'inherit' })
}
