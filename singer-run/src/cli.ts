import { readFileSync } from 'node:fs'
import { runCli } from '@singer-io-ts/core'
import { run } from './run.ts'

// A terminal that closes is a wish to stop, which would otherwise reach neither program.
if (!isHangupIgnored()) process.on('SIGHUP', () => process.kill(process.pid, 'SIGTERM'))

const PACKAGE = new URL('../package.json', import.meta.url)

await runCli({
  about: {
    name: 'singer-run',
    description: 'Runs a Singer tap and a target as one process, with a state file.',
    capabilities: ['state'],
    settings: { type: 'object', properties: {}, required: [] },
  },
  packageUrl: PACKAGE,
  flags: {
    tap: {
      type: 'string',
      requiresArg: true,
      description: 'The command that reads, with its flags; --state is added to it',
    },
    target: {
      type: 'string',
      requiresArg: true,
      description: 'The command that loads, with its flags',
    },
    state: {
      alias: 's',
      type: 'string',
      requiresArg: true,
      description: 'Where the state is kept; missing at the first run',
    },
    runs: {
      type: 'string',
      requiresArg: true,
      description: 'Folder for a record of each run, or none; if not given, runs beside the state',
    },
  },
  examples: [
    [
      '$0 --tap "tap-quickbooks -c tap.json" --target "target-postgres-raw -c target.json" -s s.json',
      '',
    ],
    [`$0 --tap 'tap-csv --config "my tap.json"' --target target-jsonl -s s.json`, ''],
  ],
  argv: process.argv.slice(2),
  environment: process.env,
  run,
})

/** True under nohup, and where that cannot be known. */
function isHangupIgnored(): boolean {
  try {
    const ignored = /^SigIgn:\s*([0-9a-f]+)$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1]
    return ignored === undefined || (Number.parseInt(ignored.slice(-1), 16) & 1) === 1
  } catch {
    return true
  }
}
