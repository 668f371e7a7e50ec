/**
 * Why an item stands where it does, as far as the model that ranks can say: what it attends to among the user's clicks, and
 * what each did to the item's score. Attention alone does not say that: whether a click that is attended to speaks for the item
 * or against it is decided by the layers above, and it counts in the user's taste as well. So the model is asked again, as if
 * the user had never clicked it; and what that changes for all the items that are asked about is no reason for one of them.
 */
import { FIRST_ID } from '../../../shared/catalogue.ts'
import type { ItemContext, KindredEvent } from '../../../shared/event.ts'
import { UserState } from '../../../shared/generate.ts'
import type { CallOutput } from '../../../shared/protocol.ts'
import { type Batch, pack, type Sample } from '../../../shared/sample.ts'
import { itemColumn, type Slot } from '../../../shared/schema.ts'
import type { Active } from '../delivery/active.ts'
import type { Scorer } from '../models/scorer.ts'

export type Reason = CallOutput<'why'>['items'][number]

/** Scores that are asked for again, over all items and clicks: some milliseconds of work. */
const ASKED = 1200
/** What is told raised the odds by this much at least, next to the others'. */
const MIN_EFFECT = Math.log(1.05)

/** What was clicked so many times was clicked often. */
const OFTEN = 2

type Task = Pick<Active, 'catalogue' | 'context'>

/** What is shown, to whom, when. */
export interface Shown {
  readonly items: readonly string[]
  /** Of each item, as it would be shown now. */
  readonly samples: readonly Sample[]
  /** Its position in the catalogue. */
  readonly positions: readonly number[]
  /** All that the user did, in the order of the ids. */
  readonly events: readonly KindredEvent[]
  readonly now: number
  /** What the app said of each item. */
  readonly told?: readonly ItemContext[] | undefined
}

/** Throws what `Scorer.score` throws. */
export async function reasonsFor(
  task: Task,
  scorer: Pick<Scorer, 'score' | 'attention'>,
  shown: Shown,
): Promise<Reason[]> {
  const { items, samples } = shown
  const batch = pack(task.context.layout, samples)
  const attended = attendedClicks(task, scorer, batch)
  const clicked = [...new Set(attended.flatMap((clicks) => [...clicks.keys()]))]
  const tried = clicked.slice(0, Math.ceil(ASKED / items.length))
  const variants = [...tried.map((item) => neverClicked(task, shown, item)), tasteless(task, samples)]
  const scores = [...(await scorer.score(batch))]
  const changed = await scorer.score(pack(task.context.layout, variants.flat()))
  const effects = variants.map((_, v) => {
    const raised = scores.map((score, row) => logit(score) - logit(changed[v * items.length + row]!))
    // What raises all alike moves none.
    const mean = raised.length > 1 ? raised.reduce((sum, effect) => sum + effect, 0) / raised.length : 0
    return raised.map((effect) => effect - mean)
  })
  return items.map((item, row): Reason => {
    const clicks = [...attended[row]!].map(([item, weight]) => {
      const v = tried.indexOf(item)
      return { item, weight, effect: effects[v]?.[row] ?? null }
    })
    const category = favouriteOf(task, shown, shown.positions[row]!)
    const taste = category === undefined ? null : { category, effect: effects[tried.length]![row]! }
    return { item, score: scores[row]!, clicks, because: becauseOf(item, clicks, taste) }
  })
}

function becauseOf(
  item: string,
  clicks: Reason['clicks'],
  taste: { category: number; effect: number } | null,
): Reason['because'] {
  // That it was opened before is no reason to show it.
  const others = clicks.filter((click) => click.item !== item)
  const [best] = others.sort((a, b) => (b.effect ?? 0) - (a.effect ?? 0))
  if (best && (best.effect ?? 0) >= MIN_EFFECT) return { kind: 'click', item: best.item }
  return taste && taste.effect >= MIN_EFFECT ? { kind: 'category', category: taste.category } : null
}

/** Where a sample has the user's clicks, or numbers that come `from` something. */
const slotsFrom = ({ context }: Task, from: Slot['feature']['from']): Slot[] =>
  context.layout.slots.filter(({ feature }) => feature.from === from)

/**
 * Of each row, the weights of the clicked items that the model attends to, newest first. Those without a row of their own it
 * cannot tell apart: they are left out, and for such a target there are none. Over several windows weights add up.
 */
function attendedClicks(
  task: Task,
  scorer: Pick<Scorer, 'attention'>,
  { size, ids }: Batch,
): Map<string, number>[] {
  const { idWidth } = task.context.layout
  const ofClicks = new Set(slotsFrom(task, 'clicks').map(({ feature }) => feature.name))
  const { attention, known } = scorer.attention({ size, ids })
  const windows = attention.filter(({ feature }) => ofClicks.has(feature)).sort((a, b) => b.length - a.length)
  const target = itemColumn(task.context.layout)?.at
  return Array.from({ length: size }, (_, row) => {
    const from = row * idWidth
    const sums = new Map<string, number>()
    if (target === undefined || !known(from + target)) return sums
    for (const { at, length, weights } of windows)
      for (let l = 0; l < length; l++) {
        const item = task.catalogue.items[ids[from + at + l]! - FIRST_ID]?.key
        if (item === undefined || !known(from + at + l)) continue
        sums.set(item, (sums.get(item) ?? 0) + weights[row * length + l]!)
      }
    return sums
  })
}

/** The samples as they would be, had the user never clicked the item. */
function neverClicked({ context }: Task, { events, positions, now, told }: Shown, item: string): Sample[] {
  const user = new UserState(context)
  for (const event of events) if (event.type !== 'click' || event.item !== item) user.observe(event)
  return user.samples(positions, now, told)
}

/** The samples as if each item's categories were new to the user. */
function tasteless(task: Task, samples: readonly Sample[]): Sample[] {
  const affinities = slotsFrom(task, 'affinity')
  return samples.map((sample) => {
    const dense = sample.dense.slice()
    for (const { at, width } of affinities) dense.fill(0, at, at + width)
    return { ...sample, dense }
  })
}

/** Of the categories of the item at `position` the one of which the user has clicked the most others, if that were some. */
function favouriteOf({ catalogue, context }: Task, { events }: Shown, position: number): number | undefined {
  const clicked = new Set(events.flatMap((event) => (event.type === 'click' ? [event.item] : [])))
  clicked.delete(catalogue.items[position]!.key)
  const categories = [...clicked].flatMap(
    (key) => catalogue.items[context.index.get(key) ?? -1]?.categories ?? [],
  )
  const countOf = (category: number) => categories.filter((other) => other === category).length
  const [favourite] = [...catalogue.items[position]!.categories].sort((a, b) => countOf(b) - countOf(a))
  return favourite !== undefined && countOf(favourite) >= OFTEN ? favourite : undefined
}

/** The odds on a logarithm's scale; a float32 may have rounded to 0 or 1. */
function logit(chance: number): number {
  const p = Math.min(1 - 1e-7, Math.max(1e-7, chance))
  return Math.log(p / (1 - p))
}
