/** A Singer stream of which it is known what the tables must hold after each of its lines. */
import { createHash } from 'node:crypto'
import { chance, draw, pick, type Random } from '../../simulator/random.ts'

export type Source = {
  /** Singer messages, each with its newline. */
  lines: string[]
  /** By line: the text of its STATE, where it is one. */
  states: Map<number, string>
  /** By stream and id: what the row is after which line, in order. */
  rows: Map<string, Version[]>
  /** The streams, with the line of their SCHEMA. */
  streams: Map<string, number>
}

/** What a row is from this line on. */
export type Version = { line: number; row: Row }

/** `seen`: when this payload was first seen. */
export type Row = { payload: string; version: number | null; isMarked: boolean; seen: string }

const KEYS: Record<string, string[]> = { orders: ['Id'], people: ['place', 'n'], events: [] }

/** About so many records of three streams, with marks, versions and STATEs between them. */
export function makeSource(random: Random, records: number): Source {
  const source: Source = { lines: [], states: new Map(), rows: new Map(), streams: new Map() }
  const now = new Map<string, Row>()
  let version = 1

  function add(message: string): void {
    source.lines.push(`${message}\n`)
  }

  function set(key: string, row: Row): void {
    now.set(key, row)
    const versions = source.rows.get(key) ?? []
    source.rows.set(key, versions)
    versions.push({ line: source.lines.length - 1, row })
  }

  function declare(stream: string): void {
    source.streams.set(stream, source.lines.length)
    const keys = JSON.stringify(KEYS[stream])
    add(`{"type":"SCHEMA","stream":"${stream}","schema":{},"key_properties":${keys}}`)
  }

  /** The instant of the next line, later than all before. */
  function instant(): string {
    return new Date(Date.UTC(2024, 0, 1) + source.lines.length * 1000).toISOString()
  }

  function record(stream: string, id: string, payload: string, sent: number | null): void {
    const key = keyOf(stream, id)
    const before = now.get(key)
    const seen = instant()
    const more = sent === null ? '' : `,"version":${sent}`
    add(
      `{"type":"RECORD","stream":"${stream}","record":${payload},"time_extracted":"${seen}"${more}}`,
    )
    const isSame = before?.payload === payload
    set(key, {
      payload,
      version: sent ?? before?.version ?? null,
      isMarked: false,
      seen: isSame ? before.seen : seen,
    })
  }

  function mark(id: string): void {
    const key = keyOf('orders', id)
    const seen = instant()
    const payload = `{"Id": "${id}", "gone": true}`
    const sent = payload.replace('}', `, "_sdc_deleted_at": "${seen}"}`)
    add(`{"type":"RECORD","stream":"orders","record":${sent},"time_extracted":"${seen}"}`)
    const before = now.get(key) ?? { payload, version: null, seen }
    set(key, { ...before, isMarked: true })
  }

  /** As a tap does at the end of a full load: records of the version have come. */
  function activate(): void {
    const orders = [...now].filter(([key]) => key.startsWith('orders '))
    if (!orders.some(([, row]) => row.version === version)) return
    add(`{"type":"ACTIVATE_VERSION","stream":"orders","version":${version}}`)
    for (const [key, row] of orders)
      if (!row.isMarked && (row.version === null || row.version < version))
        set(key, { ...row, isMarked: true })
  }

  function order(): void {
    const id = `${draw(random, 30)}`
    const before = now.get(keyOf('orders', id))
    const isSame = before !== undefined && chance(random, 20)
    const payload = isSame ? before.payload : payloadOf(`"Id": "${id}"`)
    if (chance(random, before === undefined ? 5 : 20)) mark(id)
    else record('orders', id, payload, chance(random, 20) ? null : version)
  }

  /** In the form in which jsonb gives it back, so that texts can be compared. */
  function payloadOf(key: string): string {
    const size = chance(random, 3) ? 70_000 : draw(random, 200)
    const number = `${source.lines.length}.${draw(random, 10)}0`
    return `{${key}, "sum": ${number}, "text": "${'x'.repeat(size)}"}`
  }

  function person(): void {
    const place = pick(random, ['a', 'b,', '"'])
    const n = draw(random, 8)
    const text = `{"n": ${n}, "line": ${source.lines.length}, "place": ${JSON.stringify(place)}}`
    record('people', `[${JSON.stringify(place)},${n}]`, text, null)
  }

  function event(): void {
    const payload = payloadOf(`"n": ${draw(random, 1000)}`)
    record('events', createHash('sha256').update(payload).digest('hex'), payload, null)
  }

  declare('orders')
  declare('people')
  for (let count = 0; count < records; count++) {
    if (count === Math.floor(records / 3)) declare('events')
    const kind = draw(random, source.streams.has('events') ? 4 : 3)
    if (kind === 3) event()
    else if (kind === 2) person()
    else order()
    if (chance(random, 3)) version++
    if (chance(random, 4)) activate()
    if (chance(random, 25) || count === records - 1) {
      source.states.set(source.lines.length, `{"line": ${source.lines.length}}`)
      add(`{"type":"STATE","value":{"line": ${source.lines.length}}}`)
    }
  }
  return source
}

export function keyOf(stream: string, id: string): string {
  return `${stream} ${id}`
}

/** The input of a run that goes on after this line: the schemas known there, and all that follows. */
export function resumeAfter(source: Source, line: number): string {
  const schemas = [...source.streams.values()].filter((at) => at <= line)
  return [...schemas.map((at) => source.lines[at]), ...source.lines.slice(line + 1)].join('')
}
