import { CONFIG_FLAG, runCli } from '@singer-io-ts/core'
import { SETTINGS } from './settings.ts'

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
    catalog: { type: 'string', requiresArg: true, description: 'Catalog file: what to read' },
    properties: {
      alias: 'p',
      type: 'string',
      requiresArg: true,
      description: 'The old name of --catalog',
    },
    state: {
      alias: 's',
      type: 'string',
      requiresArg: true,
      description: 'State file: where to go on',
    },
    test: { type: 'boolean', description: "Try the connection: one call, the company's name" },
  },
  examples: [
    ['$0 --discover > catalog.json', 'What can be read'],
    ['$0 -c quickbooks.json --test', 'Do the settings work?'],
    ['$0 -c quickbooks.json | target-postgres-raw -c postgres.json', 'Load'],
    ['$0 -c quickbooks.json -s state.json | …', 'Go on from a state'],
    ['$0 -c quickbooks.json -c ENV | …', 'Secrets from TAP_QUICKBOOKS_…'],
  ],
  argv: process.argv.slice(2),
  environment: process.env,
  run: async (flags, life) => (await import('./tap.ts')).runTap(flags, life),
})
