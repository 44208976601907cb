import { resolve } from 'node:path'
import yargs from 'yargs'
import { hideBin } from 'yargs/helpers'
import { type SimulatorOptions, startSimulator } from './index.ts'

const parser = yargs(hideBin(process.argv))
  .scriptName('npm run simulator --')
  .usage(
    '$0 [options]\n\nA local QuickBooks Online on 127.0.0.1. Prints the settings of a client as JSON on stdout\nand runs until it is interrupted.',
  )
  .option('invoices', {
    type: 'number',
    describe: 'Invoices to generate [2000; with --data 0]',
  })
  .option('customers', {
    type: 'number',
    describe: 'Customers to generate [500; with --data 0]',
  })
  .option('items', {
    type: 'number',
    describe: 'Items to generate [200; with --data 0]',
  })
  .option('seed', { type: 'number', default: 1, describe: 'Same seed and sizes, same company' })
  .option('from', { type: 'string', default: '2016-01-01', describe: 'Start of the history' })
  .option('to', { type: 'string', default: '2026-01-01', describe: 'End of the history' })
  .option('burst', { type: 'number', default: 300, describe: 'Rows that share one second' })
  .option('bursts', { type: 'number', default: 2, describe: 'How many such seconds' })
  .option('multicurrency', {
    type: 'boolean',
    default: true,
    describe: 'Several currencies and taxes',
  })
  .option('data', {
    type: 'string',
    describe: 'Serve the recorded *.json of this folder',
  })
  .option('port', { type: 'number', default: 0, describe: 'Port; 0 takes a free one' })
  .option('latency-ms', { type: 'number', default: 0, describe: 'Added to each data answer' })
  .option('limits', {
    type: 'boolean',
    default: true,
    describe: '10 requests a second, 500 a minute; --no-limits switches them off',
  })
  .option('rotation', {
    choices: ['always', 'daily', 'never'] as const,
    default: 'always' as const,
    describe: 'When a refresh gives a new refresh token (QuickBooks: daily)',
  })
  .option('access-token-seconds', { type: 'number', default: 3600, describe: 'Life of a token' })
  .option('refresh-token', { type: 'string', describe: 'First refresh token; random by default' })
  .option('client-id', { type: 'string', describe: 'Client id' })
  .option('client-secret', { type: 'string', describe: 'Client secret; random by default' })
  .option('realm-id', { type: 'string', describe: 'Company id' })
  .example('$0 --invoices 20000 --customers 5000 --items 1000 --seed 7 --port 8080', '')
  .epilogue(
    'While it runs: GET /_simulator/stats, /log, /rows?entity=Invoice; POST /_simulator/script,\n/edit, /clock, /switches, /tokens. dev/simulator/README.md has examples.',
  )
  .check((given) => {
    const wrong = Object.keys(given).find((name) => Number.isNaN(given[name]))
    if (wrong !== undefined) throw new Error(`--${wrong} must be a number`)
    return true
  })
  .version(false)
  .strict()
  .wrap(100)

const given = await parser.parseAsync()
const usual = given.data === undefined ? { invoices: 2000, customers: 500, items: 200 } : {}
// npm runs the script in the workspace's folder; paths are meant from where the user stands.
const data = given.data === undefined ? undefined : resolve(process.env.INIT_CWD ?? '.', given.data)

const options: SimulatorOptions = {
  ...usual,
  ...(given.invoices !== undefined && { invoices: given.invoices }),
  ...(given.customers !== undefined && { customers: given.customers }),
  ...(given.items !== undefined && { items: given.items }),
  seed: given.seed,
  from: given.from,
  to: given.to,
  burst: given.burst,
  bursts: given.bursts,
  multicurrency: given.multicurrency,
  port: given.port,
  latencyMs: given.latencyMs,
  rotation: given.rotation,
  accessTokenSeconds: given.accessTokenSeconds,
  ...(given.limits ? {} : { limits: false as const }),
  ...(data !== undefined && { data }),
  ...(given.refreshToken !== undefined && { refreshToken: given.refreshToken }),
  ...(given.clientId !== undefined && { clientId: given.clientId }),
  ...(given.clientSecret !== undefined && { clientSecret: given.clientSecret }),
  ...(given.realmId !== undefined && { realmId: given.realmId }),
}

try {
  const simulator = await startSimulator(options)
  process.stdout.write(`${JSON.stringify(simulator.config, null, 2)}\n`)
  const sizes = [...simulator.company.tables.values()]
    .filter(({ live }) => live > 0)
    .map(({ entity, live }) => `${live} ${entity.name}`)
  console.error(`A local QuickBooks Online answers at ${simulator.baseUrl} (${sizes.join(', ')}).`)
  console.error('The JSON above is the config of a client. Ctrl-C stops it.')
  const stop = () => {
    const { metered, tokens } = simulator.stats()
    console.error(`Stopped after ${metered.total} metered calls, ${tokens.refreshes} refreshes.`)
    void simulator.close().then(() => process.exit(0))
  }
  process.once('SIGINT', stop)
  process.once('SIGTERM', stop)
} catch (error) {
  console.error(error instanceof Error ? error.message : String(error))
  process.exit(1)
}
