/** What a hostile realm may tell, and that it gets nowhere. */
import { beforeAll, describe, expect, it, test } from 'vitest'
import { din, initialWeights } from '../model/spec.ts'
import { seeded } from '../random.ts'
import { writeSafetensors } from '../safetensors.ts'
import { checkEffects, checkKept, type ToldEffects } from './effects.ts'
import { draft, text } from './fixtures.ts'
import { RANKING, sealTask, type TaskManifest } from './manifest.ts'

const { schema, budget: large } = draft()
const weights = initialWeights(din(schema!), seeded(1))
const model = writeSafetensors(weights)
const bytes = Object.values(weights).reduce((sum, { data }) => sum + data.byteLength, 0)

let manifest: TaskManifest
beforeAll(async () => {
  manifest = await sealed({})
})
const sealed = (budget: Partial<TaskManifest['budget']>): Promise<TaskManifest> =>
  sealTask(
    draft({
      models: { reads: [], writes: ['own', RANKING] },
      budget: { ...large, modelBytes: 2 * bytes, logBytes: 100, ...budget },
    }),
    1,
    { script: text('a') },
  )

const given = { matched: new Set(['m1', 'm2']), filtered: new Set(['f1']), candidates: 2 }
const nothing: ToldEffects = { scores: [], used: [], models: {}, folds: [], reports: [], result: null }
const check = (told: Partial<ToldEffects>, of = manifest) => checkEffects(of, given, { ...nothing, ...told })

it('what is allowed and makes sense comes through, its models read', () => {
  const told: Partial<ToldEffects> = {
    scores: [
      { id: 'm1', score: 0.5, keep: true },
      { id: 'm2', score: null, keep: false },
    ],
    used: ['f1', 'm2'],
    models: { own: model, [RANKING]: model },
    folds: [RANKING],
    ranked: Float32Array.of(1, 2),
    reports: [{ name: 'loss', values: { first: 1 } }],
    result: { trained: true },
  }
  expect(check(told)).toEqual({ ...nothing, ...told, models: { own: weights, [RANKING]: weights } })
})

const score = (id: string, value: number | null) => ({ id, score: value, keep: true })
const poisoned = writeSafetensors({ a: { shape: [1], data: Float32Array.of(Number.NaN) } })
test.each<[string, Partial<ToldEffects>, string]>([
  ['a score of a sample that it was not given', { scores: [score('x', 1)] }, 'refused'],
  ['a score of a filtered sample', { scores: [score('f1', 1)] }, 'refused'],
  ['a score twice', { scores: [score('m1', 1), score('m1', 0)] }, 'bad-input'],
  ['a score beyond 1', { scores: [score('m1', 1.1)] }, 'bad-input'],
  ['a score that is no number', { scores: [score('m1', Number.NaN)] }, 'bad-input'],
  ['a sample used that it was not given', { used: ['x'] }, 'refused'],
  ['a model that it may not write', { models: { other: model } }, 'refused'],
  ['a model by the name of a property of objects', { models: { constructor: model } }, 'refused'],
  ['another task’s model', { models: { 'train/own': model } }, 'refused'],
  ['a model that is cut off', { models: { own: model.slice(0, -4) } }, 'bad-artifact'],
  ['a model that is not finite', { models: { own: poisoned } }, 'bad-artifact'],
  ['a fold into an own model', { folds: ['own'] }, 'refused'],
  ['a ranking of another length', { ranked: Float32Array.of(1) }, 'bad-input'],
  ['a ranking that is not finite', { ranked: Float32Array.of(1, Number.NaN) }, 'bad-input'],
  ['a report with a name for nobody', { reports: [{ name: 'a b', values: {} }] }, 'bad-input'],
  ['a report that is no number', { reports: [{ name: 'a', values: { b: Number.NaN } }] }, 'bad-input'],
  [
    'reports beyond the budget',
    { reports: [{ name: 'a', values: { b: 1, ['c'.repeat(40)]: 2, ['d'.repeat(40)]: 3 } }] },
    'refused',
  ],
  ['a result that is too large', { result: 'x'.repeat(70_000) }, 'bad-input'],
])('%s has no effect', (_, told, code) => {
  expect(() => check(told)).toThrow(expect.objectContaining({ code }))
})

it('models beyond the budget are refused, all of them together', async () => {
  const small = await sealed({ modelBytes: bytes })
  expect(check({ models: { own: model } }, small).models.own).toBeDefined()
  expect(() => check({ models: { own: model, [RANKING]: model } }, small)).toThrow(
    expect.objectContaining({ code: 'refused' }),
  )
})

it('a task that does not write the ranking model folds nothing', async () => {
  const other = await sealTask(draft({ models: { reads: [RANKING], writes: [] } }), 1, { script: text('a') })
  expect(() => check({ folds: [RANKING] }, other)).toThrow(expect.objectContaining({ code: 'refused' }))
})

describe('a checkpoint', () => {
  const kept = { name: 'own', weights: model, state: { step: 3 } }
  it('is kept as it is told, or without a model', () => {
    expect(checkKept(manifest, kept)).toEqual(kept)
    expect(checkKept(manifest, { ...kept, weights: null })).toEqual({ ...kept, weights: null })
  })
  const circle: unknown[] = []
  circle.push(circle)
  it.each([
    ['of another model', { ...kept, name: 'other' }],
    ['that is no model', { ...kept, weights: new Uint8Array(3) }],
    ['that is not finite', { ...kept, weights: poisoned }],
    ['with too much beside it', { ...kept, state: 'x'.repeat(300_000) }],
    ['with what is no JSON beside it', { ...kept, state: circle }],
  ])('%s is not', (_, told) => {
    expect(checkKept(manifest, told)).toBeUndefined()
  })
  it('of more bytes than the task may write is not', async () => {
    expect(checkKept(await sealed({ modelBytes: bytes - 1 }), kept)).toBeUndefined()
  })
})
