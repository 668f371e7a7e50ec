/** The samples on the device, stored: each verb is one step of their life (`lifecycle.ts`), in one transaction. */
import { type Clock, DAY_MS } from '../../../shared/clock.ts'
import type { KindredEvent } from '../../../shared/event.ts'
import { type Context, type Generated, generateSamples } from '../../../shared/generate.ts'
import type { Hyper } from '../../../shared/hyper.ts'
import type { MatchedSample } from '../../../shared/sample.ts'
import { ageOf, contactsOf, surelyOlder } from '../storage/ages.ts'
import { getState, putState } from '../storage/state.ts'
import type { Db, LocalRow, MatchedRow } from '../storage/tables.ts'
import { bestFirst, excess, type LocalUse, useOf, youngestFirst } from './lifecycle.ts'

/**
 * Exposures whose label is known well enough to learn from. A negative need not wait for `settleMs` here, as it must on
 * the server: once the user has clicked anything later, they have passed this one over. Should they come back and click
 * it after all, the device corrects its own sample; the server could not correct those that it has sent out.
 */
export function known(generated: readonly Generated[], events: readonly KindredEvent[]): Generated[] {
  let lastClick = ''
  for (const { type, id } of events) if (type === 'click' && id > lastClick) lastClick = id
  return generated.filter(({ settled, exposure }) => settled || exposure < lastClick)
}

/** What was made of borrowed samples, by their ids. */
export interface Settled {
  readonly scores: readonly { readonly id: string; readonly score: number | null; readonly keep: boolean }[]
  readonly used: readonly string[]
}

export interface Samples {
  /** Makes the local samples that the history gives by now, corrects labels, and lets go what is too old or too much. */
  update(context: Context, hyper: Hyper): Promise<void>
  /** The local samples, each set oldest first. */
  local(hyper: Hyper): Promise<{ validation: LocalRow[]; training: LocalRow[] }>
  /**
   * Takes in a pulled batch; what is already here keeps its state. For use within a transaction. Gives the order of the
   * newest; a caller who adds one batch after the other says it, so that not all are read for each.
   */
  add(samples: readonly MatchedSample[], newest?: number): Promise<number>
  /** Cuts leftovers of earlier days; called before those of a new day come in. */
  makeRoom(hyper: Hyper): Promise<void>
  /** Of those that are remembered the newest stay. */
  forgetOld(hyper: Hyper): Promise<void>
  /** Matched samples that wait for somebody to say how well they fit, in the order in which they came in. */
  waiting(): Promise<MatchedRow[]>
  /** What these are called, in any order. */
  waitingIds(): Promise<string[]>
  /** Those that were kept, likewise. */
  filtered(): Promise<MatchedRow[]>
  /** What a run makes of borrowed samples: `used` ones go, scored ones become filtered ones or go. */
  settle(made: Settled, hyper: Pick<Hyper, 'maxFiltered'>): Promise<void>
  count(): Promise<{ local: number; clicks: number; matched: number; filtered: number }>
}

