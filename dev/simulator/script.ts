/** What happens to an answer; effects may be combined. */
export type Fault = {
  /** How many answers, 1 by default; 0 means all from then on. */
  times?: number
  /** Lets this many matching requests pass first. */
  after?: number
  /** Only requests of this kind; without it, every request of the company's API. */
  endpoint?: 'query' | 'cdc' | 'companyinfo' | 'read' | 'token'
  /** Only requests that ask for this entity (for cdc: among others). */
  entity?: string
  /** Status and body in place of the answer; status 200 with a fault body is a Fault inside 200. */
  status?: number
  body?: 'json-fault' | 'gateway-fault' | 'xml' | 'html' | 'empty' | 'text'
  code?: string
  message?: string
  detail?: string
  /** The body itself, with `body: 'text'`. */
  text?: string
  /** The body's bytes in base64, whatever the answer was: malformed UTF-8, for one. */
  base64?: string
  headers?: Record<string, string>
  /** Sends this many bytes of the (compressed, if asked for) body and no more. */
  cutAfterBytes?: number
  /** How the cut ends: socket closed, reset, a Content-Length that agrees with the cut, clean chunks. */
  cut?: 'close' | 'reset' | 'short-length' | 'chunked'
  /** Never answers. */
  hang?: boolean
  /** Closes the connection before any answer. */
  drop?: boolean
  /** Token end point with hang or drop: the exchange happens all the same, its answer is lost. */
  carriedOut?: boolean
  delayMs?: number
  /** Query: at most this many rows, whatever was asked. */
  maxResults?: number
  /** Query: the first row of the page comes twice. */
  repeatRow?: boolean
  /** Query: this many rows more than asked. */
  extraRows?: number
  /** Query: 504 when more rows than this are asked for; `times` is usually 0. */
  tooHeavyAbove?: number
  /** Query: refused with 400 when this row (one of these) is in the page; `times` is usually 0. */
  poisonedId?: string | readonly string[]
  /** What such a query is refused with: 4002 by default, or 10000 (a SystemFault), 610. */
  poisonCode?: '4002' | '610' | '10000'
  /** The status of the refusal, 400 by default; unverified for a SystemFault. */
  poisonStatus?: 400 | 500
  /** A projection of other members than the broken one gives the row; unverified. */
  poisonSparesProjection?: boolean
}

/** A change of the company, as the control end point and triggers take it. */
export type Edit = {
  action: 'edit' | 'touch' | 'insert' | 'void' | 'deactivate' | 'reactivate' | 'delete' | 'merge'
  entity: string
  id?: string
  ids?: string[]
  /** Inserts: how many rows. */
  count?: number
  /** Merge: the row that stays. */
  into?: string
  set?: Record<string, unknown>
  setText?: Record<string, string>
  text?: string
  createTime?: string
  lastUpdatedTime?: string
}

/** Something to do once, when a number of data requests has been answered. */
export type Trigger = {
  /** Counts from when the script was given. */
  afterRequests: number
  endpoint?: Fault['endpoint']
  entity?: string
  edits?: Edit[]
  /** Kills all access tokens. */
  expireAccessTokens?: boolean
  /** Kills the connection. */
  revoke?: boolean
  /** Moves the clock. */
  advanceSeconds?: number
}

export type Step = Fault | Trigger
/** What a request is about, to match faults and triggers. */
export type Asked = { endpoint: string; entities: string[] }

export type Script = {
  add(...steps: Step[]): void
  /** The fault for this request; its turn is taken. */
  faultFor(asked: Asked): Fault | undefined
  /** The triggers that this answer sets off. Called once the answer is made. */
  triggersFor(asked: Asked): Trigger[]
  /** In-process reactions to every answered data request, n from 1. */
  onAnswer(reaction: (n: number, asked: Asked) => void): void
  answered(asked: Asked): void
  /** Steps that wait. */
  pending(): Step[]
  clear(): void
}

function matches(step: Step, asked: Asked): boolean {
  // Faults are for the company's API unless they name the token end point.
  if (step.endpoint === undefined ? asked.endpoint === 'token' : step.endpoint !== asked.endpoint)
    return false
  const wanted = step.entity?.toLowerCase()
  return wanted === undefined || asked.entities.some((name) => name.toLowerCase() === wanted)
}

function isTrigger(step: Step): step is Trigger {
  return 'afterRequests' in step
}

/** A queue of faults and triggers, taken in the order given. */
export function createScript(): Script {
  let faults: { fault: Fault; skip: number; left: number }[] = []
  let triggers: { trigger: Trigger; left: number }[] = []
  let reactions: ((n: number, asked: Asked) => void)[] = []
  let count = 0
  return {
    add(...steps) {
      for (const step of steps) {
        if (isTrigger(step)) triggers.push({ trigger: step, left: step.afterRequests })
        else {
          const times = step.times ?? 1
          const left = times === 0 ? Number.POSITIVE_INFINITY : times
          faults.push({ fault: step, skip: step.after ?? 0, left })
        }
      }
    },
    faultFor(asked) {
      let found: Fault | undefined
      let counted = false
      for (const entry of faults) {
        if (!matches(entry.fault, asked)) continue
        if (entry.skip > 0) {
          entry.skip--
          continue
        }
        // One counted fault a request, so that they queue up; lasting ones add to it.
        const lasting = entry.left === Number.POSITIVE_INFINITY
        if (counted && !lasting) continue
        if (!lasting) counted = true
        entry.left--
        found = { ...found, ...entry.fault }
      }
      faults = faults.filter(({ left }) => left > 0)
      return found
    },
    triggersFor(asked) {
      const due: Trigger[] = []
      for (const entry of triggers) {
        if (!matches(entry.trigger, asked)) continue
        entry.left--
        if (entry.left <= 0) due.push(entry.trigger)
      }
      triggers = triggers.filter(({ left }) => left > 0)
      return due
    },
    onAnswer(reaction) {
      reactions.push(reaction)
    },
    answered(asked) {
      count++
      for (const reaction of reactions) reaction(count, asked)
    },
    pending: () => [...faults.map(({ fault }) => fault), ...triggers.map(({ trigger }) => trigger)],
    clear() {
      faults = []
      triggers = []
      reactions = []
    },
  }
}
