/**
 * Item factors from the log's samples, and how much they are to be believed beside the DIN: told by samples that neither has
 * learnt from.
 */
import { FIRST_ID } from '../../../shared/catalogue.ts'
import { decodeSample } from '../../../shared/codec.ts'
import { appeal, type Factors, foldIn, logit, type Mix } from '../../../shared/model/factors.ts'
import { factorise, solve } from '../../../shared/model/linear.ts'
import { itemColumn, layoutOf } from '../../../shared/schema.ts'
import type { Store } from '../../store/store.ts'
import { createPackings } from '../packing/folder.ts'
import type { Population } from '../population.ts'
import { breathe, type Watch } from '../progress.ts'
import type { Course } from './course.ts'
import { type Everybody, FACTORS, type FactorNumbers, learnFactors } from './factors.ts'

/** Samples decoded between two breaths. */
const CHUNK = 4096
/** Held-out samples without which nothing is mixed in. */
const LEAST = 100
const NEWTON_STEPS = 25

/**
 * Item factors from the samples of a course that teach, mixed by those that are held out; undefined where no feature of
 * the schema is the target. `scores` [heldOut] are the DIN's click probabilities of the latter, NaN for one that is gone.
 */
export async function trainFactors(
  store: Store,
  { schema, catalogue, dayMs }: Pick<Population, 'schema' | 'catalogue' | 'dayMs'>,
  course: Course,
  scores: Float32Array,
  changes: Partial<FactorNumbers>,
  watch: Watch,
): Promise<Factors | undefined> {
  const column = itemColumn(layoutOf(schema))
  if (column === undefined) return undefined
  const { size } = schema.vocabularies[column.vocabulary]!
  const packings = createPackings(store)

  async function targets(ids: Int32Array) {
    const items = new Int32Array(ids.length).fill(-1)
    const labels = new Uint8Array(ids.length)
    for (let from = 0; from < ids.length; from += CHUNK) {
      const rows = await packings.rows(ids.subarray(from, from + CHUNK))
      rows.forEach((row, i) => {
        if (!row) return
        const sample = decodeSample(schema, row, dayMs)
        items[from + i] = sample.ids[column!.at]!
        labels[from + i] = sample.label
      })
      await breathe(watch.signal)
    }
    return { items, labels }
  }

  const all = new Int32Array(course.samples)
  const owner = await ownersOf(store)
  const known = await targets(all)
  const everybody = byUser(all, known, owner, course.heldOut)
  const groups = Array.from({ length: size }, (_, id) => catalogue.items[id - FIRST_ID]?.categories ?? [])
  const stage = 'Learning item factors'
  const factors = await learnFactors(
    everybody.samples,
    { count: catalogue.categories.length, groups },
    { ...FACTORS, ...changes },
    async (done, total) => {
      watch.progress({ stage, done, total })
      await breathe(watch.signal)
    },
  )
  const judged = heldOutOf(factors, everybody, {
    ids: all.subarray(0, course.heldOut),
    ...known,
    owner,
    scores,
  })
  return { ...factors, mix: learnMix(judged) }
}

/** The user of each sample, by its number. */
async function ownersOf(store: Store): Promise<(id: number) => number> {
  const { starts, ids } = await store.samples.owned()
  let last = 0
  for (const id of ids) if (id > last) last = id
  const owners = new Int32Array(last + 1).fill(-1)
  for (let user = 0; user + 1 < starts.length; user++)
    for (let at = starts[user]!; at < starts[user + 1]!; at++) owners[ids[at]!] = user
  return (id) => owners[id] ?? -1
}

interface ByUser {
  readonly samples: Everybody
  /** Where the samples of a user begin and end; both 0 where they have none that teach. */
  rangeOf(user: number): readonly [number, number]
}

