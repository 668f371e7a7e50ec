import { beforeAll, describe, expect, test } from 'vitest'
import type { Engine, Model } from '../../../shared/engine/engine.ts'
import { createPlainEngine } from '../../../shared/engine/plain/engine.ts'
import { hyper } from '../../../shared/hyper.ts'
import { auc } from '../../../shared/metrics.ts'
import { din, initialWeights, prunedDin } from '../../../shared/model/spec.ts'
import { seeded } from '../../../shared/random.ts'
import { type Batch, pack } from '../../../shared/sample.ts'
import { createWorld, samplesOf, type World } from '../../testing/world.ts'
import { embeddingsOf, type FilterInput, filter } from './filter.ts'

let world: World
beforeAll(async () => {
  world = await createWorld()
})

const OWN = 0
const FOREIGN = 3
/** Samples of readers of both tastes, `own` of the user's kind first. */
const of = (category: number, count: number, seed: number) =>
  samplesOf(world.context, category, count, seeded(seed))
const batch = (...groups: ReturnType<typeof of>[]): Batch => pack(world.context.layout, groups.flat())
const spec = () => prunedDin(world.manifest.schema, world.manifest.classifier)
const input = (changes: Partial<FilterInput> = {}, seed = 11): FilterInput => ({
  spec: spec(),
  initial: initialWeights(spec(), seeded(1)),
  local: batch(of(OWN, 60, 1)),
  outside: batch(of(OWN, 20, 2), of(FOREIGN, 60, 3)),
  candidates: batch(of(OWN, 40, 4), of(FOREIGN, 40, 5)),
  hyper: hyper().classifier,
  random: seeded(seed),
  ...changes,
})

describe('on samples of two kinds of readers', () => {
  test('those like the user’s own score higher than foreign ones', async () => {
    const { scores, losses } = await filter(createPlainEngine(), input())
    const own = Array.from({ length: 80 }, (_, i) => (i < 40 ? 1 : 0))
    expect(auc(scores, own)).toBeGreaterThan(0.9)
    expect(losses).toHaveLength(4 * Math.ceil(140 / 32))
    expect(losses.at(-1)).toBeLessThan(losses[0]!)
    for (const score of scores) expect(score >= 0 && score <= 1).toBe(true)
  })

  test('what nothing sets apart scores around a half, however unequal the classes are', async () => {
    const few = seeded(9)
      .shuffle(of(OWN, 180, 1))
      .slice(0, 20)
    const same = input({
      local: batch(few),
      outside: batch(of(OWN, 180, 2)),
      candidates: batch(of(OWN, 180, 3)),
    })
    const { scores } = await filter(createPlainEngine(), same)
    const mean = scores.reduce((sum, score) => sum + score, 0) / scores.length
    expect(mean).toBeGreaterThan(0.4)
    expect(mean).toBeLessThan(0.6)
  })

  test('same seed, same scores; another seed, others', async () => {
    const first = await filter(createPlainEngine(), input())
    expect(await filter(createPlainEngine(), input())).toEqual(first)
    expect((await filter(createPlainEngine(), input({}, 12))).scores).not.toEqual(first.scores)
  })

  test('labels of clicks are not looked at: own is 1 and outside is 0', async () => {
    const flipped = (given: Batch): Batch => ({ ...given, labels: given.labels.map((label) => 1 - label) })
    const { local, outside } = input()
    const first = await filter(createPlainEngine(), input())
    const second = await filter(
      createPlainEngine(),
      input({ local: flipped(local), outside: flipped(outside) }),
    )
    expect(second.scores).toEqual(first.scores)
  })
})

/** An engine that remembers what it was given. */
function spy() {
  const batches: Batch[] = []
  const loaded: Parameters<Engine['load']>[] = []
  let disposed = 0
  const model = {
    step: async (given: Batch) => {
      batches.push(structuredClone(given)) // the next one lies in its place
      return 1
    },
    predict: async ({ size }: Batch) => new Float32Array(size).fill(0.5),
    dispose: () => disposed++,
  } as unknown as Model
  const engine = {
    name: 'plain',
    load: async (...given: Parameters<Engine['load']>) => {
      loaded.push(given)
      return Object.assign(model, { spec: given[0] })
    },
  } as unknown as Engine
  return { engine, batches, loaded, disposed: () => disposed }
}

test('both classes weigh the same in the loss, and the mean weight is 1', async () => {
  const { engine, batches } = spy()
  await filter(engine, input({ local: batch(of(OWN, 10, 1)), outside: batch(of(FOREIGN, 30, 2)) }))
  const epoch = batches.slice(0, 2)
  const sum = (label: number) =>
    epoch
      .flatMap(({ labels, weights }) => [...weights].filter((_, i) => labels[i] === label))
      .reduce((a, b) => a + b, 0)
  expect(sum(1)).toBeCloseTo(20, 4)
  expect(sum(0)).toBeCloseTo(20, 4)
})

test('of a ranking model, a classifier begins with the embeddings', async () => {
  const ranking = initialWeights(din(world.manifest.schema, world.manifest.ranking), seeded(1))
  const { 'embedding.item': item, 'embedding.category': category } = ranking
  expect(embeddingsOf(ranking)).toEqual({ 'embedding.item': item, 'embedding.category': category })
  const { engine, loaded } = spy()
  const given = input()
  await filter(engine, given)
  expect(loaded[0]).toEqual([given.spec, given.initial])
})

test('progress ends at 1, and a step that fails ends it and gives the model back', async () => {
  const { engine, disposed, batches } = spy()
  const seen: number[] = []
  await filter(engine, input(), { onProgress: (fraction) => seen.push(fraction) })
  expect(seen.at(-1)).toBe(1)
  const steps = batches.length
  const stop = () => {
    throw new Error('stop')
  }
  await expect(filter(engine, input(), { onProgress: stop })).rejects.toThrow('stop')
  expect(batches.length).toBe(steps + 1)
  expect(disposed()).toBe(2)
})

test('without own or outside samples there is nothing to tell apart', async () => {
  const none = batch()
  await expect(filter(createPlainEngine(), input({ local: none }))).rejects.toMatchObject({
    code: 'bad-input',
  })
  await expect(filter(createPlainEngine(), input({ outside: none }))).rejects.toMatchObject({
    code: 'bad-input',
  })
})
