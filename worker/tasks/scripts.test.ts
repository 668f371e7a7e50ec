/** The three tasks that ship with Kindred: what their scripts do is what the algorithms do, on the samples that they are given. */
import { beforeAll, describe, expect, test } from 'vitest'
import { createPlainEngine } from '../../shared/engine/plain/engine.ts'
import type { hyper } from '../../shared/hyper.ts'
import { din, initialWeights, prunedDin } from '../../shared/model/spec.ts'
import { seeded } from '../../shared/random.ts'
import { pack, type Sample } from '../../shared/sample.ts'
import type { Checkpoint } from '../../shared/tasks/context.ts'
import { RANKING } from '../../shared/tasks/manifest.ts'
import { createWorld, samplesOf, type World } from '../testing/world.ts'
import { embeddingsOf, filter } from './algorithms/filter.ts'
import { personalise } from './algorithms/personalise.ts'
import { run as runFilter } from './filter/script.ts'
import filterJson from './filter/task.json' with { type: 'json' }
import { run as runRank } from './rank/script.ts'
import rankJson from './rank/task.json' with { type: 'json' }
import { draftOf, type Given, named, runHere } from './testing.ts'
import { run as runTrain } from './train/script.ts'
import trainJson from './train/task.json' with { type: 'json' }

const SEED = 7
const OWN = 2

type Changes = NonNullable<Parameters<typeof hyper>[0]>
const worldWith = (changes: Changes) => createWorld({ sigma: 0.5, classifier: { epochs: 8 }, ...changes })
const of = ({ context }: World, category: number, count: number, seed: number): Sample[] =>
  samplesOf(context, category, count, seeded(seed))

describe('filter', () => {
  let world: World
  beforeAll(async () => {
    world = await worldWith({})
  })
  const lists = (world: World) => ({
    training: of(world, OWN, 30, 1),
    validation: of(world, OWN, 20, 2),
    matched: [...of(world, OWN, 20, 3), ...of(world, 5, 25, 4)],
  })
  const given = (world: World, { training, validation, matched } = lists(world)): Given => ({
    world,
    seed: SEED,
    samples: {
      'local-training': named(world, 'local-training', training),
      'local-validation': named(world, 'local-validation', validation),
      matched: named(world, 'matched', matched),
    },
  })

  test('a share of the matched samples trains the classifier and is used up; it scores all others', async () => {
    const effects = await runHere(draftOf(filterJson), runFilter, given(world))
    const { training, validation, matched } = lists(world)
    // Fisher–Yates by the run's seed: the first third teaches.
    const order = seeded(SEED).shuffle(matched.map((_, i) => i))
    const [teaching, others] = [order.slice(0, 15), order.slice(15).sort((a, b) => a - b)]
    expect(effects.used).toEqual(teaching.map((i) => `matched-${i}`))
    expect(effects.result).toEqual({ classifying: 15 })

    const { manifest, context, weights } = world
    const spec = prunedDin(manifest.schema, manifest.classifier)
    const random = seeded(SEED)
    const batch = (samples: readonly Sample[]) => pack(context.layout, samples)
    const due = await filter(createPlainEngine(), {
      spec,
      initial: initialWeights(spec, random, embeddingsOf(weights)),
      local: batch([...training, ...validation]),
      outside: batch(teaching.map((i) => matched[i]!)),
      candidates: batch(others.map((i) => matched[i]!)),
      hyper: manifest.hyper.classifier,
      random,
    })
    const { sigma } = manifest.hyper
    expect(effects.scores).toEqual(
      others.map((i, at) => ({
        id: `matched-${i}`,
        score: due.scores[at],
        keep: due.scores[at]! >= sigma,
      })),
    )
    expect(new Set(effects.scores.map(({ keep }) => keep)).size).toBe(2)
  })

  test('tells how far it is', async () => {
    const heard: number[] = []
    await runHere(draftOf(filterJson), runFilter, { ...given(world), onProgress: (f) => heard.push(f) })
    expect(heard).toEqual([...heard].sort((a, b) => a - b))
    expect(heard.at(-1)).toBe(1)
  })

  test('without a classifier all are kept, and of none is said how well it fits', async () => {
    const none = await worldWith({ filter: 'none' })
    const { scores, used } = await runHere(draftOf(filterJson), runFilter, given(none))
    expect(scores).toEqual(
      lists(none).matched.map((_, i) => ({ id: `matched-${i}`, score: null, keep: true })),
    )
    expect(used).toEqual([])
  })

  test.each([
    ['own', { training: [], validation: [] }, 45],
    ['a second matched', {}, 1],
    ['any matched', {}, 0],
  ])('without %s samples nothing is done', async (_, own, matched) => {
    const all = lists(world)
    const few = { ...all, ...own, matched: all.matched.slice(0, matched) }
    const { scores, used, result } = await runHere(draftOf(filterJson), runFilter, given(world, few))
    expect([scores, used, result]).toEqual([[], [], { classifying: 0 }])
  })
})

