/** The part of the engine contract about what training leaves behind, which is nothing. */
import { describe, expect, test } from 'vitest'
import { ACTIVATIONS, initialWeights, type ModelSpec, shapesOf } from '../model/spec.ts'
import { sizeOf } from '../model/weights.ts'
import { seeded } from '../random.ts'
import { randomBatch, smallSpec } from './contract.data.ts'
import type { Engine } from './engine.ts'

export interface MemoryOptions {
  /** Steps to be made; default 2,000. Fewer where one takes long. */
  readonly steps?: number
  /** All memory in which the engine computes, however many models it has, in bytes: asked before and after. */
  readonly bytes?: () => number
}

const MOST_ROWS = 32
/** A step takes less on the slowest of machines and backends. */
const MOST_MS = 200

/** To be called inside a `describe`; `engine` is asked for within the tests only. */
export function memoryContract(engine: () => Engine, { steps = 2000, bytes = () => 0 }: MemoryOptions): void {
  describe.each(ACTIVATIONS)('memory, %s', (activation) => {
    const spec: ModelSpec = { ...smallSpec, activation }
    const weights = initialWeights(spec, seeded(1))
    const taken = () => ({ held: engine().held(), bytes: bytes(), told: engine().bytes?.() })

    test('where the bytes are told, they have room for a model, and the next one adds to them', async () => {
      const least = 4 * [...shapesOf(spec).values()].reduce((sum, shape) => sum + sizeOf(shape), 0)
      const one = await engine().load(spec, weights)
      const first = engine().bytes?.() ?? least
      const two = await engine().load(spec, weights)
      const both = engine().bytes?.() ?? first + least
      expect(first).toBeGreaterThanOrEqual(least)
      expect(both).toBeGreaterThanOrEqual(first + least)
      one.dispose()
      two.dispose()
    })

    test(
      `${steps} steps leave it as it was after ten; the next model finds its place where one has gone`,
      async () => {
        const empty = engine().held()
        const model = await engine().load(spec, weights)
        const everything = async (from: number, to: number) => {
          for (let i = from; i < to; i++)
            await model.step(randomBatch(spec, MOST_ROWS - (i % MOST_ROWS), seeded(i % 50)), 0.001)
          const batch = randomBatch(spec, MOST_ROWS, seeded(1))
          await model.predict(batch)
          await model.gradient(batch)
          await model.save()
          await model.mark()
          await model.revert()
        }
        await everything(0, 10)
        const before = taken()
        expect(before.held).toBeGreaterThan(empty)
        await everything(10, steps)
        expect(taken()).toEqual(before)
        model.dispose()
        expect(engine().held()).toBe(empty)
        const next = await engine().load(spec, weights)
        await next.step(randomBatch(spec, MOST_ROWS, seeded(1)), 0.001)
        expect(bytes()).toBeLessThanOrEqual(before.bytes)
        next.dispose()
        expect(engine().held()).toBe(empty)
      },
      MOST_MS * steps + 30_000,
    )
  })
}
