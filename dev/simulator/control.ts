import type { IncomingMessage, ServerResponse } from 'node:http'
import { findEntity } from './catalogue.ts'
import { deletedText } from './cdc.ts'
import type { Clock } from './clock.ts'
import type { Company } from './company.ts'
import type { Journal } from './journal.ts'
import type { Switches } from './options.ts'
import type { Edit, Script, Step, Trigger } from './script.ts'
import { checkSwitches } from './switches.ts'
import { gone, rowText } from './table.ts'
import type { Tokens } from './tokens.ts'

export type Control = {
  company: Company
  script: Script
  journal: Journal
  tokens: Tokens
  clock: Clock
  switches: Switches
  config: () => Record<string, string>
}

/** Makes an edit and gives the Ids of the rows that it was about. */
export function applyEdit(company: Company, edit: Edit): string[] {
  const { action, entity } = edit
  if (action === 'insert')
    return Array.from({ length: edit.count ?? 1 }, () => company.insert(entity, edit))
  const ids = edit.ids ?? (edit.id === undefined ? [] : [edit.id])
  for (const id of ids) {
    if (action === 'edit') company.edit(entity, id, edit)
    else if (action === 'merge') company.merge(entity, id, edit.into ?? '')
    else if (action in company) company[action](entity, id)
    else throw new RangeError(`unknown action ${action}`)
  }
  return ids
}

/** Carries a trigger out. */
export function applyTrigger(
  control: Pick<Control, 'company' | 'tokens' | 'clock'>,
  trigger: Trigger,
) {
  for (const edit of trigger.edits ?? []) applyEdit(control.company, edit)
  if (trigger.advanceSeconds !== undefined) control.clock.advance(trigger.advanceSeconds)
  if (trigger.expireAccessTokens) control.tokens.expireAccessTokens()
  if (trigger.revoke) control.tokens.revoke()
}

function list<Entry>(given: unknown): Entry[] {
  return Array.isArray(given) ? given : [given as Entry]
}

async function sendRows(response: ServerResponse, lines: Iterable<string>): Promise<void> {
  response.setHeader('Content-Type', 'application/x-ndjson')
  let gathered: string[] = []
  for (const line of lines) {
    gathered.push(line)
    if (gathered.length < 500) continue
    const full = !response.write(`${gathered.join('\n')}\n`)
    gathered = []
    if (full) {
      await new Promise<void>((resolve) => {
        response.once('drain', resolve)
        response.once('close', resolve)
      })
    }
    if (response.destroyed) return
  }
  response.end(gathered.length > 0 ? `${gathered.join('\n')}\n` : '')
}

/** The live rows of an entity as they are served, or its deletion log. */
export function* rowLines(company: Company, name: string, deleted: boolean): Generator<string> {
  const entity = findEntity(name)
  if (!entity) throw new RangeError(`no entity is called ${name}`)
  const table = company.tables.get(entity.name)
  if (!table) return
  if (deleted) {
    for (const { id, at } of table.deleted) yield deletedText(id, at)
    return
  }
  for (const slot of table.order.slice(0, table.live)) {
    // The company may change while the lines are sent.
    if (((table.flags[slot] as number) & gone) === 0) yield rowText(table, slot)
  }
}

function setClock(clock: Clock, order: Record<string, unknown>): void {
  if (order.freeze === true) clock.freeze()
  if (typeof order.set === 'string' || typeof order.set === 'number') clock.set(order.set)
  if (typeof order.advanceSeconds === 'number') clock.advance(order.advanceSeconds)
  if (order.resume === true) clock.resume()
}

function post(control: Control, action: string, body: unknown): unknown {
  const { company, script, tokens, clock, switches } = control
  const order = (body ?? {}) as Record<string, unknown>
  switch (action) {
    case 'script':
      if (order.clear === true) script.clear()
      script.add(...list<Step>(order.steps ?? (order.clear === true ? [] : body)))
      return { pending: script.pending() }
    case 'edit':
      return { ids: list<Edit>(body).flatMap((edit) => applyEdit(company, edit)) }
    case 'clock':
      setClock(clock, order)
      return { now: new Date(clock.now()).toISOString() }
    case 'switches': {
      checkSwitches(order)
      const { limits, ...others } = order
      Object.assign(switches, others)
      Object.assign(switches.limits, limits)
      return switches
    }
    case 'tokens':
      if (order.expireAccessTokens === true) tokens.expireAccessTokens()
      if (order.revoke === true) tokens.revoke()
      return {
        refresh_token: tokens.refreshToken(),
        ...(order.mintCode === true && { code: tokens.mintCode() }),
      }
    case 'reset':
      control.journal.reset()
      return {}
    default:
      return undefined
  }
}

function get(control: Control, action: string): unknown {
  switch (action) {
    case 'stats':
      return control.journal.stats
    case 'log':
      return control.journal.log()
    case 'config':
      return control.config()
    case 'script':
      return { pending: control.script.pending() }
    case 'switches':
      return control.switches
    case 'clock':
      return { now: new Date(control.clock.now()).toISOString() }
    default:
      return undefined
  }
}

/** Answers `/_simulator/…`, for tests in other processes. */
export async function answerControl(
  control: Control,
  request: IncomingMessage,
  response: ServerResponse,
  url: URL,
  body: string,
): Promise<void> {
  const action = url.pathname.replace(/^\/_simulator\/?/, '')
  try {
    if (action === 'rows' && request.method === 'GET') {
      const deleted = url.searchParams.get('deleted') === '1'
      const lines = rowLines(control.company, url.searchParams.get('entity') ?? '', deleted)
      await sendRows(response, lines)
      return
    }
    const given = body === '' ? undefined : JSON.parse(body)
    const answer = request.method === 'POST' ? post(control, action, given) : get(control, action)
    response.statusCode = answer === undefined ? 404 : 200
    response.setHeader('Content-Type', 'application/json')
    response.end(JSON.stringify(answer ?? { error: `nothing at ${url.pathname}` }, null, 2))
  } catch (error) {
    response.statusCode = 400
    response.setHeader('Content-Type', 'application/json')
    response.end(JSON.stringify({ error: String(error) }))
  }
}
