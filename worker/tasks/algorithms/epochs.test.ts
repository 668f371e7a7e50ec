/** Training by whole epochs, against the same steps made one by one with an engine. */
import { beforeAll, describe, expect, test } from 'vitest'
import type { Engine, Training } from '../../../shared/engine/engine.ts'
import { createFusedEngine } from '../../../shared/engine/fused/engine.ts'
import { createPlainEngine } from '../../../shared/engine/plain/engine.ts'
import { type Hyper, hyper } from '../../../shared/hyper.ts'
import { auc, logLoss } from '../../../shared/metrics.ts'
import { din, initialWeights } from '../../../shared/model/spec.ts'
import type { Weights } from '../../../shared/model/weights.ts'
import { seeded } from '../../../shared/random.ts'
import { type Batch, pack } from '../../../shared/sample.ts'
import { createWorld, samplesOf, type World } from '../../testing/world.ts'
import { createEpochs } from './batches.ts'
import { type PersonaliseInput, personalise } from './personalise.ts'
import type { Checkpoint } from './watch.ts'

let world: World
beforeAll(async () => {
  world = await createWorld()
})

type Ranking = Partial<Hyper['ranking']>
const RATE = 0.02

/** A reader who loves category 2 in training, and `late` in the samples that came after. */
function input(seed: number, ranking: Ranking, late = 2): PersonaliseInput {
  const { context, manifest } = world
  const spec = din(manifest.schema, manifest.ranking)
  const read = (category: number, count: number, of: number) =>
    pack(context.layout, samplesOf(context, category, count, seeded(seed + of)))
  return {
    spec,
    model: initialWeights(spec, seeded(seed)),
    training: read(2, 40, 100),
    validation: read(late, 30, 200),
    hyper: hyper({ ranking: { epochs: 3, batchSize: 16, learningRate: RATE, ...ranking } }).ranking,
    seed,
  }
}

/** From now on the reader opens what they passed by: the more is learnt, the worse. */
const turned = ({ validation, ...rest }: PersonaliseInput): PersonaliseInput => ({
  ...rest,
  validation: { ...validation, labels: validation.labels.map((label) => 1 - label) },
})

/** M, and the weights after each of so many epochs, by steps of the engine. */
async function byHand(
  engine: Engine,
  { spec, model: from, hyper, seed }: PersonaliseInput,
  parts: readonly Batch[],
  training?: Training,
): Promise<Weights[]> {
  const model = await engine.load(spec, from, training)
  const epoch = createEpochs(spec, parts, hyper.batchSize, seeded(seed))
  const after = [await model.save()]
  for (let i = 0; i < hyper.epochs; i++) {
    for (const batch of epoch()) await model.step(batch, hyper.learningRate)
    after.push(await model.save())
  }
  model.dispose()
  return after
}

async function qualityOf(engine: Engine, { spec, validation }: PersonaliseInput, weights: Weights) {
  const model = await engine.load(spec, weights)
  const scores = await model.predict(validation)
  model.dispose()
  return { auc: auc(scores, validation.labels)!, loss: logLoss(scores, validation.labels) }
}

/** The largest difference of two models in any weight. */
const distance = (a: Weights, b: Weights): number =>
  Math.max(
    ...Object.entries(a).flatMap(([name, { data }]) =>
      Array.from(data, (x, i) => Math.abs(x - b[name]!.data[i]!)),
    ),
  )

const mapped = (weights: Weights, change: (value: number, name: string, i: number) => number): Weights =>
  Object.fromEntries(
    Object.entries(weights).map(([name, { shape, data }]) => [
      name,
      { shape, data: data.map((value, i) => change(value, name, i)) },
    ]),
  )

