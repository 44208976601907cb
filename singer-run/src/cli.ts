import { readFileSync } from 'node:fs'
import { type Flag, runCli } from '@singer-io-ts/core'

// A terminal that closes is a wish to stop, which would otherwise reach neither program.
if (!isHangupIgnored()) process.on('SIGHUP', () => process.kill(process.pid, 'SIGTERM'))

const PIPE_FLAGS: { readonly [flag: string]: Flag } = {
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
}

const PIPE_EXAMPLE =
  '--tap "tap-quickbooks -c quickbooks.json" \\\n' +
  '    --target "target-postgres-raw -c postgres.json" --state s.json'

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
    ...PIPE_FLAGS,
    runs: {
      type: 'string',
      requiresArg: true,
      description: 'Folder for a record of each run, or none; if not given, runs beside the state',
    },
  },
  examples: [
    [`$0 ${PIPE_EXAMPLE}`, 'Load; the same command goes on from there'],
    [`$0 doctor ${PIPE_EXAMPLE}`, 'Is all ready for it?'],
    ['$0 report --state s.json', 'A page of the runs and of what is loaded'],
    [`$0 --tap 'tap-csv -c "my tap.json"' --target target-jsonl -s s.json`, 'Any Singer pair'],
  ],
  commands: {
    report: {
      description: 'Makes one HTML page of the runs on record and of what is loaded.',
      flags: {
        state: {
          alias: 's',
          type: 'string',
          requiresArg: true,
          description: 'The state file; the records lie in runs beside it',
        },
        runs: { type: 'string', requiresArg: true, description: 'Another folder of records' },
        counts: {
          type: 'string',
          requiresArg: true,
          description: 'Rows per window, as target-postgres-raw count prints them; - is stdin',
        },
        verify: {
          type: 'string',
          requiresArg: true,
          description: 'Differences, as target-postgres-raw verify prints them; repeatable',
        },
        next: {
          type: 'string',
          requiresArg: true,
          description: 'The command to go on, where something else starts singer-run',
        },
        quota: {
          type: 'string',
          requiresArg: true,
          description: 'Metered calls a month that are yours; 500000 if not given',
        },
        out: {
          alias: 'o',
          type: 'string',
          requiresArg: true,
          description: 'The page; report.html if not given, - is stdout',
        },
      },
      examples: [
        ['target-postgres-raw count -c t.json | $0 report -s s.json --counts -', ''],
        ['$0 report -s s.json --verify differences.jsonl -o books.html', ''],
      ],
      async run(flags, life) {
        const { report } = await import('./report.ts')
        return report(flags, life)
      },
    },
    doctor: {
      description: 'Looks whether a run would go well, and says what to do; loads nothing.',
      flags: PIPE_FLAGS,
      examples: [[`$0 doctor ${PIPE_EXAMPLE}`, 'Before the first run, and when one has failed']],
      run: async (flags, life) => (await import('./doctor.ts')).doctor(flags, life),
    },
  },
  argv: process.argv.slice(2),
  environment: process.env,
  run: async (flags, life) => (await import('./run.ts')).run(flags, life),
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
