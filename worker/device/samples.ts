/** The samples on the device, stored: each verb is one step of their life (`lifecycle.ts`), in one transaction. */
import { type Clock, DAY_MS } from '../../shared/clock.ts'
import type { KindredEvent } from '../../shared/event.ts'
import { type Context, type Generated, generateSamples } from '../../shared/generate.ts'
import type { Hyper } from '../../shared/hyper.ts'
import { seeded } from '../../shared/random.ts'
import type { MatchedSample } from '../../shared/sample.ts'
import { ageOf, contactsOf, surelyOlder } from './ages.ts'
import { type Db, getState, type LocalRow, type MatchedRow, putState } from './db.ts'
import {
  bestFirst,
  classifierShare,
  excess,
  judged,
  type LocalUse,
  useOf,
  youngestFirst,
} from './lifecycle.ts'

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
  /** Chooses those that train the classifier, at random; the others are to be scored. */
  split(hyper: Hyper, seed: number): Promise<{ classifying: MatchedRow[]; candidates: MatchedRow[] }>
  /** After the classifier's training: those that trained it go, candidates ≥ σ stay as filtered. Gives the number kept. */
  score(candidates: readonly MatchedRow[], scores: ArrayLike<number>, hyper: Hyper): Promise<number>
  /** Without a classifier: all that wait are filtered. Gives how many. */
  keepAll(hyper: Hyper): Promise<number>
  filtered(): Promise<MatchedRow[]>
  /** A finished training has used them. */
  used(rows: readonly MatchedRow[]): Promise<void>
  count(): Promise<{ local: number; clicks: number; matched: number; filtered: number }>
}

export function createSamples(db: Db, clock: Clock): Samples {
  const ids = (rows: readonly MatchedRow[]) => rows.map(({ id }) => id)
  const inState = (state: MatchedRow['state']) => db.matched.where('state').equals(state).sortBy('order')

  async function cutFiltered({ maxFiltered }: Hyper): Promise<void> {
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

    async split(hyper, seed) {
      return db.transaction('rw', db.matched, async () => {
        // A round that died has left some that were chosen before: they are chosen again.
        const chosen = await inState('classifying')
        const rest = seeded(seed).shuffle(await inState('unscored'))
        const total = chosen.length + rest.length
        const added = rest.splice(0, Math.max(0, classifierShare(total, hyper) - chosen.length))
        await db.matched.where('id').anyOf(ids(added)).modify({ state: 'classifying' })
        return { classifying: [...chosen, ...added], candidates: rest.sort((a, b) => a.order - b.order) }
      })
    },

    async score(candidates, scores, hyper) {
      const kept = new Map(
        candidates.flatMap(({ id }, i) => {
          const changes = judged(scores[i]!, hyper)
          return changes ? [[id, changes]] : []
        }),
      )
      await db.transaction('rw', db.matched, async () => {
        await db.matched.where('state').equals('classifying').delete()
        await db.matched.bulkDelete(ids(candidates).filter((id) => !kept.has(id)))
        // Only rows that are still here: the user may have erased everything meanwhile.
        await db.matched.bulkUpdate([...kept].map(([key, changes]) => ({ key, changes })))
        await cutFiltered(hyper)
      })
      return kept.size
    },

    async keepAll(hyper) {
      return db.transaction('rw', db.matched, async () => {
        const waiting = db.matched.where('state').anyOf('unscored', 'classifying')
        const kept = await waiting.modify((row) => {
          Object.assign(row, { state: 'filtered', score: null })
        })
        await cutFiltered(hyper)
        return kept
      })
    },

    filtered: () => inState('filtered'),
    used: (rows) => db.matched.bulkDelete(ids(rows)),

    async count() {
      const filtered = db.matched.where('state').equals('filtered').count()
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
