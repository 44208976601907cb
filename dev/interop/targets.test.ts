import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { execa } from 'execa'
import { expect, test } from 'vitest'
import { createPipeline, ENTITIES, type Pipeline, RUNNER, TAP } from '../e2e/pipeline.ts'
import { skip } from '../skip.ts'
import { INSTALLING_MS, IS_LONG } from './installing.ts'
import { pythonWith } from './python.ts'

/** A row as another target keeps it, with the names of its columns in small letters. */
type Row = Record<string, unknown>

type Target = {
  name: string
  requirements: string
  program: string
  /** Runs in CI as well. */
  isQuick?: true
  /** A mapper between tap and target. */
  mapper?: string
  settings(pipeline: Pipeline): object
  rows(pipeline: Pipeline, stream: string, python: string): Promise<Row[]>
}

const login = ({ connectionString }: Pipeline): Record<string, unknown> => {
  const { hostname, port, username, password, pathname } = new URL(connectionString)
  const [database, ...secret] = [pathname, username, password].map(decodeURIComponent)
  const [user, word] = secret
  return {
    host: hostname,
    port: Number(port || 5432),
    user,
    password: word,
    database: database!.slice(1),
  }
}

async function ask({ database }: Pipeline, table: string): Promise<Row[]> {
  const { rows } = await database.query(`select to_jsonb(t) as row from ${table} t`)
  return rows.map(({ row }) => row)
}

/** What a script prints as JSON. */
async function print(python: string, script: string, ...args: string[]): Promise<Row[]> {
  const { stdout } = await execa(python, ['-c', script, ...args], { maxBuffer: 1e8 })
  return JSON.parse(stdout)
}

const READ_CSV = `
import csv, glob, json, sys
files = sorted(glob.glob(sys.argv[1]))
print(json.dumps([row for file in files for row in csv.DictReader(open(file))]))`
const READ_DUCKDB = `
import duckdb, json, sys
found = duckdb.connect(sys.argv[1]).execute(f"select * from main.{sys.argv[2]}")
names = [column[0] for column in found.description]
print(json.dumps([dict(zip(names, row)) for row in found.fetchall()], default=str))`

const TARGETS: Target[] = [
  {
    name: 'target-csv, after a mapper of the SDK,',
    requirements: 'sdk',
    program: 'target-csv',
    isQuick: true,
    mapper: 'meltano-map-transform',
    settings: ({ folder }) => ({
      output_path: folder,
      file_naming_scheme: '{timestamp}-{stream_name}.csv',
      timestamp_format: '%Y%m%d%H%M%S%f',
      // Without it targets of the SDK drop _sdc_deleted_at.
      add_record_metadata: true,
    }),
    rows: ({ folder }, stream, python) => print(python, READ_CSV, join(folder, `*-${stream}.csv`)),
  },
  {
    name: 'target-jsonl',
    requirements: 'target-jsonl',
    program: 'target-jsonl',
    settings: ({ folder }) => ({ destination_path: folder, do_timestamp_file: false }),
    rows: async ({ folder }, stream) =>
      readFileSync(join(folder, `${stream}.jsonl`), 'utf8')
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line)),
  },
  {
    name: 'target-duckdb',
    requirements: 'target-duckdb',
    program: 'target-duckdb',
    settings: ({ folder }) => ({
      path: join(folder, 'books.duckdb'),
      default_target_schema: 'main',
    }),
    rows: ({ folder }, stream, python) =>
      print(python, READ_DUCKDB, join(folder, 'books.duckdb'), stream),
  },
  {
    name: 'target-postgres of MeltanoLabs',
    requirements: 'meltanolabs-target-postgres',
    program: 'target-postgres',
    settings: (pipeline) => ({ ...login(pipeline), default_target_schema: 'other' }),
    rows: (pipeline, stream) => ask(pipeline, `other.${stream}`),
  },
  {
    name: 'target-postgres of PipelineWise',
    requirements: 'pipelinewise-target-postgres',
    program: 'target-postgres',
    settings: (pipeline) => {
      const { database, ...rest } = login(pipeline)
      return { ...rest, dbname: database, default_target_schema: 'other' }
    },
    rows: (pipeline, stream) => ask(pipeline, `other.${stream}`),
  },
]

test.for(TARGETS)(
  '$name holds what the company has, edits and deletions too',
  { timeout: INSTALLING_MS },
  async (target, context) => {
    if (!IS_LONG && !target.isQuick) skip(context, 'npm run test:long has it')
    const python = await pythonWith(target.requirements)
    if ('missing' in python) return skip(context, python.missing)
    const pipeline = await createPipeline({ invoices: 400, customers: 50, items: 20 })
    const { company, clock } = pipeline.simulator
    const program = (name: string, file: string): string =>
      `${join(python.bin, name)} --config ${file}`
    let command = program(target.program, pipeline.write('other.json', target.settings(pipeline)))
    if (target.mapper !== undefined) {
      const mapper = program(target.mapper, pipeline.write('mapper.json', { stream_maps: {} }))
      command = `sh ${pipeline.write('mapped.sh', `${mapper} | ${command}\n`)}`
    }
    const run = async (): Promise<void> => {
      const tap = `${TAP} -c ${pipeline.tapConfig}`
      const flags = ['--tap', tap, '--target', command, '--state', pipeline.state]
      const { exitCode, stderr } = await execa(RUNNER, flags, { reject: false })
      expect({ exitCode, stderr: exitCode === 0 ? '' : stderr }).toEqual({
        exitCode: 0,
        stderr: '',
      })
    }
    /** By Id; where a target appends, the last to come. */
    const rowsOf = async (stream: string): Promise<Map<string, Row>> => {
      const rows = await target.rows(pipeline, stream, join(python.bin, 'python'))
      const lower = rows.map((row) =>
        Object.fromEntries(Object.entries(row).map(([name, value]) => [name.toLowerCase(), value])),
      )
      return new Map(lower.map((row) => [String(row.id), row]))
    }

    await run()
    for (const [stream, entity] of Object.entries(ENTITIES)) {
      const rows = await rowsOf(stream)
      expect([...rows.keys()].sort()).toEqual([...company.ids(entity)].sort())
      for (const row of rows.values()) {
        expect(Number(row._sdc_page_number)).toBeGreaterThan(0)
        expect(Number(row._sdc_page_size)).toBe(1000)
        expect(JSON.stringify(row._sdc_request_payload)).toContain(`select * from ${entity}`)
        expect(Date.parse(String(row._sdc_extract_window_start_utc))).toBeGreaterThan(0)
      }
    }
    const [edited, deleted] = company.ids('Invoice') as [string, string]
    company.edit('Invoice', edited, { set: { PrivateNote: 'by "hand", né?' } })
    company.delete('Invoice', deleted)
    const [inserted] = [company.insert('Item')].flat()
    clock.advance(120)
    await run()
    const invoices = await rowsOf('invoices')
    expect(invoices.size).toBe(400)
    expect(invoices.get(edited)?.privatenote).toBe('by "hand", né?')
    expect(String(invoices.get(deleted)?._sdc_deleted_at)).toMatch(/^\d{4}-/)
    expect([...(await rowsOf('items')).keys()]).toContain(String(inserted))
  },
)