/** The samples that teach, user by user; one that is gone is left out. */
function byUser(
  ids: Int32Array,
  { items, labels }: { items: Int32Array; labels: Uint8Array },
  owner: (id: number) => number,
  heldOut: number,
): ByUser {
  const places = new Map<number, number[]>()
  for (let i = heldOut; i < ids.length; i++) {
    const user = owner(ids[i]!)
    if (user < 0 || items[i]! < 0) continue
    const mine = places.get(user)
    if (mine) mine.push(i)
    else places.set(user, [i])
  }
  const order = [...places.values()].flat()
  const starts = new Uint32Array(places.size + 1)
  const ranges = new Map<number, readonly [number, number]>()
  let number = 0
  for (const [user, mine] of places) {
    const from = starts[number]!
    starts[++number] = from + mine.length
    ranges.set(user, [from, from + mine.length])
  }
  return {
    samples: {
      starts,
      items: Int32Array.from(order, (i) => items[i]!),
      labels: Uint8Array.from(order, (i) => labels[i]!),
    },
    rangeOf: (user) => ranges.get(user) ?? [0, 0],
  }
}

interface Judged {
  /** Logits of the DIN, appeals, the users' s, labels: [n] each. */
  readonly logits: number[]
  readonly appeals: number[]
  readonly users: number[]
  readonly labels: number[]
}

function heldOutOf(
  factors: Factors,
  { samples, rangeOf }: ByUser,
  known: {
    ids: Int32Array
    items: Int32Array
    labels: Uint8Array
    owner: (id: number) => number
    scores: Float32Array
  },
): Judged {
  const vectors = new Map<number, Float32Array>()
  const vectorOf = (user: number): Float32Array => {
    const held = vectors.get(user)
    if (held) return held
    const [from, to] = rangeOf(user)
    const shown = { items: samples.items.subarray(from, to), labels: samples.labels.subarray(from, to) }
    const vector = foldIn(factors, shown)
    vectors.set(user, vector)
    return vector
  }
  const judged: Judged = { logits: [], appeals: [], users: [], labels: [] }
  known.ids.forEach((id, i) => {
    const score = known.scores[i]!
    const user = known.owner(id)
    if (Number.isNaN(score) || user < 0 || known.items[i]! < 0) return
    judged.logits.push(logit(score))
    judged.appeals.push(appeal(factors, vectorOf(user), known.items[i]!))
    judged.users.push(vectorOf(user)[factors.dim]!)
    judged.labels.push(known.labels[i]!)
  })
  return judged
}

/** Logistic regression by Newton's method; nothing is mixed in where there is too little to tell, or where it would do harm. */
export function learnMix({ logits, appeals, users, labels }: Judged): Mix {
  const none: Mix = { model: 1, factors: 0, user: 0, level: 0 }
  if (labels.length < LEAST) return none
  // As if one sample each said that the DIN is right: no weight runs away.
  const before = Float64Array.of(1, 0, 0, 0)
  const at = before.slice()
  const width = at.length
  for (let step = 0; step < NEWTON_STEPS; step++) {
    const square = new Float64Array(width * width)
    const slope = before.map((value, i) => value - at[i]!)
    for (let i = 0; i < width; i++) square[i * width + i] = 1
    labels.forEach((label, n) => {
      const x = [logits[n]!, appeals[n]!, users[n]!, 1]
      const p = 1 / (1 + Math.exp(-x.reduce((sum, value, i) => sum + at[i]! * value, 0)))
      for (let i = 0; i < width; i++) {
        slope[i]! += (label - p) * x[i]!
        for (let j = 0; j <= i; j++) square[i * width + j]! += p * (1 - p) * x[i]! * x[j]!
      }
    })
    factorise(square, width)
    solve(square, width, slope)
    for (let i = 0; i < width; i++) at[i]! += slope[i]!
  }
  const [model, factors, user, level] = [...at] as [number, number, number, number]
  return at.every(Number.isFinite) && model > 0 && factors > 0 ? { model, factors, user, level } : none
}
