import { setImmediate as turn } from 'node:timers/promises'
import {
  describeError,
  EXIT,
  type Life,
  ProtocolError,
  type ReadMessage,
  readMessages,
  tellProgress,
} from '@singer-io-ts/core'
import { addActivation, addRow, addState, isFull } from './batch.ts'
import { createCommits } from './commits.ts'
import type { Settings } from './config.ts'
import { DUE, untilDue } from './input.ts'
import { readManifest } from './manifest.ts'
import { watchMemory } from './memory.ts'
import { openDatabase } from './postgres.ts'
import { createReport } from './report.ts'
import { BEGIN_LOAD } from './sql.ts'
import { createStore } from './store.ts'
import { createStreams } from './streams.ts'

/** After a signal, what is under way gets this long before the connection is cut. */
const GRACE_MS = 6000

/**
 * Messages in, tables and STATE out. Rows of all streams wait in one batch; a commit stores them
 * together with the last STATE that came, and only then is that STATE printed.
 */
export async function runTarget(
  input: AsyncIterable<Uint8Array>,
  settings: Settings,
  life: Life,
): Promise<number> {
  const { log, signal, out } = life
  const started = performance.now()
  const database = openDatabase({ ...settings, log, signal, begin: BEGIN_LOAD })
  const store = createStore(database, settings)
  const streams = createStreams(store, settings, log)
  const report = createReport(log)
  const commits = createCommits({
    store,
    out,
    maxBytes: settings.batchBytes,
    onCommit: report.add,
    onFault: (message) => log.error(message),
  })
  // While one half is stored the other comes in.
  const limits = { rows: settings.batchRows, bytes: settings.batchBytes / 2 }
  const keepMemory = watchMemory()
  /** Streams that were warned of for their ACTIVATE_VERSION. */
  const withoutVersion = new Set<string>()
  const stop = AbortSignal.any([signal, commits.failure])
  signal.addEventListener('abort', () => setTimeout(database.destroy, GRACE_MS).unref())

  /** Takes one message into the batch; gives a promise only where the input must wait. */
  function take(message: ReadMessage): Promise<void> | undefined {
    const batch = commits.waiting()
    switch (message.type) {
      case 'RECORD':
        addRow(batch, streams.rowOf(message))
        break
      case 'STATE':
        if (!isBlank(message.value)) addState(batch, message.line, message.text)
        break
      case 'SCHEMA':
        return declare(message)
      case 'BATCH':
        return takeFiles(message)
      case 'ACTIVATE_VERSION': {
        const { line, stream, version } = message
        if (version === undefined) warnOfVersion(stream, line)
        else addActivation(batch, { line, stream, version, at: streams.find(stream)?.newest })
      }
    }
    return commitWhenFull()
  }

  function warnOfVersion(stream: string, line: number): void {
    if (withoutVersion.has(stream)) return
    withoutVersion.add(stream)
    log.warning(
      `stream '${stream}', line ${line}: an ACTIVATE_VERSION without a usable 'version' is ignored`,
      { stream },
    )
  }

  function commitWhenFull(): Promise<void> | undefined {
    if (isFull(commits.waiting(), limits)) return commits.start()
    return commits.isCrowded() ? commits.settle() : undefined
  }

  async function declare(message: ReadMessage & { type: 'SCHEMA' }): Promise<void> {
    if (streams.find(message.stream) === undefined) await commits.settle()
    await streams.declare(message)
  }

  async function takeFiles(message: ReadMessage & { type: 'BATCH' }): Promise<void> {
    if (streams.find(message.stream) === undefined)
      throw new ProtocolError(
        message.line,
        `a BATCH of stream '${message.stream}' came before its SCHEMA`,
      )
    for await (const records of readManifest(message, settings))
      for (const { record, place } of records) {
        addRow(commits.waiting(), streams.rowOf(record, place))
        const wait = commitWhenFull()
        if (wait !== undefined) await wait
        stop.throwIfAborted()
      }
  }

  function due(): number | undefined {
    const { since } = commits.waiting()
    return since === undefined ? undefined : since + settings.batchWaitSeconds * 1000
  }

  async function load(): Promise<void> {
    await store.open()
    for await (const messages of untilDue(readMessages(input, settings), due, stop)) {
      if (messages === DUE) {
        await commits.start()
        continue
      }
      await takeAll(messages)
      keepMemory()
      // Input that is there already would keep the answers of Postgres waiting, for 32 pieces.
      await turn()
    }
  }

  async function takeAll(messages: Iterable<ReadMessage>): Promise<void> {
    for (const message of messages) {
      const wait = take(message)
      if (wait !== undefined) await wait
    }
  }

  const progress = tellProgress(life, () => ({
    streams: report.progress(),
    seconds: (performance.now() - started) / 1000,
  }))
  let fault: unknown
  try {
    await load().catch((thrown) => {
      fault = thrown
    })
    // Also what came before bad input, or before a signal, is stored, and its STATE printed.
    await commits.finish().catch((thrown) => {
      if (fault !== undefined && fault !== thrown) log.error(describeError(thrown))
      fault ??= thrown
    })
  } finally {
    progress.stop()
    await database.close()
  }
  report.print(streams, (performance.now() - started) / 1000, fault === undefined)
  if (fault !== undefined) throw fault
  return EXIT.done
}

/** `{}` and null say nothing, and whoever keeps STATE would forget the real one over them. */
function isBlank(value: unknown): boolean {
  if (value === null) return true
  return typeof value === 'object' && !Array.isArray(value) && Object.keys(value).length === 0
}
