import { ProtocolError } from '@singer-io-ts/core'
import type pg from 'pg'
import type { Activation, Batch } from './batch.ts'
import { replaceInText } from './characters.ts'
import type { Settings } from './config.ts'
import { describeConnection } from './connection.ts'
import * as control from './control.ts'
import { headOf, placeOf, type StagedRow } from './copy.ts'
import { copyRows } from './copying.ts'
import { copyStaging } from './copysql.ts'
import { loadError } from './errors.ts'
import type { Instant } from './instant.ts'
import { type Counts, loadRound, refuseMeetingKeys, zeroCounts } from './load.ts'
import type { Database } from './postgres.ts'
import { define, toStage, toUse } from './rights.ts'
import { byTable, type TableRows } from './rounds.ts'
import * as sql from './sql.ts'
import { copyStraight } from './straight.ts'
import {
  ensureControlTables,
  ensureTable,
  type FoundTable,
  findActive,
  type Table,
} from './table.ts'

export type Store = {
  /** Connects, and makes the schema and the tables beside the raw ones. */
  open(): Promise<void>
  /** The stream's table, made or taken over where that is needed. */
  prepareTable(stream: string, keyProperties: readonly string[]): Promise<FoundTable>
  /** One transaction: all rows, all marks, the state. Gives what it did, by stream. */
  commit(batch: Batch): Promise<ReadonlyMap<string, Load>>
}

export function createStore(database: Database, settings: Settings): Store {
  const { schema } = settings
  const where = describeConnection(settings.connection)
  let mayLz4 = false
  const rights = toUse(settings, `select, insert, update${settings.hardDelete ? ', delete' : ''}`)
  const failure = (thrown: unknown, doing: string, at: Place = {}) =>
    loadError(thrown, `cannot ${doing} ${where}`, at, rights)

  return {
    async open() {
      try {
        await database.connect()
      } catch (thrown) {
        throw failure(thrown, 'connect to')
      }
      try {
        await database.transact(async (client) => {
          await ensureStaging(client)
          await ensureControlTables(client, schema)
          const { rows } = await client.query<{ may_lz4: boolean }>(sql.MAY_LZ4)
          mayLz4 = rows[0]?.may_lz4 === true
        })
      } catch (thrown) {
        throw failure(thrown, `prepare schema '${schema}' in`)
      }
    },

    async prepareTable(stream, keyProperties) {
      const wish = {
        schema,
        prefix: settings.tablePrefix,
        payloadType: settings.payloadType,
        stream,
      }
      try {
        return await database.transact((client) => ensureTable(client, wish, keyProperties))
      } catch (thrown) {
        throw failure(thrown, `prepare the table of stream '${stream}' in`, { stream })
      }
    },

    async commit(batch) {
      const at: Place = {}
      let done: Done | undefined
      try {
        return await database.transact(
          async (client) => {
            if (done === undefined || !(await isStored(client, done, settings)))
              done = await load(client, batch, settings, at)
            return done.loads
          },
          {
            // Targets that load the same stream do it one after the other.
            first: [...(mayLz4 ? [sql.USE_LZ4] : []), ...lockStreams(batch, settings)].join(';'),
            // Marking what is not in a new version may touch every row of a large table.
            isPatient: batch.activations.length > 0,
          },
        )
      } catch (thrown) {
        const { stream, table } = at
        const what = stream === undefined ? 'a batch' : `stream '${stream}' into ${schema}.${table}`
        throw failure(thrown, `load ${what} in`, at)
      }
    },
  }
}

/** What is being loaded, for the message if it fails. */
type Place = { stream?: string | undefined; table?: string | undefined }

function setPlace(at: Place, { stream, name }: Table): void {
  at.stream = stream
  at.table = name
}

/** What a transaction did to one stream. */
export type Load = {
  table: string
  counts: Counts
  windowStart?: Instant | undefined
  windowEnd?: Instant | undefined
}

/** What a transaction did, and one of its rows in `_singer_loads`, by which it can be found. */
type Done = {
  loads: ReadonlyMap<string, Load>
  stream: string | undefined
  startedAt: string | undefined
}

/**
 * The COMMIT of the try before may have come through, and only its answer been lost. If it is under
 * way still, its session has the locks of the streams, which this one then has waited for.
 */
async function isStored(client: pg.Client, done: Done, settings: Settings): Promise<boolean> {
  if (done.startedAt === undefined) return false
  const { rowCount } = await client.query(control.findLoad(settings.schema), [
    settings.stateId,
    done.stream,
    done.startedAt,
  ])
  return rowCount !== 0
}

