/** What the user can see of their samples, and take away one by one: `list`, `inspect`, `erase`. */
import { FIRST_ID } from '../../../shared/catalogue.ts'
import type { Clock } from '../../../shared/clock.ts'
import { AppError } from '../../../shared/failure.ts'
import type { CallInput, CallOutput } from '../../../shared/protocol.ts'
import type { Sample } from '../../../shared/sample.ts'
import { itemColumn, type Slot } from '../../../shared/schema.ts'
import type { Active } from '../delivery/active.ts'
import { ageOf, contactsOf } from '../storage/ages.ts'
import type { Db } from '../storage/tables.ts'
import { useOf } from './lifecycle.ts'

type Listed = CallOutput<'samples'>['rows'][number]

export interface Holdings {
  /** Newest first; `before` is the `next` of the page before. */
  list(task: Active, page: CallInput<'samples'>): Promise<CallOutput<'samples'>>
  /** One sample, feature by feature. Throws `bad-input` where it is not here (any more). */
  inspect(task: Active, id: string): Promise<CallOutput<'inspect'>>
  /**
   * Removes samples; of the user's own also the exposure and the clicks that they were made from, so that they do not come
   * back, and so that what was not sent yet never is. What the server has stays there. Gives the number removed.
   */
  erase(ids: readonly string[]): Promise<number>
}

export function createHoldings({ db, clock }: { db: Db; clock: Clock }): Holdings {
  /** The catalogue's key of what was shown. */
  function shown({ context: { layout, catalogue } }: Active, { ids }: Sample): string | null {
    const column = itemColumn(layout)
    return (column && catalogue.items[ids[column.at]! - FIRST_ID]?.key) ?? null
  }
  const find = async (id: string): Promise<Sample | undefined> =>
    (await db.local.get(id)) ?? (await db.matched.get(id))

  return {
    async list(task, { of, before, limit }) {
      const { hyper } = task.manifest
      const seen = (row: Sample) => ({ at: row.at, clicked: row.label === 1, item: shown(task, row) })
      let rows: Listed[]
      if (of === 'own') {
        const contacts = await contactsOf(db)
        const those =
          before === null ? db.local.orderBy('exposure') : db.local.where('exposure').below(before)
        rows = (
          await those
            .reverse()
            .limit(limit + 1)
            .toArray()
        ).map((row) => ({
          id: row.exposure,
          ...seen(row),
          use: useOf(ageOf({ id: row.exposure, at: row.at }, clock.now(), contacts), hyper),
          score: null,
        }))
      } else {
        const all = (await db.matched.toArray()).sort((a, b) => b.order - a.order)
        const from = before === null ? 0 : all.findIndex(({ id }) => id === before) + 1
        rows = all.slice(from, from + limit + 1).map((row) => ({
          id: row.id,
          ...seen(row),
          use: row.state,
          score: row.state === 'filtered' ? row.score : null,
        }))
      }
      const page = rows.slice(0, limit)
      return { rows: page, next: rows.length > limit ? page.at(-1)!.id : null }
    },

    async inspect({ context }, id) {
      const sample = await find(id)
      if (!sample) throw new AppError('bad-input', 'This sample is not on the device any more.')
      return {
        features: context.layout.slots.map((slot) => ({
          name: slot.feature.name,
          values: valuesOf(context, slot, sample),
        })),
      }
    },

    async erase(ids) {
      return db.transaction('rw', db.local, db.matched, db.history, db.outbox, async () => {
        const own = await db.local.where('exposure').anyOf(ids).primaryKeys()
        const borrowed = await db.matched.where('id').anyOf(ids).primaryKeys()
        await db.local.bulkDelete(own)
        await db.matched.bulkDelete(borrowed)
        const gone = new Set(own)
        const tells = await db.history
          .filter((event) => gone.has(event.id) || (event.type === 'click' && gone.has(event.exposure)))
          .primaryKeys()
        await db.history.bulkDelete(tells)
        await db.outbox.bulkDelete(tells)
        return own.length + borrowed.length
      })
    },
  }
}

/** A feature's values as a person would read them: titles, names, numbers. */
function valuesOf(
  { schema, catalogue }: Active['context'],
  { feature, at, width }: Slot,
  { ids, dense }: Sample,
) {
  if (feature.kind === 'dense') {
    const numbers = Array.from(dense.subarray(at, at + width))
    if (feature.from === 'sketch')
      return numbers.some((n) => n !== 0) ? ['a sketch of your recent clicks'] : []
    if (feature.from !== 'taste') return numbers
    return numbers.flatMap((share, i) =>
      share > 0 ? [`${catalogue.categories[i]} ${Math.round(100 * share)} %`] : [],
    )
  }
  const { values } = schema.vocabularies[feature.vocabulary]!
  const named = (position: number): string | undefined => {
    if (values) return values[position]
    const ofItems = feature.from === 'item' || feature.from === 'clicks'
    return ofItems ? catalogue.items[position]?.title : catalogue.categories[position]
  }
  return Array.from(ids.subarray(at, at + width))
    .filter((id) => id !== 0)
    .map((id) => named(id - FIRST_ID) ?? 'unknown')
}
