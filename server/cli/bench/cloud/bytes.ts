/**
 * Bytes that a sample takes on its way to a device, at the shape of the paper's Table 2, against the paper's way: JSON, zlib and
 * BASE64, for each batch.
 *
 * Both sides carry the same samples, of as many people as a batch has places, since a batch is drawn from many neighbours. The
 * content is generated, from a seed, by the road that all events take: how often which of the 20 behaviours comes falls as
 * 1 / rank (Zipf), the ranks are each person's own, and three in ten behaviours repeat the last one; items are clicked likewise,
 * one exposure in two, one exposure to fifteen behaviours. So that this choice does not decide, the detail has other contents
 * too: behaviours that are all equally frequent, that repeat the last one by chance only, or every other time.
 */
import { deflateSync } from 'node:zlib'
import type { Catalogue } from '../../../../shared/catalogue.ts'
import { DAY_MS } from '../../../../shared/clock.ts'
import { encodeSample } from '../../../../shared/codec.ts'
import type { KindredEvent } from '../../../../shared/event.ts'
import { createContext, generateSamples } from '../../../../shared/generate.ts'
import { hyper } from '../../../../shared/hyper.ts'
import { type Random, seeded } from '../../../../shared/random.ts'
import type { Sample } from '../../../../shared/sample.ts'
import { layoutOf } from '../../../../shared/schema.ts'
import { schemas } from '../../../../shared/schemas/index.ts'
import { assembleBatch, type BatchTerms, outsideIds } from '../../../cloud/packing/batch.ts'
import { learnCode } from '../../../cloud/packing/code.ts'
import { createPacking } from '../../../cloud/packing/packing.ts'
import { eventIds } from '../../../sources/timeline.ts'
import type { Part } from './part.ts'

const ITEMS = 200
const CATEGORIES = 10
const BEHAVIOURS = 20
/** Of each person; the schema keeps the last 512. */
const BEHAVED = 600
const A_BATCH = 25

const catalogue: Catalogue = {
  name: 'icons',
  noun: 'icon',
  categories: Array.from({ length: CATEGORIES }, (_, i) => `animation ${i}`),
  items: Array.from({ length: ITEMS }, (_, i) => ({
    key: `icon-${i}`,
    title: `Icon ${i}`,
    categories: [i % CATEGORIES],
  })),
}
const schema = schemas.paper(catalogue)
const layout = layoutOf(schema)

export interface Content {
  /** How often comes as 1 / rank to this power. */
  readonly zipf: number
  /** Share of behaviours that repeat the last one. */
  readonly repeat: number
}
const CONTENT: Content = { zipf: 1, repeat: 0.3 }
const OTHERS: Readonly<Record<string, Content>> = {
  evenly: { zipf: 0, repeat: 0 },
  neverTheLast: { zipf: 1, repeat: 0 },
  everyOtherTheLast: { zipf: 1, repeat: 0.5 },
}

/** One sample each of `count` people. */
export function samplesOf(count: number, content: Content, seed: number): Sample[] {
  const random = seeded(seed)
  const context = createContext(schema, catalogue, hyper())
  return Array.from({ length: count }, (_, person) => {
    const events = eventsOf(person, content, random)
    return generateSamples(context, events, events.at(-1)!.at).at(-1)!.sample
  })
}

/** A day of one person, which ends with an exposure. */
function eventsOf(person: number, { zipf, repeat }: Content, random: Random): KindredEvent[] {
  const id = eventIds('paper', `${person}`)
  const item = ranked(ITEMS, zipf, random)
  const behaviour = ranked(BEHAVIOURS, zipf, random)
  let at = 20_000 * DAY_MS
  let last = behaviour()
  const next = () => {
    at += 1000 + random.below(100_000)
    return { id: id(at), at }
  }
  const events: KindredEvent[] = [
    { type: 'profile', ...next(), name: 'profile', value: 'abcdefgh'[random.below(8)]! },
  ]
  const expose = () => {
    const exposure = { type: 'exposure', ...next(), item: `icon-${item()}` } as const
    events.push(exposure)
    return exposure
  }
  for (let i = 0; i < BEHAVED; i++) {
    if (i % 15 === 0) {
      const { id: exposure, item } = expose()
      if (random.below(2) === 0) events.push({ type: 'click', ...next(), item, exposure })
    }
    if (random.next() >= repeat) last = behaviour()
    events.push({ type: 'behaviour', ...next(), name: `behaviour-${last + 1}` })
  }
  expose()
  return events
}

