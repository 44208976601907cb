import { join } from 'node:path'
import { execa } from 'execa'
import { ROOT } from '../release/packages.ts'

/** Installing takes its time where the registry is slow. */
export const INSTALLING_MS = 300_000

export const IS_LONG: boolean = Boolean(process.env.TEST_LONG)

const UNREACHABLE =
  /EAI_AGAIN|ENOTFOUND|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENETUNREACH|NewConnectionError|NameResolutionError|ConnectTimeoutError|ReadTimeoutError|ProxyError/

/** Whoever has no network is to know soon. */
export const NPM_INSTALL: readonly string[] = [
  'install',
  '--omit=dev',
  '--prefer-offline',
  '--fetch-retry-mintimeout=1000',
  '--fetch-retry-maxtimeout=1000',
]

/** Installs, or says that the registry is out of reach; any other failure is thrown. */
export async function install(
  command: string,
  args: readonly string[],
  options: { cwd: string; env?: NodeJS.ProcessEnv },
): Promise<'installed' | 'unreachable'> {
  const ended = await execa(command, args, {
    env: cleanEnvironment(),
    ...options,
    extendEnv: false,
    reject: false,
    all: true,
  })
  if (ended.exitCode === 0) return 'installed'
  if (UNREACHABLE.test(ended.all)) return 'unreachable'
  throw new Error(`${command} ${args.join(' ')} failed:\n${ended.all}`)
}

/** Without what npm and vitest tell the programs that they start; but how the network is reached. */
export function cleanEnvironment(more: NodeJS.ProcessEnv = {}): NodeJS.ProcessEnv {
  const network =
    /^npm_config_(registry|\w*proxy|ca|cafile|strict_ssl|cache|userconfig|globalconfig)$/i
  const own = Object.entries(process.env).filter(
    ([name]) => network.test(name) || !/^(npm_|VITEST|NODE_ENV)/.test(name),
  )
  return { ...Object.fromEntries(own), ...more }
}

/** The directory of a Node of this version, kept in `.local`; undefined where there is none. */
export async function nodeDirectory(version: string): Promise<string | undefined> {
  if (version === process.versions.node) return join(process.execPath, '..')
  if (process.platform !== 'linux') return undefined
  const name = `node-linux-${process.arch}`
  const home = join(ROOT, '.local', 'node', version)
  const only = ['--prefix', home, '--no-save', '--ignore-scripts', `${name}@${version}`]
  if ((await install('npm', [...NPM_INSTALL, ...only], { cwd: ROOT })) === 'unreachable')
    return undefined
  return join(home, 'node_modules', name, 'bin')
}