describe('train', () => {
  const SCORES = [0.5, 0.9, 0.25, 1]
  const lists = (world: World) => ({
    training: of(world, OWN, 30, 1),
    validation: of(world, OWN, 40, 2),
    filtered: of(world, OWN, 4, 3),
  })
  const given = (world: World, { training, validation, filtered } = lists(world)): Given => ({
    world,
    seed: SEED,
    samples: {
      'local-training': named(world, 'local-training', training),
      'local-validation': named(world, 'local-validation', validation),
      filtered: named(world, 'filtered', filtered, SCORES.slice(0, filtered.length)),
    },
  })
  const ranking = (changes: NonNullable<Changes['ranking']>) => ({
    ranking: { batchSize: 8, learningRate: 0.02, ...changes },
  })
  const algorithm = (world: World, weightOf: (row: number) => number, teach = true) => {
    const { training, validation, filtered } = lists(world)
    const { manifest, context, weights } = world
    return personalise(createPlainEngine(), {
      spec: din(manifest.schema, manifest.ranking),
      model: weights,
      training: pack(context.layout, teach ? [...training, ...filtered] : training, weightOf),
      validation: pack(context.layout, validation),
      hyper: manifest.hyper.ranking,
      seed: SEED,
    })
  }

  test.each([
    [{}, () => 1],
    [{ augmentedWeight: 0.3 }, (row: number) => (row < 30 ? 1 : 0.3)],
    [{ gate: 'epochs', refit: true }, () => 1],
    [{ gate: 'none', learnFrom: 'all' }, () => 1],
  ] as const)('with %j M is what the algorithm gives', async (changes, weightOf) => {
    const world = await worldWith(ranking(changes))
    const { models, used, result, folds } = await runHere(draftOf(trainJson), runTrain, given(world))
    const { weights, ...numbers } = await algorithm(world, weightOf)
    expect(weights).not.toBeNull()
    expect(models).toEqual({ [RANKING]: weights })
    expect(used).toEqual(['filtered-0', 'filtered-1', 'filtered-2', 'filtered-3'])
    const local = { training: 30, validation: 40 }
    expect(result).toEqual(JSON.parse(JSON.stringify({ trained: true, local, ...numbers })))
    expect(folds).toEqual([])
  })

  test('with `odds` each borrowed sample counts p/(1 − p), up to the cap', async () => {
    const world = await worldWith({ filter: 'odds', ...ranking({ gate: 'none', oddsCap: 5 }) })
    const { models } = await runHere(draftOf(trainJson), runTrain, given(world))
    const odds = SCORES.map((p) => Math.min(5, Math.fround(p) / (1 - Math.fround(p))))
    expect(odds[2]).toBeCloseTo(1 / 3)
    const due = await algorithm(world, (row) => odds[row - 30] ?? 1)
    expect(models[RANKING]).toEqual(due.weights)
  })

  test('where M is not beaten it stays, and the samples are used all the same', async () => {
    const world = await worldWith(ranking({ gate: 'epochs', margin: 10 }))
    const { models, used, result } = await runHere(draftOf(trainJson), runTrain, given(world))
    expect(models).toEqual({})
    expect(used).toHaveLength(4)
    expect(result).toMatchObject({ trained: true, stepsKept: 0 })
  })

  test.each([
    ['samples', ranking({}), { training: [], filtered: [] }],
    ['validation samples of both classes', ranking({}), { validation: [] }],
    ['epochs', ranking({ epochs: 0 }), {}],
  ])('without %s nothing is trained and no sample is used', async (_, changes, lacking) => {
    const world = await worldWith(changes)
    const few = { ...lists(world), ...lacking }
    const { models, used, result } = await runHere(draftOf(trainJson), runTrain, given(world, few))
    expect([models, used]).toEqual([{}, []])
    expect(result).toMatchObject({ trained: false, steps: 0 })
  })

  test.each([{ augment: false }, { evidence: { weight: 2 } }])(
    'with %j borrowed samples are not learnt from',
    async (changes) => {
      const world = await worldWith({ ...changes, ...ranking({ gate: 'none' }) })
      const { models, used } = await runHere(draftOf(trainJson), runTrain, given(world))
      expect(used).toEqual([])
      expect(models[RANKING]).toEqual((await algorithm(world, () => 1, false)).weights)
    },
  )

  test('the personal vector is folded in anew, also where nothing is trained', async () => {
    const world = await worldWith(ranking({ personal: true, epochs: 0 }))
    const { folds, models } = await runHere(draftOf(trainJson), runTrain, given(world))
    expect([folds, models]).toEqual([[RANKING], {}])
  })

  test('cut off, it goes on from its checkpoint, and says so', async () => {
    const world = await worldWith(ranking({ batchSize: 1, epochs: 2 }))
    const whole = await runHere(draftOf(trainJson), runTrain, given(world))
    const kept = new Map<string, Checkpoint>()
    const cut = () => {
      // Two epochs of 34 mini-batches: 32, 34, …
      if (kept.size > 0) throw new Error('cut off')
    }
    const first = runHere(draftOf(trainJson), runTrain, { ...given(world), kept, onProgress: cut })
    await expect(first).rejects.toThrow('cut off')
    expect(kept.get(RANKING)!.state).toMatchObject({ step: 32 })
    const { result } = await runHere(draftOf(trainJson), runTrain, { ...given(world), kept })
    expect(result).toMatchObject({ resumed: 32, steps: 68 })
    const losses = (of: unknown) => (of as { losses: number[] }).losses
    expect(losses(result).slice(0, 32)).toEqual(losses(whole.result).slice(0, 32))
  })

  test('however long it trains, what it tells stays small', async () => {
    const world = await worldWith(ranking({ batchSize: 1, epochs: 75, gate: 'none' }))
    const { result } = await runHere(draftOf(trainJson), runTrain, given(world))
    const { steps, losses } = result as { steps: number; losses: number[] }
    expect(steps).toBe(75 * 34)
    expect(losses).toHaveLength(steps / 2)
  })
})

test('rank: the scores as they are', async () => {
  const world = await worldWith({})
  const scores = [0.25, 0.75, 0.5]
  const samples = { candidates: named(world, 'candidates', of(world, 1, 3, 1), scores) }
  const { ranked } = await runHere(draftOf(rankJson), runRank, { world, samples })
  expect([...ranked!]).toEqual(scores)
})
