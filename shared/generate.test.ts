import { describe, expect, it } from 'vitest'
import { type Catalogue, FIRST_ID, UNKNOWN_ID } from './catalogue.ts'
import type { KindredEvent } from './event.ts'
import { createContext, type Discretion, generateSamples, UserState } from './generate.ts'
import { quantise } from './sample.ts'
import { schemaSchema, slotOf } from './schema.ts'
import { schemas } from './schemas/index.ts'
import { addItem } from './sketch.ts'

const MINUTE = 60_000
const DAY = 86_400_000
const catalogue: Catalogue = {
  name: 'toy',
  noun: 'thing',
  categories: ['red', 'green', 'blue'],
  items: [
    { key: 'a', title: 'A', categories: [0] },
    { key: 'b', title: 'B', categories: [1, 2] },
    { key: 'c', title: 'C', categories: [] },
  ],
}
const schema = schemas.demo(catalogue)
const window = { clickDays: 7, settleMs: 30 * MINUTE }
const context = createContext(schema, catalogue, window)

/** Hides one item, one category, one value. */
const hiding = (hidden: { item?: number; category?: number; value?: number }): Discretion => ({
  item: (item) => item !== hidden.item,
  category: (category) => category !== hidden.category,
  value: (_, id) => id !== hidden.value,
})

let serial = 0
const id = () => `00000000-0000-7000-8000-${(++serial).toString(16).padStart(12, '0')}`
const exposure = (item: string, at: number): KindredEvent => ({ type: 'exposure', id: id(), at, item })
const click = (of: KindredEvent, at: number): KindredEvent => ({
  type: 'click',
  id: id(),
  at,
  item: (of as { item: string }).item,
  exposure: of.id,
})
/** A feature of a sample, as plain numbers without padding. */
function read(sample: { ids: Int32Array; dense: Float32Array }, name: string): number[] {
  const { feature, at, width } = slotOf(context.layout, name)
  if (feature.kind === 'dense') return [...sample.dense.subarray(at, at + width)]
  return [...sample.ids.subarray(at, at + width)].filter((value) => value !== 0)
}

