import { fstatSync } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { CONFIG_FLAG, ConfigError, flagValues, runCli } from '@singer-io-ts/core'
import { readTargetSettings, SETTINGS } from './config.ts'

await runCli({
  about: {
    name: 'target-postgres-raw',
    description:
      'Singer target that upserts any stream into raw Postgres tables, exactly as it was sent',
    capabilities: [
      'about',
      'structured-logging',
      'soft-delete',
      'hard-delete',
      'activate-version',
      'batch',
    ],
    settings: SETTINGS,
  },
  packageUrl: new URL('../package.json', import.meta.url),
  flags: {
    config: CONFIG_FLAG,
    input: { type: 'string', requiresArg: true, description: 'Read this file instead of stdin' },
  },
  examples: [
    ['tap-quickbooks -c tap.json | $0 -c target.json', 'load what a tap sends'],
    ['$0 -c target.json --input saved.singer', 'load what was saved'],
  ],
  argv: process.argv.slice(2),
  environment: process.env,
  async run(flags, life) {
    const settings = await readTargetSettings(flagValues(flags.config), life.environment, life.log)
    const { runTarget } = await import('./target.ts')
    return runTarget(await openInput(flags.input), settings, life)
  },
})

async function openInput(path: unknown): Promise<AsyncIterable<Uint8Array>> {
  if (path === undefined) {
    // Node gives such a stdin as one that has ended.
    if (fstatSync(0).isDirectory())
      throw new ConfigError(['stdin: cannot be read (it is a directory)'])
    return process.stdin
  }
  let file: FileHandle
  try {
    file = await open(String(path))
  } catch (cause) {
    throw new ConfigError([`--input ${path}: cannot be read (${(cause as Error).message})`], {
      cause,
    })
  }
  if ((await file.stat()).isDirectory()) {
    await file.close()
    throw new ConfigError([`--input ${path}: cannot be read (it is a directory)`])
  }
  return file.createReadStream()
}
