import {
  CONFIG_FLAG,
  EXIT,
  type Flag,
  type Flags,
  flagValues,
  type Life,
  runCli,
} from '@singer-io-ts/core'
import type { Run } from './plan.ts'
import { SETTINGS } from './settings.ts'

const CATALOG_FLAG: Flag = {
  type: 'string',
  requiresArg: true,
  description: 'Catalog file: what to read',
}
const STATE_FLAG: Flag = {
  alias: 's',
  type: 'string',
  requiresArg: true,
  description: 'State file: where to go on',
}

await runCli({
  about: {
    name: 'tap-quickbooks',
    description:
      "Reads a company's books from QuickBooks Online, by time windows, as Singer messages.",
    capabilities: [
      'catalog',
      'properties',
      'discover',
      'state',
      'about',
      'test',
      'activate-version',
      'structured-logging',
    ],
    settings: SETTINGS,
  },
  packageUrl: new URL('../package.json', import.meta.url),
  flags: {
    config: CONFIG_FLAG,
    discover: { alias: 'd', type: 'boolean', description: 'Print the catalog; needs no settings' },
    catalog: CATALOG_FLAG,
    properties: {
      alias: 'p',
      type: 'string',
      requiresArg: true,
      description: 'The old name of --catalog',
    },
    state: STATE_FLAG,
    test: { type: 'boolean', description: "Try the connection: one call, the company's name" },
  },
  examples: [
    ['$0 --discover > catalog.json', 'What can be read'],
    ['$0 -c quickbooks.json --test', 'Do the settings work?'],
    ['$0 -c quickbooks.json | target-postgres-raw -c postgres.json', 'Load'],
    ['$0 -c quickbooks.json -s state.json | …', 'Go on from a state'],
    ['$0 -c quickbooks.json -c ENV | …', 'Secrets from TAP_QUICKBOOKS_…'],
  ],
  commands: {
    login: {
      description:
        "Asks for QuickBooks' consent in a browser and saves the connection as settings.",
      flags: {
        config: CONFIG_FLAG,
        save: {
          type: 'string',
          requiresArg: true,
          demandOption: true,
          description: 'A new settings file, for refresh_token and realm_id',
        },
        'redirect-uri': {
          type: 'string',
          requiresArg: true,
          default: 'http://localhost:8787/callback',
          description: 'As registered for the app',
        },
      },
      examples: [['$0 login -c quickbooks.json --save connection.json', 'Then give both as -c']],
      run: async (flags, life) => (await import('./login.ts')).login(flags, life),
    },
    plan: {
      description: 'What a run would do and cost: windows, rows, calls, minutes; loads nothing.',
      flags: { config: CONFIG_FLAG, catalog: CATALOG_FLAG, state: STATE_FLAG },
      examples: [['$0 plan -c quickbooks.json -s state.json', 'What is left to do']],
      async run(flags, life) {
        const { forecast } = await import('./forecast.ts')
        return withCompany(flags, life, forecast)
      },
    },
    count: {
      description:
        'How many rows QuickBooks has, per stream and window, as JSON lines; or which rows.',
      flags: {
        config: CONFIG_FLAG,
        catalog: CATALOG_FLAG,
        rows: { type: 'boolean', description: 'Which rows: Id, time of change, TotalAmt' },
        state: { ...STATE_FLAG, description: 'State file: count what it says is loaded' },
      },
      examples: [
        [
          '$0 count -c quickbooks.json --rows | target-postgres-raw verify -c postgres.json',
          'Is all there?',
        ],
        [
          '$0 count -c quickbooks.json -s state.json | target-postgres-raw verify -c postgres.json',
          'By counts alone',
        ],
        ['$0 count -c quickbooks.json > counts.jsonl', 'Counts only'],
      ],
      async run(flags, life) {
        const { count } = await import('./count.ts')
        const given = {
          config: flagValues(flags.config),
          catalog: flagValues(flags.catalog).at(-1),
          state: flagValues(flags.state).at(-1),
        }
        return withCompany(flags, life, (run) => count(run, life, given, flags.rows === true))
      },
    },
    status: {
      description: 'What a state says: what is done, what is next, and the command to go on.',
      flags: { state: { ...STATE_FLAG, description: 'The state file', demandOption: true } },
      examples: [['$0 status --state state.json', 'Where are we?']],
      run: async (flags, life) => (await import('./status.ts')).status(String(flags.state), life),
    },
  },
  argv: process.argv.slice(2),
  environment: process.env,
  quick: { '--discover': printCatalog, '-d': printCatalog },
  run: async (flags, life) =>
    flags.discover ? printCatalog(life) : (await import('./tap.ts')).runTap(flags, life),
})

async function printCatalog({ out }: Life): Promise<number> {
  const { discover } = await import('./discover.ts')
  await out.write(JSON.stringify(discover(), null, 2))
  return EXIT.done
}

async function withCompany(
  flags: Flags,
  life: Life,
  task: (run: Run, life: Life) => Promise<number>,
): Promise<number> {
  const tap = await import('./tap.ts')
  return tap.withCompany(flags, life, (run) => task(run, life))
}