/** Draws from 0 … count − 1, in an order of frequency that is drawn first. */
function ranked(count: number, zipf: number, random: Random): () => number {
  const order = random.shuffle(Array.from({ length: count }, (_, i) => i))
  const weights = order.map((_, rank) => (rank + 1) ** -zipf)
  const total = weights.reduce((sum, weight) => sum + weight, 0)
  return () => {
    let left = random.next() * total
    const rank = weights.findIndex((weight) => {
      left -= weight
      return left < 0
    })
    return order[rank === -1 ? 0 : rank]!
  }
}

/** A batch as one would write it who takes what is at hand: objects with names, sequences without padding. */
export function paperBatch(samples: readonly Sample[], ids: readonly string[]): string {
  const told = samples.map(({ at, label, ids: values, dense }, n) => ({
    id: ids[n],
    day: Math.floor(at / DAY_MS),
    label,
    ...Object.fromEntries(
      layout.slots.map(({ feature, at, width }) => {
        if (feature.kind === 'dense')
          return [
            feature.name,
            Array.from(dense.subarray(at, at + width), (value) => Number(value.toFixed(4))),
          ]
        const own = values.subarray(at, at + width)
        return [
          feature.name,
          feature.kind === 'categorical' ? own[0] : [...own].filter((value) => value !== 0),
        ]
      }),
    ),
  }))
  return deflateSync(JSON.stringify(told)).toString('base64')
}

export interface Bytes {
  /** A sample. */
  readonly paper: number
  readonly ours: number
  readonly ratio: number
}

/** Both ways, over some batches; the code is learnt from other people than those who are sent. */
export async function compare(batches: number, content: Content, seed: number): Promise<Bytes> {
  const rowsOf = (samples: readonly Sample[]) => samples.map((sample) => encodeSample(layout, sample, DAY_MS))
  const packing = createPacking(learnCode(rowsOf(samplesOf(400, content, seed + 1))))
  const key = Buffer.alloc(16, seed)
  const samples = samplesOf(batches * A_BATCH, content, seed)
  let paper = 0
  let ours = 0
  for (let at = 0; at < samples.length; at += A_BATCH) {
    const some = samples.slice(at, at + A_BATCH)
    const numbers = some.map((_, i) => at + i)
    const ids = outsideIds(key, 1, numbers)
    paper += paperBatch(
      some,
      numbers.map((_, i) => ids.toString('hex', 8 * i, 8 * i + 8)),
    ).length
    const rows = rowsOf(some).map((row) => packing.pack(row))
    const kept: BatchTerms['samples'] = {
      async read(ids, look) {
        for (let i = 0; i < ids.length; i++) {
          const row = rows[ids[i]! - at]!
          look(i, row, 0, row.length)
        }
      },
    }
    const terms = { schema, dayMs: DAY_MS, packings: { of: () => packing }, key, samples: kept }
    ours += (await assembleBatch(terms, 1, numbers)).length
  }
  const rounded = (value: number) => Math.round(value * 1000) / 1000
  return {
    paper: rounded(paper / samples.length),
    ours: rounded(ours / samples.length),
    ratio: rounded(ours / paper),
  }
}

export const bytes: Part = async ({ quick, progress }) => {
  const batches = quick ? 4 : 40
  const stage = 'Counting bytes'
  const all = Object.entries(OTHERS)
  progress(stage, 0, 1 + all.length)
  const found = await compare(batches, CONTENT, 1)
  const others: [string, object][] = []
  for (const [i, [name, content]] of all.entries()) {
    progress(stage, 1 + i, 1 + all.length)
    others.push([name, { ...content, ...(await compare(batches, content, 1)) }])
  }
  progress(stage, 1 + all.length, 1 + all.length)
  return {
    'cloud.bytes.vs_paper': {
      value: found.ratio,
      detail: {
        ...CONTENT,
        bytesASample: { paper: found.paper, ours: found.ours },
        samples: batches * A_BATCH,
        others: Object.fromEntries(others),
      },
    },
  }
}