describe('sample generation', () => {
  it('labels an exposure by whether it was clicked, however much later the click came', () => {
    const seen = [exposure('a', 0), exposure('b', 1)]
    const samples = generateSamples(context, [...seen, click(seen[0]!, 20 * MINUTE)], 20 * MINUTE)
    expect(samples.map(({ exposure, sample }) => [exposure, sample.label])).toEqual([
      [seen[0]!.id, 1],
      [seen[1]!.id, 0],
    ])
  })

  it('settles a click at once and the lack of one after settleMs, not a millisecond before', () => {
    const seen = [exposure('a', 0), exposure('b', 0)]
    const events = [...seen, click(seen[0]!, 1)]
    const settled = (now: number) => generateSamples(context, events, now).map(({ settled }) => settled)
    expect(settled(30 * MINUTE - 1)).toEqual([true, false])
    expect(settled(30 * MINUTE)).toEqual([true, true])
  })

  it('knows only what happened before the exposure: no click leaks into its own features', () => {
    const first = exposure('a', 0)
    const second = exposure('b', 10)
    const events = [first, click(first, 5), second, click(second, 15)]
    const [one, two] = generateSamples(context, events, 20)
    expect(read(one!.sample, 'clicks')).toEqual([])
    expect(read(one!.sample, 'taste')).toEqual([0, 0, 0])
    expect(read(two!.sample, 'clicks')).toEqual([FIRST_ID + 0])
    expect(read(two!.sample, 'taste')).toEqual([1, 0, 0])
  })

  it('writes the features of a hand-made history', () => {
    const shown = [exposure('a', 0), exposure('b', 1), exposure('c', 2)]
    const events = [...shown, click(shown[0]!, 3), click(shown[1]!, 4), click(shown[2]!, 5), exposure('b', 6)]
    const { sample } = generateSamples(context, events, 6).at(-1)!
    expect(read(sample, 'target')).toEqual([FIRST_ID + 1])
    expect(read(sample, 'topics')).toEqual([FIRST_ID + 1, FIRST_ID + 2])
    expect(read(sample, 'clicks')).toEqual([FIRST_ID + 2, FIRST_ID + 1, FIRST_ID + 0]) // newest first
    // Three clicks: one red, one half green and half blue, one of no category.
    expect(read(sample, 'taste')).toEqual([1 / 3, 1 / 6, 1 / 6].map(quantise).map(Math.fround))
    expect(read(sample, 'affinity')).toEqual([1 / 6, 1 / 6].map(quantise).map(Math.fround))
  })

  it('forgets clicks older than clickDays', () => {
    const first = exposure('a', 0)
    const late = [exposure('b', 7 * DAY + 1), exposure('b', 7 * DAY + 2)]
    const samples = generateSamples(context, [first, click(first, 1), ...late], 8 * DAY)
    expect(read(samples[1]!.sample, 'clicks')).toEqual([FIRST_ID])
    expect(read(samples[2]!.sample, 'clicks')).toEqual([])
    expect(read(samples[2]!.sample, 'taste')).toEqual([0, 0, 0])
  })

  it('makes no sample of an item that the catalogue lacks, and remembers a click on it as unknown', () => {
    const gone = exposure('zzz', 0)
    const samples = generateSamples(context, [gone, click(gone, 1), exposure('a', 2)], 3)
    expect(samples).toHaveLength(1)
    expect(read(samples[0]!.sample, 'clicks')).toEqual([UNKNOWN_ID])
  })

  it('names no item that may not be named, as target or in the history', () => {
    const shy = createContext(schema, catalogue, window, hiding({ item: 0 }))
    const first = exposure('a', 0)
    const [one, two] = generateSamples(shy, [first, click(first, 1), exposure('b', 2)], 3)
    expect(read(one!.sample, 'target')).toEqual([UNKNOWN_ID])
    expect(read(two!.sample, 'clicks')).toEqual([UNKNOWN_ID])
  })

  it('tells of no category that may not be told: as a topic, a taste or an affinity', () => {
    const shy = createContext(schema, catalogue, window, hiding({ category: 1 }))
    const first = exposure('b', 0)
    const [, two] = generateSamples(shy, [first, click(first, 1), exposure('b', 2)], 3)
    expect(read(two!.sample, 'topics')).toEqual([UNKNOWN_ID, FIRST_ID + 2])
    expect(read(two!.sample, 'taste')).toEqual([0, 0, 0.5])
    expect(read(two!.sample, 'affinity')).toEqual([0.5, 0.5])
  })

  it('knows an item or a category that came after the vocabulary was made as unknown', () => {
    const old = schemas.demo({
      ...catalogue,
      items: catalogue.items.slice(0, 1),
      categories: ['red', 'green'],
    })
    const grown = createContext(old, catalogue, window)
    const shown = [exposure('a', 0), exposure('b', 1)]
    const events = [...shown, ...shown.map((event) => click(event, 2)), exposure('b', 3)]
    const { sample } = generateSamples(grown, events, 4)[2]!
    expect(read(sample, 'target')).toEqual([UNKNOWN_ID])
    expect(read(sample, 'topics')).toEqual([FIRST_ID + 1, UNKNOWN_ID])
    expect(read(sample, 'clicks')).toEqual([UNKNOWN_ID, FIRST_ID])
  })

  it('keeps to (after, until], with the history before it', () => {
    const shown = [exposure('a', 1), exposure('b', 2), exposure('c', 3)]
    const events = [shown[0]!, click(shown[0]!, 1), ...shown.slice(1)]
    const samples = generateSamples(context, events, 9, { after: 1, until: 2 })
    expect(samples.map(({ exposure }) => exposure)).toEqual([shown[1]!.id])
    expect(read(samples[0]!.sample, 'clicks')).toEqual([FIRST_ID])
  })
})

