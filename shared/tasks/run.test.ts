import { beforeAll, describe, expect, it } from 'vitest'
import type { Model } from '../engine/engine.ts'
import { createPlainEngine } from '../engine/plain/engine.ts'
import { din, initialWeights } from '../model/spec.ts'
import { seeded } from '../random.ts'
import type { Checkpoint, NamedSamples, Run, SampleSet } from './context.ts'
import { draft, toySchema as schema, text } from './fixtures.ts'
import { RANKING, sealTask, type TaskManifest } from './manifest.ts'
import { type Ground, type RunOptions, runTask } from './run.ts'

const { hyper } = draft()
const spec = din(schema)
const weights = initialWeights(spec, seeded(1))

/** `count` samples of items 2 … 9, of which the even ones are clicked. */
function samplesOf(set: SampleSet, count: number): NamedSamples {
  const items = Array.from({ length: count }, (_, i) => 2 + (i % 8))
  return {
    ids: items.map((_, i) => `${set}-${i}`),
    batch: {
      size: count,
      ids: Int32Array.from(items),
      dense: Float32Array.from(items.flatMap((item) => [item / 10, 1])),
      labels: Float32Array.from(items, (item) => (item % 2 === 0 ? 1 : 0)),
      weights: new Float32Array(count).fill(1),
    },
  }
}

