/**
 * The protocol of SASRec (Kang & McAuley 2018, §4): of each user's clicks the last is the test and the last but one the
 * validation. The cloud never knows either. Who is judged by the last may know the one before it, as that user's device does:
 * it is part of the history, and a device may learn from it. Times stay as the source has them.
 */
import type { KindredEvent } from '../../../shared/event.ts'
import type { Source, UserEvents } from '../../sources/source.ts'
import { whole } from '../split.ts'

export const JUDGES = ['test', 'validation'] as const
/** Which click is to be foretold. */
export type Judge = (typeof JUDGES)[number]

/** A user with the click that is to be foretold. */
export interface Turn {
  readonly user: string
  /** From 1, in the order of the source. */
  readonly number: number
  /** Up to the click before. */
  readonly past: readonly KindredEvent[]
  /** What was clicked then, … */
  readonly item: string
  /** … and when it was shown (ms). */
  readonly at: number
  /** All that the user ever clicked. */
  readonly own: ReadonlySet<string>
}

export interface LeaveOneOut {
  /** What the cloud knows: all but the last two clicks of everybody. */
  readonly past: Source
  /** Those who have three clicks or more; the same ones at each call. */
  turns(judge: Judge): AsyncIterable<Turn>
}

const BACK: Record<Judge, number> = { test: 1, validation: 2 }

/** `population` are the first so many users, default all. Throws `bad-input`, while it is read, as `whole` does. */
export function leaveOneOut(source: Source, population = Number.POSITIVE_INFINITY): LeaveOneOut {
  async function* everybody(): AsyncGenerator<UserEvents & { number: number }> {
    let number = 0
    for await (const one of whole(source)) {
      if (++number > population) return
      yield { ...one, number }
    }
  }
  async function* users(): AsyncGenerator<UserEvents> {
    for await (const { user, events } of everybody())
      yield { user, events: before(events, BACK.validation) ?? events }
  }
  async function* turns(judge: Judge): AsyncGenerator<Turn> {
    for await (const one of everybody()) {
      const turn = turnOf(one, BACK[judge])
      if (turn) yield turn
    }
  }
  return { past: { ...source, users }, turns }
}

/** Up to the click that precedes the last `back`; undefined where none does. */
function before(events: readonly KindredEvent[], back: number): KindredEvent[] | undefined {
  const clicks = [...events.keys()].filter((i) => events[i]!.type === 'click')
  const last = clicks.at(-back - 1)
  return last === undefined ? undefined : events.slice(0, last + 1)
}

function turnOf({ user, number, events }: UserEvents & { number: number }, back: number): Turn | undefined {
  if (!before(events, BACK.validation)) return undefined
  const clicks = events.filter((event) => event.type === 'click')
  const { item, exposure } = clicks.at(-back)!
  const shown = events.find(({ id }) => id === exposure)
  if (!shown) return undefined
  const own = new Set(clicks.map((click) => click.item))
  return { user, number, past: before(events, back)!, item, at: shown.at, own }
}
