/**
 * Why an item stands where it does, as far as the model that ranks can say: what it attends to among the user's clicks, and
 * which one thing moved the item's score up the most, found by leaving that out and asking the model again.
 */
import { FIRST_ID } from '../../shared/catalogue.ts'
import type { CallOutput } from '../../shared/protocol.ts'
import type { Batch } from '../../shared/sample.ts'
import { itemColumn, type Slot } from '../../shared/schema.ts'
import type { Active } from './active.ts'
import type { Scorer } from './scorer.ts'

export type Reason = CallOutput<'why'>['items'][number]
type Because = NonNullable<Reason['because']>

/** The clicks with the greatest weights are left out, one at a time: so many. */
const TRIED = 3
/** What is told moved the odds by this much at least. */
const MIN_EFFECT = Math.log(1.02)
/** A click stands out whose weight is so many times the mean size of all. */
const STANDS_OUT = 1.1

/** A click that the model attends to, and the id that it has in a sample. */
interface Click {
  readonly item: string
  readonly id: number
  readonly weight: number
}

/** A row of the batch as it would be without something. */
interface Variant {
  readonly row: number
  readonly without: Because
  readonly ids: Int32Array
  readonly dense: Float32Array
}

/** `batch` has a row for each of `items`. Throws what `Scorer.score` throws. */
export async function reasonsFor(
  task: Pick<Active, 'catalogue' | 'context'>,
  scorer: Pick<Scorer, 'score' | 'attention'>,
  items: readonly string[],
  batch: Batch,
): Promise<Reason[]> {
  const clicks = attendedClicks(task, scorer, batch)
  const variants = items.flatMap((_, row) => [
    ...clicksLeftOut(task, batch, row, clicks[row]!),
    ...affinityLeftOut(task, batch, row),
  ])
  const scores = await scorer.score(batch)
  const without = await scorer.score(asBatch(variants))
  return items.map((item, row) => {
    let because: Because | null = null
    let most = MIN_EFFECT
    variants.forEach((variant, i) => {
      const effect = variant.row === row ? logit(scores[row]!) - logit(without[i]!) : 0
      if (effect < most) return
      because = variant.without
      most = effect
    })
    const attended = clicks[row]!.map(({ item, weight }) => ({ item, weight }))
    return { item, score: scores[row]!, clicks: attended, because }
  })
}

/** Where a sample has the user's clicks, or numbers that come `from` something. */
const slotsFrom = ({ context }: Pick<Active, 'context'>, from: Slot['feature']['from']): Slot[] =>
  context.layout.slots.filter(({ feature }) => feature.from === from)

/**
 * Of each row, the clicks that the model attends to, newest first. Those without a row of their own it cannot tell apart:
 * they are left out, and for such a target there are none. Where it attends in several windows, a click's weights add up.
 */
function attendedClicks(
  task: Pick<Active, 'catalogue' | 'context'>,
  scorer: Pick<Scorer, 'attention'>,
  { size, ids }: Batch,
): Click[][] {
  const { idWidth } = task.context.layout
  const ofClicks = new Set(slotsFrom(task, 'clicks').map(({ feature }) => feature.name))
  const { attention, known } = scorer.attention({ size, ids })
  const windows = attention.filter(({ feature }) => ofClicks.has(feature))
  const longest = windows.reduce((most, { length }) => Math.max(most, length), 0)
  const target = itemColumn(task.context.layout)?.at
  return Array.from({ length: size }, (_, row): Click[] => {
    const from = row * idWidth
    if (target === undefined || !known(from + target)) return []
    return Array.from({ length: longest }, (_, l): Click[] => {
      const reaching = windows.filter(({ length }) => l < length)
      const at = from + reaching[0]!.at + l
      const item = task.catalogue.items[ids[at]! - FIRST_ID]
      if (!item || !known(at)) return []
      const weight = reaching.reduce((sum, { length, weights }) => sum + weights[row * length + l]!, 0)
      return [{ item: item.key, id: ids[at]!, weight }]
    }).flat()
  })
}

/** The row without each of the clicks that its attention is on. */
function clicksLeftOut(
  task: Pick<Active, 'context'>,
  batch: Batch,
  row: number,
  clicks: readonly Click[],
): Variant[] {
  const sums = new Map<number, Click>()
  for (const click of clicks)
    sums.set(click.id, { ...click, weight: click.weight + (sums.get(click.id)?.weight ?? 0) })
  const all = [...sums.values()]
  const mean = all.reduce((sum, { weight }) => sum + Math.abs(weight), 0) / Math.max(1, all.length)
  const outstanding = all.filter(
    ({ weight }) => weight > 0 && (all.length === 1 || weight >= STANDS_OUT * mean),
  )
  return outstanding
    .sort((a, b) => b.weight - a.weight)
    .slice(0, TRIED)
    .map(({ item, id }) => {
      const { ids, dense } = rowOf(task, batch, row)
      for (const { at, width } of slotsFrom(task, 'clicks')) {
        const kept = ids.slice(at, at + width).filter((other) => other !== id)
        ids.fill(0, at, at + width)
        ids.set(kept, at)
      }
      return { row, without: { kind: 'click', item }, ids, dense }
    })
}

/** The row as if its item's categories were new to the user, with the one of them that is not the most. */
function affinityLeftOut(task: Pick<Active, 'catalogue' | 'context'>, batch: Batch, row: number): Variant[] {
  const [taste] = slotsFrom(task, 'taste')
  const affinities = slotsFrom(task, 'affinity')
  const target = itemColumn(task.context.layout)?.at
  if (!taste || affinities.length === 0 || target === undefined) return []
  const { ids, dense } = rowOf(task, batch, row)
  const tasteFor = (category: number) => (category < taste.width ? dense[taste.at + category]! : 0)
  const categories = task.catalogue.items[ids[target]! - FIRST_ID]?.categories ?? []
  const [favourite] = [...categories].sort((a, b) => tasteFor(b) - tasteFor(a))
  if (favourite === undefined || tasteFor(favourite) === 0) return []
  for (const { at, width } of affinities) dense.fill(0, at, at + width)
  return [{ row, without: { kind: 'category', category: favourite }, ids, dense }]
}

function rowOf({ context: { layout } }: Pick<Active, 'context'>, { ids, dense }: Batch, row: number) {
  const { idWidth, denseWidth } = layout
  return {
    ids: ids.slice(row * idWidth, (row + 1) * idWidth),
    dense: dense.slice(row * denseWidth, (row + 1) * denseWidth),
  }
}

function asBatch(rows: readonly Pick<Variant, 'ids' | 'dense'>[]): Batch {
  const [idWidth, denseWidth] = [rows[0]?.ids.length ?? 0, rows[0]?.dense.length ?? 0]
  const ids = new Int32Array(rows.length * idWidth)
  const dense = new Float32Array(rows.length * denseWidth)
  rows.forEach((row, i) => {
    ids.set(row.ids, i * idWidth)
    dense.set(row.dense, i * denseWidth)
  })
  const ones = new Float32Array(rows.length).fill(1)
  return { size: rows.length, ids, dense, labels: new Float32Array(rows.length), weights: ones }
}

/** The odds on a logarithm's scale; a float32 may have rounded to 0 or 1. */
function logit(chance: number): number {
  const p = Math.min(1 - 1e-7, Math.max(1e-7, chance))
  return Math.log(p / (1 - p))
}