describe('a run of a task', () => {
  let manifest: TaskManifest
  beforeAll(async () => {
    const models = { reads: ['ranking', 'train/ranking'], writes: ['ranking', RANKING] }
    const samples = ['local-training', 'matched', 'filtered', 'candidates'] as const
    manifest = await sealTask(draft({ models, samples: [...samples] }), 1, { script: text('a') })
  })

  interface Stage extends Ground {
    readonly kept: Ground['kept'] & { readonly all: Map<string, Checkpoint> }
    /** Lets the time of the run be up. */
    late(): void
  }
  function stage(): Stage {
    const all = new Map<string, Checkpoint>()
    let late = () => {}
    return {
      schema,
      hyper,
      widths: { ranking: spec, classifier: spec },
      samples: async (set) => samplesOf(set, set === 'filtered' ? 0 : 32),
      model: async () => weights,
      initial: async () => weights,
      kept: Object.assign(async (name: string) => all.get(name), { all }),
      keep: async (name, kept) => void all.set(name, kept),
      engine: createPlainEngine(),
      clock: { now: () => 7 },
      after(_, work) {
        late = work
        return () => {
          late = () => {}
        }
      },
      late: () => late(),
    }
  }
  const options: RunOptions = { trigger: { on: 'call', name: 'rank', input: [1, 2] }, seed: 5 }
  const run = (script: Run, ground: Ground = stage(), more: Partial<RunOptions> = {}) =>
    runTask(manifest, script, ground, { ...options, ...more })

  /** Learns from the user's own samples, and keeps it if it fits them better. */
  const train: Run = async ({ samples, models, engine, task, log, random }) => {
    const { batch } = await samples.read('local-training')
    const own = (await models.read('ranking'))!
    const model = await engine.load(engine.din(), own, { optimizer: 'adam' })
    const losses: number[] = []
    for (let epoch = 0; epoch < 30; epoch++)
      losses.push(await model.step(batch, task.hyper.learningRate as number))
    await models.write('ranking', await model.save())
    log.report('training', { first: losses[0]!, last: losses.at(-1)!, lot: random.next() })
    return { better: losses.at(-1)! < losses[0]! }
  }

  it('learns, and what it did comes back as effects; nothing it was given has changed', async () => {
    const ground = stage()
    const before = structuredClone(weights)
    const { models, reports, result, scores, used } = await run(train, ground)
    expect([result, scores, used]).toEqual([{ better: true }, [], []])
    expect(reports[0]!.values.last!).toBeLessThan(0.8 * reports[0]!.values.first!)
    expect(Object.keys(models)).toEqual(['ranking'])
    expect(models.ranking).not.toEqual(weights)
    expect(weights).toEqual(before)
    expect(ground.engine.held()).toBe(0)
  })

  it('is the same for the same seed, and another for another', async () => {
    const [one, again, other] = [await run(train), await run(train), await run(train, stage(), { seed: 6 })]
    expect(again).toEqual(one)
    expect(other.reports).not.toEqual(one.reports)
  })

  it('scores and uses samples by what they are called', async () => {
    const { scores, used } = await run(async ({ samples }) => {
      const { ids, batch } = await samples.read('matched', 3)
      samples.score(ids.map((id, i) => ({ id, score: batch.labels[i]!, keep: i > 0 })))
      samples.use(ids.slice(2))
    })
    expect(scores).toEqual([
      { id: 'matched-29', score: 0, keep: false },
      { id: 'matched-30', score: 1, keep: true },
      { id: 'matched-31', score: 0, keep: true },
    ])
    expect(used).toEqual(['matched-31'])
  })

  it('may keep a matched sample that it says nothing of', async () => {
    const { scores } = await run(async ({ samples }) => {
      const { ids } = await samples.read('matched', 1)
      samples.score([{ id: ids[0]!, score: null, keep: true }])
    })
    expect(scores).toEqual([{ id: 'matched-31', score: null, keep: true }])
  })

  it('reads what is known of samples beside them, and the newest of both', async () => {
    const ground: Ground = {
      ...stage(),
      samples: async (set) => ({ ...samplesOf(set, 4), scores: Float32Array.of(0.1, 0.2, Number.NaN, 0.4) }),
    }
    const { result } = await run(async ({ samples }) => {
      const { ids, batch, scores } = await samples.read('filtered', 2)
      return { ids, items: [...batch.ids], unknown: Number.isNaN(scores![0]), last: scores![1] }
    }, ground)
    const last = Math.fround(0.4)
    expect(result).toEqual({ ids: ['filtered-2', 'filtered-3'], items: [4, 5], unknown: true, last })
  })

  it('answers a call by a score of each candidate', async () => {
    const { ranked } = await run(async ({ samples }) => {
      const { batch } = await samples.read('candidates')
      samples.rank(Array.from(batch.ids, (item) => -item))
    })
    expect(ranked).toEqual(Float32Array.from(samplesOf('candidates', 32).batch.ids, (item) => -item))
    expect((await run(async () => {})).ranked).toBeUndefined()
  })

  it('folds the user into the ranking model, once', async () => {
    const { folds } = await run(async ({ models }) => {
      models.fold(RANKING)
      models.fold(RANKING)
    })
    expect(folds).toEqual([RANKING])
  })

  it('tells how far it is, and passes over what is no share', async () => {
    const told: number[] = []
    const script: Run = async ({ progress }) => {
      for (const share of [0, 0.5, Number.NaN, 2, -1, 1]) progress(share)
    }
    await run(script, { ...stage(), progress: (fraction) => told.push(fraction) })
    expect(told).toEqual([0, 0.5, 1])
  })

  it('waits before each step, and not where nobody needs the machine', async () => {
    const order: string[] = []
    const engine = createPlainEngine()
    const ground: Ground = {
      ...stage(),
      pause() {
        order.push('asked')
        return order.length > 3 ? undefined : Promise.resolve().then(() => void order.push('waited'))
      },
      engine: {
        ...engine,
        async load(...given) {
          const model = await engine.load(...given)
          const step = model.step.bind(model)
          const noting: Model['step'] = (...lesson) => {
            order.push('step')
            return step(...lesson)
          }
          return Object.assign(model, { step: noting })
        },
      },
    }
    await run(async ({ engine, models, samples }) => {
      const { batch } = await samples.read('local-training')
      const model = await engine.load(engine.din(), (await models.read('ranking'))!)
      for (let step = 0; step < 2; step++) await model.step(batch, 0.01)
    }, ground)
    expect(order).toEqual(['asked', 'waited', 'step', 'asked', 'step'])
  })

  it.each([
    ['bad-input', Object.assign(new Error('of theirs'), { name: 'AppError', code: 'bad-input' })],
    ['diverged', Object.assign(new Error('of theirs'), { name: 'AppError', code: 'diverged' })],
    ['worker', Object.assign(new Error('of theirs'), { name: 'AppError', code: 'offline' })],
    ['worker', 'of theirs'],
  ])('fails as %s, told by whom', async (code, thrown) => {
    const script: Run = async () => {
      throw thrown
    }
    await expect(run(script)).rejects.toMatchObject({ code, message: 'rank v1: of theirs', name: 'AppError' })
  })

  it('sees what the manifest says, what made it run, and the clock; and changes none of it', async () => {
    const { result } = await run(async (context) => {
      const { task, trigger, clock, version, samples } = context
      for (const change of [
        () => Object.assign(task, { name: 'other' }),
        () => Object.assign(task.hyper, { learningRate: 9 }),
        () => Object.assign(trigger, { input: 9 }),
        () => Object.assign(context, { samples: null }),
      ])
        expect(change).toThrow(TypeError)
      const { batch } = await samples.read('local-training')
      batch.labels.fill(9)
      const again = await samples.read('local-training')
      return [
        version,
        task.name,
        task.layout.idWidth,
        trigger.input,
        clock.now(),
        again.batch.labels.includes(9),
      ]
    })
    expect(result).toEqual([1, 'rank', 1, [1, 2], 7, false])
  })

  it.each<[string, Run, RegExp]>([
    [
      'another task’s model',
      ({ models }) => models.read('filter/classifier'),
      /rank does not say that it reads filter\/cl/,
    ],
    [
      'to write another task’s model',
      ({ models }) => models.write('train/ranking', weights),
      /does not say that it writes/,
    ],
    [
      'the initial model of another',
      ({ models }) => models.initial('train/ranking'),
      /train\/ranking is another task’s/,
    ],
    [
      'a model that is not finite',
      ({ models }) => models.write('ranking', { x: { shape: [1], data: Float32Array.of(Number.NaN) } }),
      /x of ranking is not finite/,
    ],
    [
      'more than its budget of bytes',
      ({ models }) => models.write('ranking', { x: { shape: [1 << 19], data: new Float32Array(1 << 19) } }),
      /have 2097152 bytes, of at most 1048576/,
    ],
    [
      'to score what it did not read',
      async ({ samples }) => samples.score([{ id: 'x', score: 1, keep: true }]),
      /x is no matched/,
    ],
    [
      'to score own samples',
      async ({ samples }) => {
        const { ids } = await samples.read('local-training')
        samples.score([{ id: ids[0]!, score: 1, keep: true }])
      },
      /local-training-0 is no matched sample/,
    ],
    [
      'a score that is none',
      async ({ samples }) => {
        const { ids } = await samples.read('matched')
        samples.score([{ id: ids[0]!, score: Number.NaN, keep: true }])
      },
      /NaN is no score/,
    ],
    [
      'to use what it did not read',
      async ({ samples }) => samples.use(['x']),
      /x is no borrowed sample that was read/,
    ],
    [
      'to log without end',
      async ({ log }) => {
        for (;;) log.report('more', { of: 1 })
      },
      /logs more than 1024 bytes/,
    ],
    [
      'to log words',
      async ({ log }) => log.report('said', { word: 'secret' as never }),
      /not of up to 32 named numbers/,
    ],
    ['to say much', async () => 'x'.repeat(70_000), /more than 65536 bytes/],
    [
      'a set that it did not declare',
      ({ samples }) => samples.read('local-validation'),
      /rank does not say that it reads local-validation samples/,
    ],
    [
      'to use own samples',
      async ({ samples }) => samples.use((await samples.read('local-training')).ids),
      /local-training-0 is no borrowed sample/,
    ],
    [
      'to rank what it did not read',
      async ({ samples }) => samples.rank([1, 2, 3]),
      /no scores of 0 candidates/,
    ],
    [
      'to rank fewer than were asked for',
      async ({ samples }) =>
        samples.rank(new Float32Array((await samples.read('candidates')).ids.length - 1)),
      /no scores of 32 candidates/,
    ],
    [
      'scores that are no numbers',
      async ({ samples }) => samples.rank((await samples.read('candidates')).ids.map(() => Number.NaN)),
      /no scores of 32 candidates/,
    ],
    [
      'to fold a model of its own',
      async ({ models }) => models.fold('ranking'),
      /Only data\/ranking has a personal vector/,
    ],
    [
      'to fold what it does not write',
      async ({ models }) => models.fold('train/ranking'),
      /does not say that it writes train\/ranking/,
    ],
    [
      'to keep more than its budget of bytes',
      ({ models }) =>
        models.checkpoint('ranking', { x: { shape: [1 << 19], data: new Float32Array(1 << 19) } }),
      /checkpoint is larger than 1048576 bytes/,
    ],
    [
      'to keep a state without end',
      ({ models }) => models.checkpoint('ranking', null, 'x'.repeat(300_000)),
      /goes with a checkpoint is more than 262144 bytes/,
    ],
    ['nothing in particular', () => Promise.reject(new Error('oops')), /^rank v1: oops$/],
  ])('that tries %s ends, and has no effects', async (_, script, why) => {
    const ground = stage()
    const tried: Run = async (context) => {
      await context.models.write('ranking', weights)
      return script(context)
    }
    await expect(run(tried, ground)).rejects.toThrow(why)
    expect(ground.engine.held()).toBe(0)
  })

  it('ends when its time is up or it is stopped, though the script goes on; and then it can do nothing any more', async () => {
    for (const how of ['late', 'stopped'] as const) {
      const ground = stage()
      const stopping = new AbortController()
      let after: Promise<unknown> = Promise.resolve()
      let aborted = false
      const script: Run = async ({ models, engine, signal, samples }) => {
        const model = await engine.load(spec, (await models.read('ranking'))!)
        signal.addEventListener('abort', () => {
          aborted = true
        })
        if (how === 'late') ground.late()
        else stopping.abort()
        after = Promise.allSettled([
          models.write('ranking', weights),
          model.predict(samplesOf('matched', 1).batch),
          Promise.resolve().then(() => samples.use([])),
        ])
        return new Promise(() => {})
      }
      const why = how === 'late' ? 'It took more than 5000 ms.' : 'The run was stopped.'
      await expect(run(script, ground, { signal: stopping.signal })).rejects.toMatchObject({
        code: 'cancelled',
        message: why,
      })
      expect(await after).toMatchObject([
        { status: 'rejected' },
        { status: 'rejected' },
        { status: 'rejected' },
      ])
      expect([aborted, ground.engine.held()]).toEqual([true, 0])
    }
  })

  it('does not begin when it was stopped before', async () => {
    let began = false
    const script: Run = async () => {
      began = true
    }
    await expect(run(script, stage(), { signal: AbortSignal.abort() })).rejects.toMatchObject({
      code: 'cancelled',
    })
    expect(began).toBe(false)
  })

  it('keeps checkpoints though it is cut off, and goes on from them', async () => {
    const ground = stage()
    const script: Run = async ({ models }) => {
      const before = await models.resume('ranking')
      if (before) return before.state
      await models.checkpoint('ranking', null, { step: 3, losses: [0.5] })
      await models.checkpoint(RANKING, weights)
      ground.late()
      return new Promise(() => {})
    }
    await expect(run(script, ground)).rejects.toMatchObject({ code: 'cancelled' })
    expect(Object.fromEntries(ground.kept.all)).toEqual({
      ranking: { weights: null, state: { step: 3, losses: [0.5] } },
      [RANKING]: { weights, state: null },
    })
    expect((await run(script, ground)).result).toEqual({ step: 3, losses: [0.5] })
  })

  it('needs a context that is there', async () => {
    const later = { ...manifest, context: 2 }
    await expect(runTask(later, async () => {}, stage(), options)).rejects.toMatchObject({ code: 'version' })
  })
})
