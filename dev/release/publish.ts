import { execa } from 'execa'
import type { Tarball } from './packages.ts'

/** Shown as it comes; what is said of a failure is in its error as well. */
const SHOWN = { stdin: 'inherit', stdout: 'inherit', stderr: ['inherit', 'pipe'] } as const

/**
 * Publishes the packages whose version npm does not have yet, in their order. Where npm has one with
 * other content, nothing is published. `flags` are npm's.
 */
export async function publishMissing(
  tarballs: readonly Tarball[],
  flags: readonly string[] = [],
): Promise<void> {
  const known = await Promise.all(
    tarballs.map(({ name, version }) => findPublished(name, version, flags)),
  )
  for (const [at, { name, version, integrity }] of tarballs.entries()) {
    if (known[at] === undefined) continue
    if (known[at] === integrity) console.log(`${name} ${version} is published already`)
    else
      throw new Error(
        `npm has another ${name} ${version} than this commit makes: release from the commit that was published, or give all packages a new version`,
      )
  }
  for (const [at, { path }] of tarballs.entries())
    if (known[at] === undefined) await execa('npm', ['publish', path, ...flags], SHOWN)
}

/** The integrity of what npm has under this version. */
async function findPublished(
  name: string,
  version: string,
  flags: readonly string[],
): Promise<string | undefined> {
  const words = ['view', '--json', `${name}@${version}`, 'dist.integrity', ...flags]
  const { exitCode, stdout, stderr } = await execa('npm', words, { reject: false })
  const said: unknown = stdout.trim() === '' ? undefined : JSON.parse(stdout)
  if (exitCode === 0) return typeof said === 'string' ? said : undefined
  const { code } = (said as { error?: { code?: string } } | undefined)?.error ?? {}
  if (code === 'E404') return undefined
  throw new Error(`npm does not say whether ${name} ${version} is published:\n${stderr}`)
}

/** HEAD becomes this tag of `origin`: that one alone, and nothing of this clone is changed. */
export async function pushTag(tag: string, cwd: string): Promise<void> {
  await execa('git', ['push', 'origin', `HEAD:refs/tags/${tag}`], { cwd, ...SHOWN })
}
