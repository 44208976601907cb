import { fstatSync } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import {
  CONFIG_FLAG,
  ConfigError,
  type Flag,
  type Flags,
  flagValues,
  type Life,
  ProtocolError,
  runCli,
} from '@singer-io-ts/core'
import { readTargetSettings, SETTINGS, type Settings } from './config.ts'

// Where this is missing, as in Node 20, pg loads fetch to learn where it runs: 4 MB and 40 ms.
if (!('navigator' in globalThis))
  Object.assign(globalThis, { navigator: { userAgent: `Node.js/${process.versions.node}` } })

const INPUT_FLAG: Flag = {
  type: 'string',
  requiresArg: true,
  description: 'Read this file instead of stdin',
}

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
    input: INPUT_FLAG,
    test: { type: 'boolean', description: 'Try the connection and the rights; makes nothing' },
  },
  examples: [
    ['$0 -c postgres.json --test', 'Can it load there?'],
    ['tap-quickbooks -c quickbooks.json | $0 -c postgres.json', 'Load what a tap sends'],
    ['$0 -c postgres.json --input saved.jsonl', 'Load what was saved'],
    ['$0 state -c postgres.json > state.json', 'Get a lost state file back'],
  ],
  commands: {
    state: {
      description: 'Prints the last STATE that was committed, as it is in the database.',
      flags: { config: CONFIG_FLAG },
      examples: [['$0 state -c postgres.json > state.json', 'Get a lost state file back']],
      async run(flags, life) {
        const { state } = await import('./answers.ts')
        return state(await settingsOf(flags, life), life)
      },
    },
    count: {
      description: 'How many rows the tables hold, per stream and window, as JSON lines.',
      flags: { config: CONFIG_FLAG },
      examples: [['$0 count -c postgres.json | sort', "To compare with the source's own count"]],
      async run(flags, life) {
        const { count } = await import('./answers.ts')
        return count(await settingsOf(flags, life), life)
      },
    },
    verify: {
      description:
        'Compares what tap-quickbooks count prints with the tables: what is missing, extra or stale.',
      flags: { config: CONFIG_FLAG, input: INPUT_FLAG },
      examples: [
        [
          'tap-quickbooks count -c quickbooks.json --rows | $0 verify -c postgres.json',
          'Row by row',
        ],
        ['$0 verify -c postgres.json --input counted.jsonl', 'What was saved'],
      ],
      async run(flags, life) {
        const settings = await settingsOf(flags, life)
        const { verify } = await import('./verify.ts')
        const given = { configs: flagValues(flags.config), script: process.argv[1] ?? '' }
        return verify(await openInput(flags.input), settings, life, given)
      },
    },
    views: {
      description:
        'Makes views with typed columns over the tables of QuickBooks, as dbt_quickbooks reads them.',
      flags: {
        config: CONFIG_FLAG,
        schema: {
          type: 'string',
          requiresArg: true,
          default: 'quickbooks',
          description: 'Where the views go; created if missing',
        },
        print: { type: 'boolean', description: 'Print the SQL, and change nothing' },
      },
      examples: [
        ['$0 views -c postgres.json', 'Make them, or make them anew'],
        ['$0 views -c postgres.json --print > views.sql', 'For another role to run'],
      ],
      async run(flags, life) {
        const { views } = await import('./views.ts')
        const schema = flagValues(flags.schema).at(-1) ?? ''
        return views(
          await settingsOf(flags, life),
          { schema, isPrinted: flags.print === true },
          life,
        )
      },
    },
  },
  argv: process.argv.slice(2),
  environment: process.env,
  async run(flags, life) {
    const settings = await settingsOf(flags, life)
    if (flags.test) return (await import('./check.ts')).checkDatabase(settings, life)
    life.log.info(`settings: ${settings.given}`)
    const { runTarget } = await import('./target.ts')
    return runTarget(await openInput(flags.input), settings, life)
  },
})

function settingsOf(flags: Flags, life: Life): Promise<Settings> {
  return readTargetSettings(flagValues(flags.config), life.environment, life.log)
}

async function openInput(path: unknown): Promise<AsyncIterable<Uint8Array>> {
  if (path === undefined) {
    // Node gives such a stdin as one that has ended.
    if (fstatSync(0).isDirectory())
      throw new ConfigError(['stdin: cannot be read (it is a directory)'])
    return readable(process.stdin, 'stdin')
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
  return readable(file.createReadStream(), `--input ${path}`)
}

/** What comes out of the input; one that breaks off is bad input. */
async function* readable(
  input: AsyncIterable<Uint8Array>,
  name: string,
): AsyncGenerator<Uint8Array, void, void> {
  try {
    yield* input
  } catch (cause) {
    throw new ProtocolError(undefined, `${name} cannot be read`, { cause })
  }
}
