/** The part of the contract about embedding rows between their gradients, for engines that keep Adam's books by row. */
import { describe, expect, test } from 'vitest'
import { initialWeights } from '../model/spec.ts'
import type { Weights } from '../model/weights.ts'
import { seeded } from '../random.ts'
import type { Batch } from '../sample.ts'
import { dinSpec, randomBatch, randomWeights } from './contract.data.ts'
import { expectNear } from './contract.expect.ts'
import { referenceAdam, referenceOptimizer, toDoubles } from './contract.reference.ts'
import type { Engine } from './engine.ts'

export function embeddingContract(
  name: string,
  make: (options?: { lazyEmbeddings?: boolean }) => Promise<Engine>,
): void {
  describe(`embedding rows: ${name}`, () => {
    const spec = dinSpec(12, 3, 4)
    /** Rows of odd items at some steps only, so that they fall to rest and wake again. */
    const visit = (step: number): Batch => {
      const batch = randomBatch(spec, 3, seeded(step))
      const rare = step % 450 < 5
      return { ...batch, ids: batch.ids.map((id) => (id % 2 === 1 && !rare ? id - 1 : id)) }
    }

    test('rows that rest between rare visits end where dense Adam would put them', async () => {
      const model = await (await make()).load(spec, randomWeights(spec, seeded(2)))
      const due = toDoubles(await model.save())
      const adam = referenceAdam(due)
      for (let step = 0; step < 1000; step++) {
        const { gradient } = await model.gradient(visit(step))
        adam(gradient, 0.003)
        await model.step(visit(step), 0.003)
      }
      const now = await model.save()
      // 1000 roundings of values up to 4 to float32: 1000·2.4e-7 at the very worst, their random walk in practice.
      for (const [name, values] of Object.entries(due)) expectNear(now[name]!.data, values, 2e-5, name)
    })

    test('revert restores which rows were at rest', async () => {
      const model = await (await make()).load(spec, randomWeights(spec, seeded(2)))
      for (let step = 0; step < 300; step++) await model.step(visit(step), 0.01)
      const rest = async () => {
        for (let step = 445; step < 460; step++) await model.step(visit(step), 0.01)
        return model.save()
      }
      await model.mark()
      const first = await rest()
      await model.revert()
      expect(await rest()).toEqual(first)
    })

    test('lazy embeddings: a row changes only in the steps that give it a gradient', async () => {
      const weights = randomWeights(spec, seeded(3))
      const lazy = await (await make({ lazyEmbeddings: true })).load(spec, weights)
      const batchOf = (id: number): Batch => {
        const batch = randomBatch(spec, 2, seeded(id))
        return { ...batch, ids: batch.ids.map(() => id) }
      }
      await lazy.step(batchOf(4), 0.01)
      const after = await lazy.save()
      await lazy.step(batchOf(7), 0.01)
      const later = (await lazy.save())['embedding.items']!.data
      const row = (data: Float32Array, id: number) => [...data.subarray(3 * id, 3 * id + 3)]
      expect(row(later, 4)).toEqual(row(after['embedding.items']!.data, 4))
      expect(row(later, 7)).not.toEqual(row(after['embedding.items']!.data, 7))
    })

    test('lazy embeddings: the first step is Adam’s own, of whichever rows a batch touches', async () => {
      const weights = randomWeights(spec, seeded(3))
      const batch = randomBatch(spec, 7, seeded(5))
      const [lazy, dense] = [await make({ lazyEmbeddings: true }), await make()]
      const stepped = async (engine: Engine) => {
        const model = await engine.load(spec, weights)
        await model.step(batch, 0.01)
        return model.save()
      }
      expect(await stepped(lazy)).toEqual(await stepped(dense))
    })

    test.each(['adam', 'sgd', 'adagrad'] as const)(
      'pulled rows go on moving long after their last gradient: %s',
      async (optimizer) => {
        const from = randomWeights(spec, seeded(2))
        const training = { optimizer, pull: 0.05 }
        const model = await (await make()).load(spec, from, training)
        const due = toDoubles(from)
        const advance = referenceOptimizer(due, training)
        for (let step = 0; step < 460; step++) {
          const { gradient } = await model.gradient(visit(step))
          advance(gradient, 0.01)
          await model.step(visit(step), 0.01)
        }
        const now = await model.save()
        for (const [name, values] of Object.entries(due)) expectNear(now[name]!.data, values, 2e-5, name)
      },
    )

    test.each(['adam', 'sgd', 'adagrad'] as const)(
      'lazy embeddings: a row is pulled only in the steps that give it a gradient: %s',
      async (optimizer) => {
        const weights = randomWeights(spec, seeded(3))
        const model = await (await make({ lazyEmbeddings: true })).load(spec, weights, {
          optimizer,
          pull: 0.2,
        })
        const due = toDoubles(weights)
        const advance = referenceOptimizer(due, { optimizer, pull: 0.2 })
        const stepOn = async (id: number, step: number) => {
          const batch = randomBatch(spec, 2, seeded(step))
          const one = { ...batch, ids: batch.ids.map(() => id) }
          const { gradient } = await model.gradient(one)
          await model.step(one, 0.01)
          return gradient
        }
        // As long as one row alone has ever moved, lazy is dense.
        for (let step = 0; step < 4; step++) advance(await stepOn(4, step), 0.01)
        const before = await model.save()
        for (const [name, values] of Object.entries(due)) expectNear(before[name]!.data, values, 1e-6, name)
        await stepOn(7, 5)
        const row = ({ 'embedding.items': items }: Weights, id: number) =>
          items!.data.subarray(3 * id, 3 * id + 3)
        const after = await model.save()
        expect(row(after, 4)).toEqual(row(before, 4))
        expect(row(after, 7)).not.toEqual(row(before, 7))
      },
    )

    test('lazy embeddings learn too', async () => {
      const model = await (await make({ lazyEmbeddings: true })).load(spec, initialWeights(spec, seeded(4)))
      const batch = randomBatch(spec, 16, seeded(9))
      let loss = 0
      for (let i = 0; i < 200; i++) loss = await model.step(batch, 0.03)
      expect(loss).toBeLessThan(0.1)
    })
  })
}
