import { expect } from 'vitest'

/** A row as a target keeps it. Instants are epoch milliseconds. */
export type Kept = {
  text: string
  extractedAt: number
  deletedAt: number | undefined
  version: number | undefined
}

export type State = {
  bookmarks: Record<string, Bookmark>
  currently_syncing: string | null
  realm_id: string
}

export type Bookmark = {
  replication_key_value: string
  completed_ranges?: [string, string][]
  deletions_known_to?: string
  reloading?: boolean
  version?: number
}

type Message = {
  type: string
  stream: string
  schema: object
  key_properties: string[]
  record: { Id: string; _sdc_deleted_at?: string }
  time_extracted: string
  version?: number
  value: State
}

/** What a Singer target does with the lines of a tap, in memory. */
export type Consumer = {
  /** Takes one line of stdout; gives the value of a STATE. */
  take(line: string): State | undefined
  /** A run begins: its streams are declared anew. */
  begin(): void
  /** Rows by Id, the deleted ones too. */
  rows(stream: string): Map<string, Kept>
  copy(): Consumer
}

/** The record as QuickBooks sent it: the text before the members that the tap has added. */
function sentText(line: string): string {
  const start = line.indexOf('"record":') + '"record":'.length
  const origin = line.search(/,("_sdc_deleted_at"|"_sdc_extract_window_start_utc"):/)
  return `${line.slice(start, origin)}}`
}

export function createConsumer(tables = new Map<string, Map<string, Kept>>()): Consumer {
  const declared = new Set<string>()

  function rows(stream: string): Map<string, Kept> {
    const table = tables.get(stream) ?? new Map<string, Kept>()
    tables.set(stream, table)
    return table
  }

  function takeRecord(message: Message, line: string): void {
    const { Id: id, _sdc_deleted_at: mark } = message.record
    const table = rows(message.stream)
    const before = table.get(id)
    const extractedAt = Date.parse(message.time_extracted)
    const version = message.version ?? before?.version
    const isOlder = before !== undefined && extractedAt < before.extractedAt
    if (mark === undefined) {
      const isGone = before?.deletedAt !== undefined && extractedAt < before.deletedAt
      if (isOlder) table.set(id, { ...before, version })
      else {
        const deletedAt = isGone ? before.deletedAt : undefined
        table.set(id, { text: sentText(line), extractedAt, deletedAt, version })
      }
    } else if (!isOlder) {
      const deletedAt = Date.parse(mark)
      table.set(id, { text: '', extractedAt, ...before, deletedAt, version })
    }
  }

  function activate(stream: string, version: number): void {
    const table = [...rows(stream).values()]
    if (!table.some((row) => row.version === version)) return
    for (const row of table)
      if (row.version === undefined || row.version < version) row.deletedAt ??= Date.now()
  }

  return {
    rows,
    begin: () => declared.clear(),
    take(line) {
      const message = JSON.parse(line) as Message
      const { type, stream } = message
      if (type === 'STATE') {
        expect(message.value.bookmarks, line).toBeTypeOf('object')
        return message.value
      }
      if (type === 'SCHEMA') {
        expect(message, line).toMatchObject({ key_properties: ['Id'], schema: { type: 'object' } })
        declared.add(stream)
        return undefined
      }
      expect(['RECORD', 'ACTIVATE_VERSION'], line).toContain(type)
      expect(declared, line).toContain(stream)
      if (type === 'ACTIVATE_VERSION') activate(stream, Number(message.version))
      else {
        expect(message.record.Id, line).toMatch(/^\d+$/)
        expect(message.time_extracted, line).toMatch(/^\d{4}-.*Z$/)
        takeRecord(message, line)
      }
      return undefined
    },
    copy() {
      const copied = [...tables].map(([stream, table]): [string, Map<string, Kept>] => [
        stream,
        new Map([...table].map(([id, row]) => [id, { ...row }])),
      ])
      return createConsumer(new Map(copied))
    },
  }
}
