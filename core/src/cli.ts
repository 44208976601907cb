import { readFileSync } from 'node:fs'
import type { Argv } from 'yargs'
import { type About, formatAbout } from './about.ts'
import { EXIT } from './errors.ts'
import { type Life, runMain } from './main.ts'
import { nearestWord } from './nearest.ts'

/** Parsed flags by name; absent ones are undefined. */
export type Flags = { [flag: string]: unknown }

/** A flag, in yargs' words. */
export type Flag = {
  description: string
  type?: 'string' | 'boolean'
  alias?: string
  choices?: readonly string[]
  default?: string | boolean
  /** The flag must be followed by a value. */
  requiresArg?: boolean
  /** The flag must be given. */
  demandOption?: boolean
}

/** What a command line can ask for. */
export type Command = {
  description: string
  flags: { readonly [flag: string]: Flag }
  /** Shown under --help: command line and what it does. */
  examples: readonly [command: string, does: string][]
  /** What is done once the flags are understood; gives the exit code. */
  run: (flags: Flags, life: Life) => Promise<number>
}

/** Its `flags` come beside --about, --format, --version and --help. */
export type Program = Omit<Command, 'description'> & {
  about: Omit<About, 'version'>
  /** The program's package.json. */
  packageUrl: URL
  /** What is asked for often and by one flag alone: done without the time that a parser takes. */
  quick?: { readonly [flag: string]: (life: Life) => Promise<number> }
  /** Sub-commands by name; each has flags of its own. */
  commands?: { readonly [name: string]: Command }
  argv: readonly string[]
  environment: Record<string, string | undefined>
}

const ABOUT_FLAG: Flag = { type: 'boolean', description: 'Print settings and capabilities' }
const FORMAT_FLAG: Flag = {
  choices: ['text', 'json', 'markdown'],
  default: 'text',
  description: 'How --about prints',
}
const VERSION_FLAG: Flag = { type: 'boolean', description: 'Print the version' }

/** Runs a program from its command line to its exit code. An unknown flag: usage, exit 2. */
export async function runCli(program: Program): Promise<never> {
  const { name } = program.about
  return runMain(name, program.environment, async (life) => {
    const print = async (text: string): Promise<number> => {
      await life.out.write(text)
      await life.out.flush()
      return EXIT.done
    }
    // Before yargs is loaded, which takes as long as starting Node.
    if (program.argv[0] === '--version') return print(`${name} ${readVersion(program.packageUrl)}`)

    const [only = '', ...others] = program.argv
    const quick = others.length === 0 ? program.quick?.[only] : undefined
    if (quick !== undefined) return quick(life)

    const { command, flags, help, failure } = await parse(program)
    if (failure !== undefined) {
      process.stderr.write(`${help}\n\n${failure}\n`)
      return EXIT.usage
    }
    // By --help, -h or the word help.
    if (help !== '') return print(help)
    const version = readVersion(program.packageUrl)
    if (flags.version) return print(`${name} ${version}`)
    if (flags.about) {
      const format = flagValues(flags.format).at(-1) as 'text' | 'json' | 'markdown'
      return print(formatAbout({ ...program.about, version }, format))
    }
    return command.run(flags, life)
  })
}

/** The version that a package.json gives. */
export function readVersion(packageUrl: URL): string {
  return (JSON.parse(readFileSync(packageUrl, 'utf8')) as { version: string }).version
}

/** The flag `--config FILE`, the same in every program. */
export const CONFIG_FLAG: Flag = {
  alias: 'c',
  type: 'string',
  requiresArg: true,
  description: 'Settings file (JSON), repeatable, later ones win; ENV: the environment, over all',
}

/** All values of a repeatable flag, in order. */
export function flagValues(value: unknown): string[] {
  if (value === undefined) return []
  return (Array.isArray(value) ? value : [value]).map(String)
}

/** Of the narrowest usual terminal. */
const WIDTH = 80

/** A command that can be copied, and what it does, as a comment behind it or above. */
function formatExample([given, does]: readonly [string, string], name: string): string {
  const command = given.replaceAll('$0', name)
  // A shell reads on behind a bar at the end of a line.
  const line =
    command.length + 2 < WIDTH ? `  ${command}` : `  ${command.replaceAll(' | ', ' |\n    ')}`
  if (does === '') return line
  const both = `${line}  # ${does}`
  return both.length >= WIDTH || line.includes('\n') ? `  # ${does}\n${line}` : both
}

type Parsed = {
  /** The sub-command that was named, else the program itself. */
  command: Pick<Command, 'run'>
  flags: Flags
  /** The text of --help, if it was asked for or if the flags have a failure. */
  help: string
  failure: string | undefined
}

async function parse(program: Program): Promise<Parsed> {
  const { default: yargs } = await import('yargs')
  const { about, commands = {} } = program
  const own = { about: ABOUT_FLAG, format: FORMAT_FLAG, version: VERSION_FLAG }
  let name: string | undefined
  let help = ''
  let failure: string | undefined
  const parser = describe(yargs().version(false), [about.name], about.description, {
    ...program,
    flags: { ...program.flags, ...own },
  })
    .scriptName(about.name)
    .alias('help', 'h')
    .locale('en')
    .strict()
    .parserConfiguration({ 'dot-notation': false })
    .exitProcess(false)
    .wrap(WIDTH)
    .fail((message, error) => {
      failure ??= message ?? error?.message ?? 'the flags cannot be read'
    })
  for (const [word, command] of Object.entries(commands))
    parser.command(word, command.description, (inner) => {
      name = word
      return describe(inner, [about.name, word], command.description, command)
    })
  const flags = (await parser.parseAsync([...program.argv], {}, (_error, _flags, output) => {
    help = output
  })) as Flags
  if (failure !== undefined) {
    failure += advise(failure, flags, program, name)
    help = (await parse({ ...program, argv: [...(name === undefined ? [] : [name]), '-h'] })).help
  }
  return { command: commands[name ?? ''] ?? program, flags, help, failure }
}

/** The command or the flags that may have been meant. */
function advise(failure: string, given: Flags, program: Program, name: string | undefined): string {
  const { commands = {}, flags } = program
  const stray = (given._ as unknown[]).map(String).find((word) => word !== name)
  const unknown = /^Unknown arguments?: (.*)$/.exec(failure)?.[1]?.split(', ') ?? []
  const known = Object.keys(commands[name ?? '']?.flags ?? flags)
  const near =
    stray !== undefined && name === undefined
      ? [nearestWord(stray, Object.keys(commands))]
      : unknown.map((flag) => nearestWord(flag, known)).map((flag) => flag && `--${flag}`)
  const meant = near.filter((word) => word !== undefined)
  const what = stray === undefined ? '' : `: ${stray}`
  return meant.length === 0 ? what : `${what}; did you mean ${meant.join(', ')}?`
}

/** Tells the parser the flags and texts of the program or of one sub-command. */
function describe(
  parser: Argv,
  [program = '', ...command]: readonly string[],
  description: string,
  { flags, examples }: Pick<Command, 'flags' | 'examples'>,
): Argv {
  const ownFlags = Object.entries(flags).map(([flag, one]) => [flag, { ...one, global: false }])
  return parser
    .usage(`${description}\n\nUsage: ${[program, ...command].join(' ')} [flags]`)
    .options(Object.fromEntries(ownFlags))
    .epilog(
      examples.length === 0
        ? ''
        : ['Examples:', ...examples.map((one) => formatExample(one, program))].join('\n'),
    )
    .demandCommand(0, 0, '', 'there is a word that is neither a flag nor a command')
}