async function load(client: pg.Client, batch: Batch, settings: Settings, at: Place): Promise<Done> {
  const { schema, hardDelete, stateId } = settings
  at.stream = undefined
  const loads = new Map<string, Load>()
  const tables = byTable(batch.rows)
  const straight = await copyStraight(client, tables, (table) => setPlace(at, table))
  for (const found of straight)
    loads.set(...loadOf(found, { ...zeroCounts(), inserted: found.rows.length }))
  const known = tables.filter((found) => !straight.has(found))
  at.stream = undefined
  if (known.length > 0) {
    await ensureStaging(client)
    for (const { table, rows, rounds } of known) {
      setPlace(at, table)
      const heads = rounds.map(({ number }) => headOf(placeOf(table, number)))
      const headFor = ({ round }: StagedRow) => heads[round - 1] as Uint8Array
      await copyRows(client, copyStaging(table.payloadType), rows, headFor)
    }
  }
  for (const found of known) {
    const { table, rounds, rows } = found
    setPlace(at, table)
    await refuseMeetingKeys(client, table, rows)
    const counts = zeroCounts()
    loads.set(...loadOf(found, counts))
    for (const round of rounds) await loadRound(client, table, round, hardDelete, counts)
  }
  for (const activation of batch.activations) {
    at.stream = activation.stream
    const { table, deleted } = await activate(client, activation, settings, at)
    const load = loads.get(activation.stream)
    if (load !== undefined) load.counts.deleted += deleted
    else if (table !== undefined)
      loads.set(activation.stream, { table, counts: { ...zeroCounts(), deleted } })
  }
  at.stream = undefined
  const state = batch.states.at(-1)?.text
  if (state !== undefined) await refuseOtherCompany(client, settings, state)
  const saved = [...loads].map(([stream, { table, counts, windowStart, windowEnd }]) => ({
    stream: replaceInText(stream),
    table_name: table,
    ...counts,
    window_start: windowStart,
    window_end: windowEnd,
  }))
  const { rows } = await client.query<{ stream: string; started_at: string }>(
    control.saveLoads(schema),
    [stateId, state, JSON.stringify(saved)],
  )
  return { loads, stream: rows[0]?.stream, startedAt: rows[0]?.started_at }
}

function loadOf({ table, windowStart, windowEnd }: TableRows, counts: Counts): [string, Load] {
  return [table.stream, { table: table.name, counts, windowStart, windowEnd }]
}

/** A state that names its company goes on from one of the same: rows of two would overwrite each other. */
async function refuseOtherCompany(
  client: pg.Client,
  { schema, stateId, tablePrefix }: Settings,
  state: string,
): Promise<void> {
  const company = companyOf(state)
  if (company === undefined) return
  const { rows } = await client.query<{ value: string }>(control.readState(schema), [stateId])
  const before = companyOf(rows[0]?.value ?? '')
  if (before === undefined || before === company) return
  throw new ProtocolError(
    undefined,
    `the STATE is of company ${company}; schema '${schema}' with table_prefix '${tablePrefix}' ` +
      `and state_id '${stateId}' holds company ${before}, whose rows would be overwritten`,
    {
      hint: 'Give each company a default_target_schema or table_prefix of its own, and a state_id.',
    },
  )
}

/** The company that a STATE of tap-quickbooks names. */
export function companyOf(state: string): string | undefined {
  if (!state.includes('"realm_id"')) return undefined
  const { realm_id } = JSON.parse(state) as { realm_id?: unknown }
  return typeof realm_id === 'string' || typeof realm_id === 'number' ? String(realm_id) : undefined
}

/** In one order, lest two targets deadlock; empty where there is nothing to lock. */
function lockStreams({ rows, activations }: Batch, { schema, tablePrefix }: Settings): string[] {
  const streams = new Set(activations.map(({ stream }) => stream))
  for (const { stream } of rows) streams.add(stream)
  const names = [...streams].sort().map((stream) => JSON.stringify([schema, tablePrefix, stream]))
  return names.length > 0 ? [sql.lockNames(names)] : []
}

/** Behind a pooler each transaction may be in another session. */
async function ensureStaging(client: pg.Client): Promise<void> {
  const { rows } = await client.query<{ is_there: boolean }>(sql.IS_STAGING_THERE)
  if (rows[0]?.is_there !== true) await define(client, sql.CREATE_STAGING, toStage(client))
}

async function activate(
  client: pg.Client,
  { stream, version, at: mark }: Activation,
  settings: Settings,
  at: Place,
): Promise<{ table: string | undefined; deleted: number }> {
  const { schema, tablePrefix: prefix, hardDelete } = settings
  const table = await findActive(client, { schema, prefix, stream })
  at.table = table
  if (table === undefined) return { table, deleted: 0 }
  const statement = sql.activate(sql.qualified(schema, table), hardDelete)
  const { rowCount } = await client.query(statement, hardDelete ? [version] : [version, mark])
  return { table, deleted: rowCount ?? 0 }
}
