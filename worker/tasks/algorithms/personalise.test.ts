import { beforeAll, describe, expect, test } from 'vitest'
import type { Engine, Model } from '../../../shared/engine/engine.ts'
import { createPlainEngine } from '../../../shared/engine/plain/engine.ts'
import { hyper } from '../../../shared/hyper.ts'
import { auc } from '../../../shared/metrics.ts'
import { din, initialWeights } from '../../../shared/model/spec.ts'
import type { Weights } from '../../../shared/model/weights.ts'
import { seeded } from '../../../shared/random.ts'
import { type Batch, pack } from '../../../shared/sample.ts'
import { createWorld, samplesOf, type World } from '../../testing/world.ts'
import { type PersonaliseInput, personalise } from './personalise.ts'

let world: World
beforeAll(async () => {
  world = await createWorld()
})

/** Ten validation rows, the first five clicked. */
const VALIDATION: Batch = {
  size: 10,
  ids: new Int32Array(10),
  dense: new Float32Array(10),
  labels: Float32Array.from({ length: 10 }, (_, i) => (i < 5 ? 1 : 0)),
  weights: new Float32Array(10).fill(1),
}

/** Scores of VALIDATION that have this AUC, in steps of 1/25: each of `wins` pairs is ordered rightly. */
function scoresFor(wins: number): Float32Array<ArrayBuffer> {
  const scores = new Float32Array(10)
  for (let i = 5; i < 10; i++) scores[i] = i - 5 + 0.5
  for (let i = 0; i < 5; i++) scores[i] = Math.min(5, Math.max(0, wins - 5 * i))
  return scores
}

/** An engine whose model's state is a list of the steps in it; its AUC is looked up by the last step tried. */
function scripted(wins: number[]) {
  let state: number[] = []
  let marked: number[] = []
  let tried = 0
  let disposed = 0
  const model = {
    spec: { idWidth: 1, denseWidth: 1 },
    async step() {
      tried++
      state = [...state, tried]
      return tried / 10
    },
    predict: async () => scoresFor(wins[state.length === 0 ? 0 : tried]!),
    async mark() {
      marked = state
    },
    async revert() {
      state = marked
    },
    save: async () => ({ steps: { shape: [state.length], data: Float32Array.from(state) } }),
    dispose: () => disposed++,
  } as unknown as Model
  return { engine: { name: 'plain', load: async () => model } as unknown as Engine, disposed: () => disposed }
}

const scriptedInput = (rows: number): PersonaliseInput => ({
  spec: { idWidth: 1, denseWidth: 1 } as PersonaliseInput['spec'],
  model: {} as Weights,
  training: { ...VALIDATION, size: rows, ids: new Int32Array(rows), dense: new Float32Array(rows) },
  validation: VALIDATION,
  hyper: hyper({ ranking: { epochs: 1, batchSize: 1, learningRate: 0.1, gate: 'auc' } }).ranking,
  seed: 1,
})