describe.each([
  ['plain', async () => createPlainEngine()],
  ['fused', createFusedEngine],
] as [string, () => Promise<Engine>][])('on the %s engine', (_, create) => {
  let engine: Engine
  beforeAll(async () => {
    engine = await create()
  })

  describe('the gate none', () => {
    test.each(['adam', 'sgd', 'adagrad'] as const)('gives what the steps of %s give', async (optimizer) => {
      const given = input(1, { gate: 'none', optimizer })
      const result = await personalise(engine, given)
      expect(result.weights).toEqual((await byHand(engine, given, [given.training], { optimizer })).at(-1))
      expect(result).toMatchObject({ steps: 9, stepsKept: 9, before: null, after: null })
      expect(result.losses).toHaveLength(9)
    })

    test('learns from validation samples too, if all are to teach', async () => {
      const given = input(2, { gate: 'none', learnFrom: 'all' })
      const { weights, steps } = await personalise(engine, given)
      expect(weights).toEqual((await byHand(engine, given, [given.training, given.validation])).at(-1))
      expect(steps).toBe(3 * Math.ceil(70 / 16))
    })

    test('asks for nothing to judge by', async () => {
      const given = input(3, { gate: 'none' })
      const nothing = pack(world.context.layout, [])
      expect((await personalise(engine, { ...given, validation: nothing })).weights).toEqual(
        (await personalise(engine, given)).weights,
      )
    })

    test('without anything to learn from M stays', async () => {
      const nothing = pack(world.context.layout, [])
      const result = await personalise(engine, { ...input(3, { gate: 'none' }), training: nothing })
      expect(result).toMatchObject({ weights: null, steps: 0, stepsKept: 0 })
    })

    test('refuses what is not finite', async () => {
      const given = input(4, { gate: 'none', learningRate: 1e38 })
      await expect(personalise(engine, given)).rejects.toMatchObject({ code: 'diverged' })
    })
  })

  describe('the gate epochs', () => {
    test('keeps the epoch with the lowest log-loss on validation, or M', async () => {
      const chosen = new Set<number>()
      for (let seed = 1; seed <= 12; seed++) {
        const ranking = { gate: 'epochs', epochs: 6, learningRate: 0.05 } as const
        const given = seed % 4 === 0 ? turned(input(seed, ranking)) : input(seed, ranking, seed % 2 ? 2 : 3)
        const after = await byHand(engine, given, [given.training])
        const qualities = await Promise.all(after.map((weights) => qualityOf(engine, given, weights)))
        const best = qualities.reduce((best, { loss }, i) => (loss < qualities[best]!.loss ? i : best), 0)
        chosen.add(best)
        const result = await personalise(engine, given)
        if (best === 0) expect(result.weights).toBeNull()
        else expect(result.weights).toEqual(after[best])
        expect(result).toMatchObject({ steps: 18, stepsKept: 3 * best })
        expect([result.before, result.after]).toEqual([qualities[0]!.auc, qualities[best]!.auc])
        expect(result.loss!.before).toBeCloseTo(qualities[0]!.loss, 12)
        expect(result.loss!.after).toBeCloseTo(qualities[best]!.loss, 12)
      }
      expect(chosen.has(0), 'M was the best once').toBe(true)
      expect(chosen.size, 'and so were several epochs').toBeGreaterThan(2)
    })

    test('keeps nothing that is not better than M by the margin', async () => {
      const free = await personalise(engine, input(1, { gate: 'epochs' }))
      const gain = free.loss!.before - free.loss!.after
      expect(gain).toBeGreaterThan(0)
      const within = await personalise(engine, input(1, { gate: 'epochs', margin: gain * 0.99 }))
      expect(within).toEqual(free)
      const beyond = await personalise(engine, input(1, { gate: 'epochs', margin: gain * 1.01 }))
      expect(beyond).toMatchObject({ weights: null, steps: 9, stepsKept: 0, after: free.before })
    })

    test('refitted, M learns anew from validation too, for as many epochs as were best', async () => {
      for (let seed = 1; seed <= 6; seed++) {
        const ranking = { gate: 'epochs', epochs: 5, learningRate: 0.05 } as const
        const search = await personalise(engine, input(seed, ranking, 3))
        const epochs = search.stepsKept / 3
        const given = input(seed, { ...ranking, refit: true }, 3)
        const result = await personalise(engine, given)
        expect([result.before, result.after, result.loss]).toEqual([search.before, search.after, search.loss])
        if (epochs === 0) {
          expect(result).toEqual(search)
          continue
        }
        const anew = { ...given, hyper: { ...given.hyper, epochs } }
        expect(result.weights).toEqual(
          (await byHand(engine, anew, [given.training, given.validation])).at(-1),
        )
        const again = epochs * Math.ceil(70 / 16)
        expect(result).toMatchObject({ steps: 15 + again, stepsKept: again, refit: again })
        expect(result.losses.slice(0, 15)).toEqual(search.losses)
        expect(result.losses).toHaveLength(15 + again)
      }
    })

    test.each(['only clicks', 'no clicks'])('with %s to validate by, nothing is trained', async (kind) => {
      const given = input(1, { gate: 'epochs' })
      const labels = new Float32Array(30).fill(kind === 'only clicks' ? 1 : 0)
      const result = await personalise(engine, { ...given, validation: { ...given.validation, labels } })
      expect(result).toMatchObject({ weights: null, steps: 0, before: null, after: null })
    })

    test('progress rises, and ends at 1', async () => {
      for (const refit of [false, true]) {
        const seen: number[] = []
        await personalise(engine, input(1, { gate: 'epochs', refit }), { onProgress: (f) => seen.push(f) })
        expect(seen).toEqual(seen.toSorted((a, b) => a - b))
        expect(seen.at(-1)).toBe(1)
      }
    })
  })

  describe('the pull', () => {
    test('of λ = 1/(2η) goes back to M with each step of SGD before the gradient counts', async () => {
      const learningRate = 0.1
      const pull = 1 / (2 * learningRate)
      const given = input(5, { gate: 'none', optimizer: 'sgd', pull, learningRate, epochs: 1 })
      const { weights } = await personalise(engine, given)
      let due = given.model
      for (const batch of createEpochs(given.spec, [given.training], 16, seeded(5))()) {
        const model = await engine.load(given.spec, due)
        const { gradient } = await model.gradient(batch)
        model.dispose()
        due = mapped(given.model, (value, name, i) => value - learningRate * gradient[name]!.data[i]!)
      }
      expect(distance(due, given.model)).toBeGreaterThan(1e-3)
      expect(distance(weights!, due)).toBeLessThan(1e-6)
    })

    test('the stronger, the nearer what is learnt is to M, up to M itself', async () => {
      const away: number[] = []
      for (const pull of [0, 0.5, 5, 50, 5000, 500_000]) {
        // At most 1/(2λ): with larger steps the pull would overshoot.
        const learningRate = Math.min(0.1, 0.5 / pull)
        const given = input(6, { gate: 'none', optimizer: 'sgd', pull, learningRate })
        away.push(distance((await personalise(engine, given)).weights!, given.model))
      }
      expect(away).toEqual(away.toSorted((a, b) => b - a))
      expect(away[0]).toBeGreaterThan(0.01)
      expect(away.at(-1)).toBeLessThan(1e-6)
    })

    test('keeps Adam’s steps near M, too', async () => {
      const reach = async (pull: number) => {
        const given = input(7, { gate: 'none', epochs: 20, pull })
        return distance((await personalise(engine, given)).weights!, given.model)
      }
      const [free, pulled] = [await reach(0), await reach(10)]
      expect(pulled).toBeLessThan(4 * RATE)
      expect(pulled).toBeLessThan(free / 4)
    })
  })

  test('what is frozen stays bit for bit, and everything else moves', async () => {
    const given = input(8, { gate: 'none', frozen: ['embedding.', 'mlp.0'] })
    const { weights } = await personalise(engine, given)
    for (const [name, tensor] of Object.entries(given.model))
      if (/^(embedding\.|mlp\.0)/.test(name)) expect(weights![name], name).toEqual(tensor)
      else expect(weights![name], name).not.toEqual(tensor)
  })

  test('a sample of weight 3 teaches as much as three of weight 1', async () => {
    const given = input(9, { gate: 'none', optimizer: 'sgd', epochs: 1, batchSize: 64 })
    const { context } = world
    const samples = samplesOf(context, 2, 20, seeded(9))
    const weigh = (i: number) => (i < 5 ? 3 : 1)
    const weighed = pack(context.layout, samples, weigh)
    const repeated = pack(
      context.layout,
      samples.flatMap((sample, i) => Array(weigh(i)).fill(sample)),
    )
    const [a, b] = [
      await personalise(engine, { ...given, training: weighed }),
      await personalise(engine, { ...given, training: repeated }),
    ]
    expect(distance(a.weights!, given.model)).toBeGreaterThan(1e-4)
    expect(distance(a.weights!, b.weights!)).toBeLessThan(1e-6)
  })

  test('nothing is left behind', async () => {
    for (const ranking of [
      { gate: 'epochs' },
      { gate: 'epochs', refit: true },
      { gate: 'none' },
    ] as Ranking[])
      await personalise(engine, input(1, ranking))
    const stop = () => {
      throw new Error('stop')
    }
    await expect(personalise(engine, input(1, { gate: 'epochs' }), { onProgress: stop })).rejects.toThrow(
      'stop',
    )
    expect(engine.held()).toBe(0)
  })
})

test.each([{ gate: 'none' }, { gate: 'epochs' }, { gate: 'auc', pull: 0.1 }] as Ranking[])(
  'a training with %j has no checkpoints: cut off, it begins anew',
  async (ranking) => {
    const heard: Checkpoint[] = []
    const given = input(1, ranking)
    await personalise(createPlainEngine(), given, { onCheckpoint: (one) => void heard.push(one) })
    expect(heard).toEqual([])
    const quality = { auc: 0.5, loss: 0.7 }
    const numbers = { step: 0, stepsKept: 0, losses: [], course: [] }
    const from = { ...numbers, weights: null, before: quality, best: quality }
    await expect(personalise(createPlainEngine(), { ...given, from })).rejects.toMatchObject({
      code: 'bad-input',
    })
  },
)