describe('the sketch of a reader’s clicks', () => {
  const sequences = schemas.sequences(catalogue)
  const shy = (hidden: number[]) =>
    createContext(sequences, catalogue, window, { ...hiding({}), item: (item) => !hidden.includes(item) })
  const sketchOf = (sample: { dense: Float32Array }) => {
    const { at, width } = slotOf(shy([]).layout, 'sketch')
    return [...sample.dense.subarray(at, at + width)]
  }
  /** The vector of one item, ±1. */
  const signs = (key: string) => {
    const sum = new Int32Array(64)
    addItem(sum, key, 1)
    return [...sum]
  }
  const shown = [exposure('a', 0), exposure('b', 1), exposure('c', 2)]
  const events = [...shown, click(shown[0]!, 3), exposure('c', 4), click(shown[1]!, 5), exposure('c', 6)]

  it('is the sum of what was clicked before, at unit length', () => {
    const sketches = generateSamples(shy([]), events, 6).map(({ sample }) => sketchOf(sample))
    expect(sketches.slice(0, 3)).toEqual(Array(3).fill(Array(64).fill(0)))
    expect(sketches[3]).toEqual(signs('a').map((sign) => sign / 8))
    const both = signs('a').map((sign, i) => sign + signs('b')[i]!)
    const length = Math.sqrt(both.reduce((sum, value) => sum + value ** 2, 0))
    expect(sketches[4]).toEqual(both.map((value) => quantise(value / length)))
  })

  it('forgets clicks older than clickDays', () => {
    const late = [...events, exposure('a', 7 * DAY + 4), exposure('a', 8 * DAY)]
    const sketches = generateSamples(shy([]), late, 9 * DAY).map(({ sample }) => sketchOf(sample))
    expect(sketches[5]).toEqual(signs('b').map((sign) => sign / 8))
    expect(sketches[6]).toEqual(Array(64).fill(0))
  })

  it('leaves out what may not be named, which it would tell, and what the catalogue lacks', () => {
    const hidden = generateSamples(shy([1]), events, 6).map(({ sample }) => sketchOf(sample))
    expect(hidden[4]).toEqual(signs('a').map((sign) => sign / 8))
    const gone = exposure('zzz', 0)
    const [sample] = generateSamples(shy([]), [gone, click(gone, 1), exposure('a', 2)], 3)
    expect(sketchOf(sample!.sample)).toEqual(Array(64).fill(0))
  })

  it('does not change by what happens afterwards', () => {
    const until = (count: number) => generateSamples(shy([]), events.slice(0, count), 6)
    for (const [i, { sample }] of until(events.length).entries())
      for (const earlier of [4, 5, 6].map(until).filter((samples) => i < samples.length))
        expect(sketchOf(earlier[i]!.sample)).toEqual(sketchOf(sample))
  })
})

describe('the state of a reader', () => {
  const news = createContext(schemas.globo(catalogue), catalogue, window)
  const stateOf = (sample: { dense: Float32Array }) => {
    const { at, width } = slotOf(news.layout, 'state')
    return [...sample.dense.subarray(at, at + width)]
  }
  const signs = (key: string) => {
    const sum = new Int32Array(64)
    addItem(sum, key, 1)
    return [...sum]
  }

  it('is a sketch in which a click counts half of the next one, at unit length', () => {
    const shown = [exposure('a', 0), exposure('b', 1), exposure('c', 2)]
    const clicks = [click(shown[0]!, 3), click(shown[1]!, 4), click(shown[2]!, 5)]
    const [, , , now] = generateSamples(news, [...shown, ...clicks, exposure('a', 6)], 7)
    const [a, b, c] = ['a', 'b', 'c'].map(signs)
    const sum = c!.map((sign, i) => sign + 0.5 * b![i]! + 0.25 * a![i]!)
    const length = Math.sqrt(sum.reduce((total, value) => total + value ** 2, 0))
    expect(stateOf(now!.sample)).toEqual(sum.map((value) => quantise(value / length)))
  })

  it('names nothing that may not be named', () => {
    const shy = createContext(schemas.globo(catalogue), catalogue, window, hiding({ item: 1 }))
    const shown = [exposure('a', 0), exposure('b', 1)]
    const clicks = [click(shown[0]!, 3), click(shown[1]!, 4)]
    const [, , now] = generateSamples(shy, [...shown, ...clicks, exposure('c', 6)], 7)
    expect(stateOf(now!.sample)).toEqual(signs('a').map((sign) => sign / 8))
  })
})