describe('with a scripted engine', () => {
  test('the script means what it says', () => {
    for (let wins = 0; wins <= 25; wins++)
      expect(auc(scoresFor(wins), VALIDATION.labels)).toBeCloseTo(wins / 25, 9)
  })

  test('exactly the steps that improve on the best so far are kept', async () => {
    // before 10 · better · worse · equal to the best · better · worse than the best though better than the start · better
    const { engine, disposed } = scripted([10, 12, 5, 12, 15, 14, 20])
    const result = await personalise(engine, scriptedInput(6))
    expect([...result.weights!.steps!.data]).toEqual([1, 4, 6])
    expect(result).toMatchObject({ steps: 6, stepsKept: 3, before: 10 / 25, after: 20 / 25 })
    expect(result.losses).toEqual([0.1, 0.2, 0.3, 0.4, 0.5, 0.6])
    expect(disposed()).toBe(1)
  })

  test('with `auc-then-loss`, a step that leaves the AUC where it is counts if it lowers the log-loss', async () => {
    // The same order of all ten each time, so the same AUC; only how far the scores are from the labels differs.
    const spreads = [0.1, 0.3, 0.2, 0.4]
    let tried = 0
    const model = {
      spec: { idWidth: 1, denseWidth: 1 },
      step: async () => ++tried,
      predict: async () => VALIDATION.labels.map((label) => 0.5 + (label - 0.5) * spreads[tried]!),
      mark: async () => {},
      revert: async () => {},
      save: async () => ({}),
      dispose: () => {},
    } as unknown as Model
    const engine = { name: 'plain', load: async () => model } as unknown as Engine
    const { hyper, ...input } = scriptedInput(3)
    const kept = async (gate: 'auc' | 'auc-then-loss') => {
      tried = 0
      return (await personalise(engine, { ...input, hyper: { ...hyper, gate } })).stepsKept
    }
    expect(await kept('auc-then-loss')).toBe(2) // 0.3 and 0.4; 0.2 is worse than 0.3
    expect(await kept('auc')).toBe(0)
  })

  test('where no step improves there are no weights to commit', async () => {
    const result = await personalise(scripted([20, 3, 20, 19]).engine, scriptedInput(3))
    expect(result).toMatchObject({ weights: null, steps: 3, stepsKept: 0, before: 0.8, after: 0.8 })
  })

  test.each(['only clicks', 'no clicks', 'no samples at all'])(
    'with %s to validate by, nothing is trained',
    async (kind) => {
      const size = kind === 'no samples at all' ? 0 : 10
      const labels = new Float32Array(size).fill(kind === 'only clicks' ? 1 : 0)
      const validation = { ...VALIDATION, size, labels }
      const { engine, disposed } = scripted([10, 20])
      const result = await personalise(engine, { ...scriptedInput(1), validation })
      expect(result).toEqual({ weights: null, losses: [], steps: 0, stepsKept: 0, before: null, after: null })
      expect(disposed(), 'not even loaded').toBe(0)
    },
  )

  test('every epoch runs over all mini-batches, and progress ends at 1', async () => {
    const seen: number[] = []
    const input = {
      ...scriptedInput(5),
      hyper: { ...scriptedInput(5).hyper, epochs: 3, batchSize: 2 },
    }
    const result = await personalise(scripted(new Array(10).fill(10)).engine, input, {
      onProgress: (f) => seen.push(f),
    })
    expect(result.steps).toBe(9)
    expect(seen.at(-1)).toBe(1)
  })

  test('a step that fails ends it and gives the model back', async () => {
    const { engine, disposed } = scripted([10, 12, 13])
    const watch = {
      onProgress: () => {
        throw new Error('stop')
      },
    }
    await expect(personalise(engine, scriptedInput(2), watch)).rejects.toThrow('stop')
    expect(disposed()).toBe(1)
  })
})

describe('with the plain engine on a reader of one taste', () => {
  const input = (seed: number): PersonaliseInput => {
    const { context, manifest } = world
    const spec = din(manifest.schema, manifest.ranking)
    return {
      spec,
      model: initialWeights(spec, seeded(seed)),
      training: pack(context.layout, samplesOf(context, 2, 200, seeded(seed + 100))),
      validation: pack(context.layout, samplesOf(context, 2, 60, seeded(seed + 200))),
      hyper: hyper({ ranking: { epochs: 2, batchSize: 32, learningRate: 0.01 } }).ranking,
      seed,
    }
  }

  test('the AUC never falls, and what is returned has the AUC that is promised', async () => {
    for (const seed of [1, 2, 3]) {
      const given = input(seed)
      const { weights, before, after, stepsKept } = await personalise(createPlainEngine(), given)
      expect(after).toBeGreaterThan(before!)
      expect(stepsKept).toBeGreaterThan(0)
      const model = await createPlainEngine().load(given.spec, weights!)
      expect(auc(await model.predict(given.validation), given.validation.labels)).toBe(after)
    }
  })

  test('same seed, same model', async () => {
    expect(await personalise(createPlainEngine(), input(4))).toEqual(
      await personalise(createPlainEngine(), input(4)),
    )
  })

  test('no model and no buffer is left behind', async () => {
    const engine = createPlainEngine()
    await personalise(engine, input(5))
    expect(engine.held()).toBe(0)
  })
})
