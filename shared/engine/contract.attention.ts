/**
 * The part of the engine contract about what a model attends to: the weights that `model/attention.ts` tells are those by
 * which the engine adds the keys up.
 */
import { expect, test } from 'vitest'
import { attentionOf } from '../model/attention.ts'
import { type Input, type ModelSpec, shapesOf, widthOf } from '../model/spec.ts'
import type { Weights } from '../model/weights.ts'
import type { Batch } from '../sample.ts'
import { type examples, rowsOf } from './contract.data.ts'
import { expectNear } from './contract.expect.ts'
import type { Engine } from './engine.ts'

/** As for predictions: the sums are rounded to float32 on their way in. */
const TOLERANCE = 2e-5

/** To be called inside a `describe`; `engine` is asked for within the tests only. */
export function attentionContract(engine: () => Engine, cases: ReturnType<typeof examples>): void {
  const attending = cases.filter(({ spec }) => spec.inputs.some(({ kind }) => kind === 'attend'))

  test.each(attending)(
    'model $seed: told what it attends to, it predicts the same without attending',
    async ({ spec, weights, batch }) => {
      const attends = await engine().load(spec, weights)
      const told = withSums(spec, weights, batch)
      const isTold = await engine().load(told.spec, told.weights)
      expectNear(await isTold.predict(told.batch), await attends.predict(batch), TOLERANCE, 'probability')
      attends.dispose()
      isTold.dispose()
    },
  )

  test('there are such models', () => expect(attending.length).toBeGreaterThan(cases.length / 4))
}

/** The same model with, in place of each attended sequence, numbers: Σ weight · key, as the weights have it. */
function withSums(spec: ModelSpec, weights: Weights, batch: Batch) {
  const attention = attentionOf(spec, weights, batch)
  let { denseWidth } = spec
  const sums: number[][] = Array.from({ length: batch.size }, (_, row) => [
    ...rowsOf(spec, batch, row, row + 1).dense,
  ])
  const inputs = spec.inputs.map((input): Input => {
    if (input.kind !== 'attend') return input
    const { at, length, weights: of } = attention.find(({ feature }) => feature === input.feature)!
    const size = widthOf(spec, input)
    const table = weights[`embedding.${spec.tables[input.table]!.name}`]!.data
    for (let row = 0; row < batch.size; row++) {
      const keys = batch.ids.subarray(row * spec.idWidth + at, row * spec.idWidth + at + length)
      for (let i = 0; i < size; i++)
        sums[row]!.push(
          keys.reduce(
            (sum, id, l) => sum + (id === 0 ? 0 : of[row * length + l]! * table[id * size + i]!),
            0,
          ),
        )
    }
    const from = denseWidth
    denseWidth += size
    return { kind: 'dense', feature: input.feature, at: from, size }
  })
  const without: ModelSpec = { ...spec, denseWidth, inputs }
  const kept = [...shapesOf(without).keys()].map((name) => [name, weights[name]!])
  return {
    spec: without,
    weights: Object.fromEntries(kept) as Weights,
    batch: { ...batch, dense: Float32Array.from(sums.flat()) },
  }
}
