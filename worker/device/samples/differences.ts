/** In what the user's own samples and the borrowed ones differ: what the classifier has to tell them apart by. */
import { FIRST_ID } from '../../../shared/catalogue.ts'
import { type Difference, MAX_DIFFERENCES } from '../../../shared/protocol.ts'
import type { Sample } from '../../../shared/sample.ts'
import type { Slot } from '../../../shared/schema.ts'
import type { Active } from '../delivery/active.ts'

/** A gap is told up to this. */
const WIDEST = 9.9
/** Added to the spread: what is rare, and alike in nearly all, is no great difference. */
const LEAST_SPREAD = 0.1

/** One number of a sample. */
interface Measure {
  readonly kind: Difference['of']
  readonly name: string
  of(sample: Sample): number
}

/** The greatest differences first; none where there is nothing to compare. */
export function differencesOf(
  task: Pick<Active, 'catalogue' | 'context'>,
  own: readonly Sample[],
  borrowed: readonly Sample[],
): Difference[] {
  if (own.length < 2 || borrowed.length < 2) return []
  return measuresOf(task)
    .map(({ kind, name, of }): Difference => {
      const [a, b] = [own, borrowed].map((samples) => spreadOf(samples.map(of)))
      const spread = Math.sqrt((a!.variance + b!.variance) / 2 + LEAST_SPREAD ** 2)
      const difference = a!.mean - b!.mean
      const gap = Math.max(-WIDEST, Math.min(WIDEST, difference / spread))
      return { of: kind, name, own: a!.mean, borrowed: b!.mean, gap }
    })
    .filter(({ gap }) => gap !== 0)
    .sort((a, b) => Math.abs(b.gap) - Math.abs(a.gap))
    .slice(0, MAX_DIFFERENCES)
}

function spreadOf(values: readonly number[]): { mean: number; variance: number } {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length
  return { mean, variance: values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length }
}

function measuresOf({ catalogue, context }: Pick<Active, 'catalogue' | 'context'>): Measure[] {
  const clicked: Measure = { kind: 'clicked', name: '', of: ({ label }) => label }
  return [clicked, ...context.layout.slots.flatMap((slot) => measuresIn(slot, catalogue.categories))]
}

/** What a feature says that a person can make sense of: no ids of items, no sketch. */
function measuresIn({ feature, at, width }: Slot, categories: readonly string[]): Measure[] {
  switch (feature.from) {
    case 'category':
    case 'categories':
      return categories.map((name, i) => ({
        kind: 'shown',
        name,
        of: ({ ids }) => (ids.subarray(at, at + width).includes(FIRST_ID + i) ? 1 : 0),
      }))
    case 'taste':
      return categories
        .slice(0, width)
        .map((name, i) => ({ kind: 'opened', name, of: ({ dense }) => dense[at + i]! }))
    case 'affinity':
      return [{ kind: 'affinity', name: '', of: ({ dense }) => dense[at]! }]
    case 'activity':
    case 'behaviour-counts':
    case 'context':
      return Array.from({ length: width }, (_, i) => ({
        kind: 'value',
        name: width > 1 ? `${feature.name} ${i + 1}` : feature.name,
        of: ({ dense }) => dense[at + i]!,
      }))
    default:
      return []
  }
}
