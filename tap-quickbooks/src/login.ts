import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import {
  ConfigError,
  EXIT,
  type Flags,
  flagValues,
  type Life,
  type Log,
  type LogFormat,
  type LogLevel,
  type ReservedFile,
  readSettings,
  reserveFile,
} from '@singer-io-ts/core'
import { createClock } from './clock.ts'
import { type Config, checkForms, toConfig } from './config.ts'
import { ConnectionRefusedError } from './errors.ts'
import { type Grant, requestTokens, soonAfter } from './grant.ts'
import { askForRedirect, awaitRedirect, type Redirect } from './redirect.ts'
import { SETTINGS } from './settings.ts'
import { readTokenCommand } from './tokencommand.ts'
import { fingerprintOf, tokenFileFaults } from './tokenfile.ts'
import { withLocks } from './tokenlock.ts'
import { createTokenStore } from './tokenstore.ts'
import { isLoopback, isSafeUrl, urlFault } from './url.ts'

const SCOPE = 'com.intuit.quickbooks.accounting'

/** Asks the user for the consent, and saves the connection as settings. */
export async function login(flags: Flags, life: Life): Promise<number> {
  const { log, signal, environment } = life
  const save = String(flagValues(flags.save).at(-1))
  const redirectUri = String(flagValues(flags['redirect-uri']).at(-1))
  const saved = readSaved(save)
  const settings = await readSettings({
    schema: { ...SETTINGS, required: ['client_id', 'client_secret'] },
    sources: flagValues(flags.config),
    environment,
    environmentPrefix: 'TAP_QUICKBOOKS',
    log,
    check: (given) => [
      ...checkForms(given),
      ...(isSafeUrl(redirectUri) ? [] : [urlFault('--redirect-uri', redirectUri)]),
      ...saved.faults,
    ],
  })
  log.configure({
    level: settings.log_level as LogLevel,
    format: settings.log_format as LogFormat,
  })
  const early = toConfig(settings, environment)
  const faults = tokenFileFaults(early.tokenFile, [
    ...flagValues(flags.config).map((path) => ['--config', path] as const),
    ['--save', save],
  ])
  if (faults.length > 0) throw new ConfigError(faults)
  // What cannot work is found before the user is bothered.
  await (await reserveSave(save)).discard()
  if (early.tokenCommand !== undefined) await readFormer(early, { log, signal })

  const redirect = await askUser(early, redirectUri, life)
  const { realmId } = redirect
  for (const [known, where] of [
    [settings.realm_id, 'the setting realm_id'],
    [saved.realmId, `the connection in ${save}`],
  ])
    if (known !== undefined && known !== realmId)
      throw new ConfigError(
        [`login: company ${realmId} was chosen, but ${where} is of company ${known}`],
        {
          hint: 'Nothing was changed. Choose the other company, or give another --config or --save.',
        },
      )
  const config = toConfig({ ...settings, realm_id: realmId }, environment)
  const place = await reserveSave(save)
  const grant = { grant_type: 'authorization_code', redirect_uri: redirectUri } as const
  const where = await connect(config, { ...grant, code: redirect.code }, { save, place, life })

  const files = [...new Set([...flagValues(flags.config), save])]
  const command = files.map((file) => `--config ${quote(file)}`).join(' ')
  log.info(
    `connected to company ${realmId}; the refresh token is ${where}. ` +
      `Try it: tap-quickbooks ${command} --test`,
  )
  if (flagValues(flags.config).includes('ENV') && environment.TAP_QUICKBOOKS_REFRESH_TOKEN)
    log.warning(`TAP_QUICKBOOKS_REFRESH_TOKEN in the environment wins over ${save}: take it out`)
  return EXIT.done
}

/** Sends the user to the consent page and gives what comes back. */
function askUser(config: Config, redirectUri: string, life: Life): Promise<Redirect> {
  const state = randomBytes(32).toString('base64url')
  const page = new URL(config.authorizeUrl)
  page.search = new URLSearchParams({
    client_id: config.clientId,
    response_type: 'code',
    scope: SCOPE,
    redirect_uri: redirectUri,
    state,
  }).toString()
  const uri = new URL(redirectUri)
  // Not by the log, which hides the client ID.
  const tell = (more: string) =>
    process.stderr.write(`Open this page, choose the company and connect:\n\n${page}\n\n${more}`)
  if (uri.protocol === 'http:' && isLoopback(uri))
    return awaitRedirect(
      uri,
      state,
      () => tell(`Waiting for the browser to come back to ${uri}; Ctrl-C ends it.\n`),
      life,
    )
  tell('Paste the whole address of the page that you come to, then Enter; Ctrl-C ends it:\n')
  return askForRedirect(state, life)
}

/** Exchanges the code and keeps what comes; says where. */
async function connect(
  config: Config,
  grant: Grant,
  { save, place, life }: { save: string; place: ReservedFile; life: Life },
): Promise<string> {
  const { log, signal } = life
  const late = soonAfter(signal)
  const parts = { clock: createClock(), log, signal, late }
  const { realmId: realm_id, tokenCommand } = config
  const commit = (content: object) => place.commit(`${JSON.stringify(content, null, 2)}\n`)
  try {
    if (tokenCommand === undefined) {
      const { refresh_token } = await requestTokens(config, grant, parts)
      await commit({ refresh_token, realm_id })
      return `in ${save}`
    }
    const store = createTokenStore(config, log)
    await withLocks(store, config, parts, async () => {
      const replaced = (await readFormer(config, parts)) ?? config.refreshToken
      const from = { fingerprint: fingerprintOf(replaced), refresh_token: '' }
      const tokenPlace = await store.reserve()
      const tokens = await requestTokens(config, grant, parts).catch(async (thrown: unknown) => {
        await tokenPlace.discard()
        throw thrown
      })
      try {
        await tokenPlace.keep(tokens, from, late)
      } finally {
        await commit({ realm_id })
      }
    })
    return `with token_command, and realm_id in ${save}`
  } finally {
    await place.discard()
  }
}

/** The token that token_command has, if any: before the first login some programs print none and fail. */
async function readFormer(
  config: Config,
  parts: { log: Log; signal: AbortSignal },
): Promise<string | undefined> {
  try {
    return await readTokenCommand(config, parts)
  } catch (thrown) {
    if (!(thrown instanceof ConnectionRefusedError)) throw thrown
    parts.log.warning(`${thrown.message}; if it has none yet, that is as it should be`)
    return undefined
  }
}

async function reserveSave(path: string): Promise<ReservedFile> {
  try {
    return await reserveFile(path, 4096)
  } catch (cause) {
    throw new ConfigError([`--save ${path}: cannot be written (${(cause as Error).message})`], {
      hint: 'Name a file in a folder that this user may write to.',
      cause,
    })
  }
}

/** What an earlier login has saved. A file with anything else in it is not overwritten. */
function readSaved(path: string): { realmId?: unknown; faults: string[] } {
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (cause) {
    const isNew = (cause as NodeJS.ErrnoException).code === 'ENOENT'
    return { faults: isNew ? [] : [`--save ${path}: cannot be read (${(cause as Error).message})`] }
  }
  try {
    const { refresh_token: _, realm_id, ...others } = JSON.parse(text) as Record<string, unknown>
    if (Object.keys(others).length === 0) return { realmId: realm_id, faults: [] }
  } catch {
    // Nor is it a file of ours.
  }
  return {
    faults: [
      `--save ${path}: holds more than a connection that login has saved; give a file of its own`,
    ],
  }
}

/** As a shell takes it. */
function quote(word: string): string {
  return /^[\w./:@%+,-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`
}
