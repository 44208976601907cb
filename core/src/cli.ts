import { readFileSync } from 'node:fs'
import { type About, formatAbout } from './about.ts'
import { EXIT } from './errors.ts'
import { type Life, runMain } from './main.ts'

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
}

export type Program = {
  about: Omit<About, 'version'>
  /** The program's package.json. */
  packageUrl: URL
  /** Flags beside --about, --format, --version and --help. */
  flags: { readonly [flag: string]: Flag }
  /** Shown under --help: command line and what it does. */
  examples: readonly [command: string, does: string][]
  argv: readonly string[]
  environment: Record<string, string | undefined>
  /** The program itself, once flags are understood; gives the exit code. */
  run: (flags: Flags, life: Life) => Promise<number>
}

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

    const { flags, help, failure } = await parse(program)
    if (failure !== undefined) {
      process.stderr.write(`${help}\n\n${failure}\n`)
      return EXIT.usage
    }
    if (flags.help) return print(help)
    const version = readVersion(program.packageUrl)
    if (flags.version) return print(`${name} ${version}`)
    if (flags.about) {
      const format = flagValues(flags.format).at(-1) as 'text' | 'json' | 'markdown'
      return print(formatAbout({ ...program.about, version }, format))
    }
    return program.run(flags, life)
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
  description: 'Settings file (JSON), or the word ENV; repeatable, later ones win',
}

/** All values of a repeatable flag, in order. */
export function flagValues(value: unknown): string[] {
  if (value === undefined) return []
  return (Array.isArray(value) ? value : [value]).map(String)
}

async function parse(
  program: Program,
): Promise<{ flags: Flags; help: string; failure: string | undefined }> {
  const { default: yargs } = await import('yargs')
  let failure: string | undefined
  const parser = yargs()
    .scriptName(program.about.name)
    .version(false)
    .usage(`${program.about.description}\n\nUsage: $0 [flags]`)
    .options({
      ...program.flags,
      about: { type: 'boolean', description: 'Print settings and capabilities' },
      format: {
        choices: ['text', 'json', 'markdown'],
        default: 'text',
        description: 'How --about prints',
      },
      version: { type: 'boolean', description: 'Print the version' },
    })
    .example([...program.examples])
    .alias('help', 'h')
    .locale('en')
    .strict()
    .demandCommand(0, 0)
    .parserConfiguration({ 'dot-notation': false })
    .exitProcess(false)
    .wrap(100)
    .fail((message, error) => {
      failure ??= message ?? error?.message ?? 'the flags cannot be read'
    })
  const flags = (await parser.parseAsync([...program.argv], {}, () => {})) as Flags
  return { flags, help: await parser.getHelp(), failure }
}