describe('the paper’s schema', () => {
  it('counts the behaviours of the last day, keeps their sequence for seven, and takes the newest profile', () => {
    const paper = schemas.paper(catalogue)
    const context = createContext(paper, catalogue, window)
    const behaviour = (name: string, at: number): KindredEvent => ({ type: 'behaviour', id: id(), at, name })
    const events: KindredEvent[] = [
      behaviour('behaviour-1', 0),
      { type: 'profile', id: id(), at: 1, name: 'profile', value: 'a' },
      { type: 'profile', id: id(), at: 2, name: 'profile', value: 'c' },
      behaviour('behaviour-3', 2 * DAY),
      behaviour('behaviour-3', 2 * DAY + 1),
      behaviour('never-heard-of', 2 * DAY + 2),
      exposure('a', 2 * DAY + 3),
    ]
    const { sample } = generateSamples(context, events, 3 * DAY)[0]!
    const at = (name: string) => slotOf(context.layout, name).at
    expect([...sample.ids.subarray(at('behaviours'), at('behaviours') + 5)]).toEqual([
      UNKNOWN_ID,
      FIRST_ID + 2,
      FIRST_ID + 2,
      FIRST_ID + 0,
      0,
    ])
    // One exposure's own statistics know of none before it.
    expect([...sample.dense.subarray(at('statistics'), at('statistics') + 3)]).toEqual([0, 0, 0])
    expect([...sample.dense.subarray(at('behaviour-statistics'), at('behaviour-statistics') + 3)]).toEqual([
      0,
      0,
      1, // ln 3 = 1.0986 to the nearest quarter
    ])
    expect(sample.ids[at('profile')]).toBe(FIRST_ID + 2)
    // Where the third of each may not be told.
    const shy = createContext(paper, catalogue, window, hiding({ value: FIRST_ID + 2 }))
    const hidden = generateSamples(shy, events, 3 * DAY)[0]!.sample
    expect([...hidden.ids.subarray(at('behaviours'), at('behaviours') + 5)]).toEqual([
      UNKNOWN_ID,
      UNKNOWN_ID,
      UNKNOWN_ID,
      FIRST_ID + 0,
      0,
    ])
    expect(hidden.dense[at('behaviour-statistics') + 2]).toBe(0)
    expect(hidden.ids[at('profile')]).toBe(UNKNOWN_ID)
  })

  it('tells counts to a quarter of their logarithm, and none beyond a thousand or so', () => {
    const paper = schemas.paper(catalogue)
    const context = createContext(paper, catalogue, window)
    const { at } = slotOf(context.layout, 'statistics')
    const statistics = (exposures: number) => {
      const events = Array.from({ length: exposures }, (_, i) => exposure('a', i))
      const clicked = [...events, ...events.slice(0, 10).map((seen) => click(seen, exposures))]
      const last = [...clicked, exposure('b', exposures + 1)]
      const [made] = generateSamples(context, last, exposures + 1, { after: exposures })
      return [...made!.sample.dense.subarray(at, at + 3)]
    }
    // ln 101 = 4.615, ln 11 = 2.398, 10 / 100 of sixteenths
    expect(statistics(100)).toEqual([4.5, 2.5, 2 / 16])
    expect(statistics(99)).toEqual(statistics(100))
    expect(statistics(3000)[0]).toBe(7)
  })
})

describe('the samples of many items at one moment', () => {
  it.each(Object.entries(schemas))('are those of each by itself: %s', (_, schemaOf) => {
    const own = createContext(schemaOf(catalogue), catalogue, window)
    const seen = ['a', 'b', 'c', 'b'].map((item, i) => exposure(item, i * MINUTE))
    const events: KindredEvent[] = [
      ...seen,
      ...seen.slice(1).map((one, i) => click(one, (10 + i) * MINUTE)),
      { type: 'behaviour', id: id(), at: 20 * MINUTE, name: 'behaviour-2' },
      { type: 'profile', id: id(), at: 21 * MINUTE, name: 'profile', value: 'b' },
    ]
    const [all, each] = [new UserState(own), new UserState(own)]
    for (const event of events) for (const state of [all, each]) state.observe(event)
    const items = [2, 0, 1, 0, -1]
    expect(all.samples(items, DAY)).toEqual(items.map((item) => each.sample(item, DAY, 0)))
  })
})

describe('what the app said of an item', () => {
  const told = schemaSchema.parse({
    ...schema,
    features: [...schema.features, { kind: 'dense', name: 'moment', size: 2, from: 'context' }],
  })
  const own = createContext(told, catalogue, window)
  const moment = ({ dense }: { dense: Float32Array }) => [...dense.slice(-2)]
  const saying = (said: number[], at: number): KindredEvent =>
    ({ ...exposure('a', at), context: said }) as KindredEvent

  it('is in the sample of that exposure, in whole steps, and in no other', () => {
    const events = [
      saying([0.5, -1 / 3], 0),
      exposure('b', MINUTE),
      saying([2, 3, 4], 2 * MINUTE),
      saying([7], 3 * MINUTE),
    ]
    const samples = generateSamples(own, events, DAY).map(({ sample }) => moment(sample))
    expect(samples).toEqual([
      [0.5, -341 / 1024],
      [0, 0],
      [2, 3],
      [7, 0],
    ])
  })

  it('is of each item by itself where many are ranked, whatever was said before', () => {
    const state = new UserState(own)
    state.observe(saying([9, 9], 0))
    expect(state.samples([0, 1, 2], DAY, [[1, 2], [3]]).map(moment)).toEqual([
      [1, 2],
      [3, 0],
      [0, 0],
    ])
  })

  it('is nothing to a schema that does not ask for it', () => {
    const state = new UserState(context)
    expect(state.sample(0, DAY, 0, [5, 5])).toEqual(state.sample(0, DAY, 0))
  })
})