export function createSamples(db: Db, clock: Clock): Samples {
  const ids = (rows: readonly MatchedRow[]) => rows.map(({ id }) => id)
  const those = (state: MatchedRow['state']) => db.matched.where('state').equals(state)
  const inState = (state: MatchedRow['state']) => those(state).sortBy('order')

  async function cutFiltered({ maxFiltered }: Pick<Hyper, 'maxFiltered'>): Promise<void> {
    if ((await those('filtered').count()) <= maxFiltered) return
    await db.matched.bulkDelete(ids(excess(await inState('filtered'), maxFiltered, bestFirst)))
  }

  /** Writes what is new or has another label than the stored row; features of a stored sample never change. */
  async function write(generated: readonly Generated[]): Promise<void> {
    const stored = await db.local.bulkGet(generated.map(({ exposure }) => exposure))
    const rows = generated.flatMap(({ exposure, sample }, i): LocalRow[] =>
      stored[i]?.label === sample.label ? [] : [{ ...(stored[i] ?? sample), exposure, label: sample.label }],
    )
    await db.local.bulkPut(rows)
  }

  /** Lets go what is `old` or before it, and what is too much; and remembers how far the cut went. */
  async function trimLocal(old: string, { maxLocal }: Hyper): Promise<void> {
    await db.local.where('exposure').belowOrEqual(old).delete()
    if ((await db.local.count()) <= maxLocal) return
    const gone = excess(await db.local.toArray(), maxLocal, youngestFirst).map(({ exposure }) => exposure)
    if (gone.length === 0) return
    await db.local.bulkDelete(gone)
    await putState(db, 'cutUpTo', gone[0]!)
  }

  return {
    async update(context, hyper) {
      await db.transaction('rw', db.history, db.local, db.state, async () => {
        const events = await db.history.orderBy('id').toArray()
        const now = clock.now()
        const span = hyper.localTrainingDays * DAY_MS
        const old = surelyOlder(await contactsOf(db), span)
        const cutUpTo = (await getState(db, 'cutUpTo')) ?? ''
        const gone = old > cutUpTo ? old : cutUpTo
        // No upper end: an exposure from before the clock was put back lies in the future.
        const generated = generateSamples(context, events, now, {
          after: now - span - 1,
          until: Number.POSITIVE_INFINITY,
        })
        await write(known(generated, events).filter(({ exposure }) => exposure > gone))
        await trimLocal(old, hyper)
      })
    },

    async local(hyper) {
      const now = clock.now()
      const contacts = await contactsOf(db)
      const rows = await db.local.orderBy('exposure').toArray()
      const those = (use: LocalUse) =>
        rows.filter(({ exposure: id, at }) => useOf(ageOf({ id, at }, now, contacts), hyper) === use)
      return { validation: those('validation'), training: those('training') }
    },

    async add(samples, newest) {
      const there = await db.matched.bulkGet(samples.map(({ id }) => id))
      const last =
        newest ?? (await db.matched.toArray()).reduce((most, { order }) => Math.max(most, order), 0)
      const rows = samples.filter((_, i) => !there[i])
      await db.matched.bulkPut(
        rows.map((sample, i) => ({ ...sample, order: last + 1 + i, state: 'unscored' })),
      )
      return last + rows.length
    },

    async makeRoom(hyper) {
      await db.transaction('rw', db.matched, async () => {
        const gone = excess(await db.matched.toArray(), hyper.maxFiltered, bestFirst)
        await db.matched.bulkDelete(ids(gone))
      })
    },

    async forgetOld({ evidence }) {
      await db.transaction('rw', db.matched, async () => {
        const newestFirst = (await db.matched.toArray()).sort((a, b) => b.order - a.order)
        await db.matched.bulkDelete(ids(newestFirst.slice(evidence.samples)))
      })
    },

    async waiting() {
      // A query that leaves one state out would go through the table row by row.
      const rows = await Promise.all([inState('unscored'), inState('classifying')])
      return rows.flat().sort((a, b) => a.order - b.order)
    },
    waitingIds: async () =>
      (await Promise.all([those('unscored').primaryKeys(), those('classifying').primaryKeys()])).flat(),
    filtered: () => inState('filtered'),

    async settle({ scores, used }, hyper) {
      const gone = [...used, ...scores.filter(({ keep }) => !keep).map(({ id }) => id)]
      const kept = scores.filter(({ keep }) => keep)
      await db.transaction('rw', db.matched, async () => {
        // Only rows that are still here: the user may have erased everything meanwhile.
        await db.matched.bulkUpdate(
          kept.map(({ id, score }) => ({ key: id, changes: { state: 'filtered', score } })),
        )
        await db.matched.bulkDelete(gone)
        if (kept.length > 0) await cutFiltered(hyper)
      })
    },

    async count() {
      const filtered = those('filtered').count()
      // All at once: a browser takes longer to go through a table row by row than to give it.
      const [own, m, f] = await Promise.all([db.local.toArray(), db.matched.count(), filtered])
      return {
        local: own.length,
        clicks: own.filter(({ label }) => label === 1).length,
        matched: m,
        filtered: f,
      }
    },
  }
}
