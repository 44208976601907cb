import { describeError, ProtocolError, type Writer } from '@singer-io-ts/core'
import { type Batch, cutBefore, emptyBatch, isEmpty } from './batch.ts'
import type { Load, Store } from './store.ts'

export type CommitsOptions = {
  store: Store
  /** Where STATE goes once it is true. */
  out: Writer
  /** With bytes in flight and waiting beyond this, the input waits. */
  maxBytes: number
  onCommit: (loads: ReadonlyMap<string, Load>) => void
  onFault: (message: string) => void
}

/** The waiting batch, and at most one commit in flight. */
export type Commits = {
  waiting(): Batch
  /** Takes the waiting batch to the database once the commit before it has ended. */
  start(): Promise<void>
  /** Whether the commit in flight must end before more is read. */
  isCrowded(): boolean
  /** Until the commit in flight has ended; throws what it threw. */
  settle(): Promise<void>
  /** Commits what waits, as the last thing; throws if any commit has failed. */
  finish(): Promise<void>
  /** Aborts when a commit fails, with its error as the reason. */
  failure: AbortSignal
}

export function createCommits(options: CommitsOptions): Commits {
  const { store, out, maxBytes, onCommit, onFault } = options
  let waiting = emptyBatch()
  let inFlight: Promise<void> | undefined
  let bytesInFlight = 0
  /** Room for one more row, as large as the others are. */
  let bytesOfNext = 0
  const failure = new AbortController()

  async function commit(batch: Batch): Promise<void> {
    try {
      await commitWhole(batch)
      batch.slabs.release()
    } catch (thrown) {
      if (thrown instanceof ProtocolError && thrown.line !== undefined)
        throw (await commitBefore(batch, thrown.line)) ?? thrown
      throw thrown
    }
  }

  async function commitWhole(batch: Batch): Promise<void> {
    onCommit(await store.commit(batch))
    const state = batch.states.at(-1)
    if (state === undefined) return
    await out.write(state.text)
    await out.flush()
  }

  /**
   * A value was refused: what came before its line is good, and is kept. Gives the fault of an
   * earlier line: the tables of a batch are copied one after the other.
   */
  async function commitBefore(batch: Batch, line: number): Promise<ProtocolError | undefined> {
    const cut = cutBefore(batch, line)
    if (isEmpty(cut)) return undefined
    try {
      await commit(cut)
    } catch (thrown) {
      if (thrown instanceof ProtocolError && thrown.line !== undefined) return thrown
      onFault(`what came before line ${line} was not committed: ${describeError(thrown)}`)
    }
    return undefined
  }

  async function settle(): Promise<void> {
    await inFlight
    failure.signal.throwIfAborted()
  }

  async function start(): Promise<void> {
    await settle()
    if (isEmpty(waiting)) return
    const batch = waiting
    waiting = emptyBatch()
    bytesInFlight = batch.bytes
    bytesOfNext = batch.bytes / Math.max(1, batch.rows.length)
    inFlight = commit(batch)
      .catch((thrown) => failure.abort(thrown))
      .finally(() => {
        bytesInFlight = 0
        inFlight = undefined
      })
    if (isCrowded()) await settle()
  }

  function isCrowded(): boolean {
    return bytesInFlight > 0 && bytesInFlight + waiting.bytes + bytesOfNext >= maxBytes
  }

  return {
    waiting: () => waiting,
    start,
    async finish() {
      await start()
      await settle()
    },
    isCrowded,
    settle,
    failure: failure.signal,
  }
}
