// npm run release: refuses what is unfinished, else packs; with --publish it publishes what npm does not
// have yet, and tags. One that broke off is done again by the same command.
import { mkdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { execa } from 'execa'
import { findFaults } from './faults.ts'
import { buildAnew, PACKAGES, packAll, ROOT, readManifest } from './packages.ts'
import { publishMissing, pushTag } from './publish.ts'

const git = async (...args: string[]): Promise<string> =>
  (await execa('git', args, { cwd: ROOT, stripFinalNewline: false })).stdout

const faults = findFaults({
  changelog: readFileSync(join(ROOT, 'CHANGELOG.md'), 'utf8'),
  packages: PACKAGES.map(readManifest),
  changes: await git('status', '--porcelain'),
  tags: await git('tag'),
})
if (faults.length > 0) {
  for (const fault of faults) console.error(fault)
  process.exit(1)
}
await buildAnew()
const into = join(ROOT, '.local', 'release')
rmSync(into, { recursive: true, force: true })
mkdirSync(into, { recursive: true })
const tarballs = await packAll(into)
for (const { path } of tarballs) console.log(path)
if (process.argv.includes('--publish')) {
  await publishMissing(tarballs)
  await pushTag(`v${readManifest('core').version}`, ROOT)
}
