/**
 * Where the embeddings of items may begin: at which items are clicked soon after one another. From numbers drawn at random a DIN
 * has to find that out label by label, in many passes; counting it takes one.
 *
 * Of two items the clicks on one are counted that follow a click on the other, each by how soon; how many times more often
 * that is than chance would have it goes, as ln(1 + times), into a symmetric matrix, and an item's embedding begins at
 * its row of the nearest matrix of as many dimensions (as GloVe and PPMI factorisations do with words: Pennington et al.
 * 2014, Levy & Goldberg 2014).
 */
import { FIRST_ID } from '../../../shared/catalogue.ts'
import { din, initialWeights } from '../../../shared/model/spec.ts'
import type { Tensor, Weights } from '../../../shared/model/weights.ts'
import { seeded } from '../../../shared/random.ts'
import type { Batch } from '../../../shared/sample.ts'
import { type FeatureSchema, layoutOf, type Slot } from '../../../shared/schema.ts'
import { breathe, type Watch } from '../progress.ts'
import type { Course } from './course.ts'
import { positivePart, type Sparse } from './spectrum.ts'
import { createTally, type Tally } from './tally.ts'

/** What the click before counts; each one further back counts so much of the next. */
const FADING = 0.8
/** Clicks further back than this are left out. */
const BACK = 30
/** Clicks that are always taken for chance: without them a pair of rare items met once would be the nearest of all. */
const CHANCE = 0.5
/** Of the factors, for to be about as large as what is drawn. */
const SCALE = 0.5
/** Samples that are read at once. */
const READ = 4096

/** The tables that items have, each as it is drawn but for the rows of items that were clicked in some company. */
export async function companyOf(
  course: Pick<Course, 'schema' | 'numbers' | 'samples' | 'heldOut'>,
  read: (ids: Int32Array) => Promise<Batch>,
  { progress, signal }: Watch,
): Promise<Weights> {
  const { schema, numbers } = course
  const stage = 'Comparing items'
  const learnt = new Int32Array(course.samples).subarray(course.heldOut)
  const places = placesIn(schema)
  const tallies = places.map(() => createTally())
  for (let at = 0; at < learnt.length; at += READ) {
    progress({ stage, done: at, total: learnt.length })
    const batch = await read(learnt.subarray(at, at + READ))
    for (const [i, place] of places.entries()) count(tallies[i]!, layoutOf(schema).idWidth, batch, place)
    await breathe(signal)
  }
  const drawn = initialWeights(din(schema), seeded(numbers.seed))
  const tables: Record<string, Tensor> = {}
  for (const [i, { table }] of places.entries()) {
    const { shape, data } = drawn[`embedding.${table}`]!
    const [rows, dim] = shape as [number, number]
    const random = seeded(numbers.seed)
    const factors = await positivePart(liftOf(tallies[i]!, rows), dim, random, () => breathe(signal))
    for (let id = FIRST_ID; id < rows; id++) {
      const row = factors.subarray(id * dim, (id + 1) * dim)
      if (row.some((value) => value !== 0))
        data.set(
          row.map((value) => SCALE * value),
          id * dim,
        )
    }
    tables[`embedding.${table}`] = { shape, data }
  }
  progress({ stage, done: learnt.length, total: learnt.length })
  return tables
}

interface Place {
  readonly table: string
  readonly target: Slot
  readonly clicks: Slot
}

/** The tables that both the target and clicks are looked up in; of several lists of clicks the longest. */
function placesIn(schema: FeatureSchema): Place[] {
  const { slots } = layoutOf(schema)
  return Object.keys(schema.vocabularies).flatMap((table): Place[] => {
    const isOf = (from: string) => (slot: Slot) =>
      slot.feature.from === from && slot.feature.kind !== 'dense' && slot.feature.vocabulary === table
    const target = slots.find(isOf('item'))
    const clicks = slots.filter(isOf('clicks')).sort((a, b) => b.width - a.width)[0]
    return target && clicks ? [{ table, target, clicks }] : []
  })
}

/** Counts what each click of a batch followed. */
function count(tally: Tally, width: number, { size, ids, labels }: Batch, { target, clicks }: Place): void {
  for (let row = 0; row < size; row++) {
    const item = ids[row * width + target.at]!
    if (labels[row] !== 1 || item < FIRST_ID) continue
    let weight = 1
    for (let i = 0; i < Math.min(BACK, clicks.width); i++, weight *= FADING) {
      const before = ids[row * width + clicks.at + i]!
      if (before >= FIRST_ID && before !== item) tally.add(before, item, weight)
    }
  }
}

/** ln(1 + how many times more often than by chance), for each pair that was met at all. */
function liftOf(tally: Tally, rows: number): Sparse {
  const { one, other, values } = tally.pairs()
  const sums = new Float64Array(rows)
  for (let k = 0; k < values.length; k++) {
    sums[one[k]!]! += values[k]!
    sums[other[k]!]! += values[k]!
  }
  const total = sums.reduce((sum, value) => sum + value, 0)
  for (let k = 0; k < values.length; k++) {
    const chance = (sums[one[k]!]! * sums[other[k]!]!) / total
    values[k] = Math.log1p(values[k]! / (chance + CHANCE))
  }
  return { rows, one, other, values }
}
