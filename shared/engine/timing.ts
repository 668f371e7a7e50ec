/** How long a step takes: what decides between engines that all compute the same. */
import { initialWeights, type ModelSpec } from '../model/spec.ts'
import { seeded } from '../random.ts'
import type { Batch } from '../sample.ts'
import type { Engine } from './engine.ts'

/** What an engine is to be used for: this model, in batches of this size. */
export interface Shape {
  readonly spec: ModelSpec
  readonly batch: number
}

/** The first steps compile, allocate and wake what sleeps. */
const WARM_STEPS = 3
const TIMED_STEPS = 7

/** Median duration of a step, in the unit of `now`. Leaves nothing behind. */
export async function timeStep(engine: Engine, { spec, batch }: Shape, now: () => number): Promise<number> {
  const random = seeded(1)
  const model = await engine.load(spec, initialWeights(spec, random))
  try {
    const rows = fullBatch(spec, batch)
    for (let i = 0; i < WARM_STEPS; i++) await model.step(rows, 0)
    const times: number[] = []
    for (let i = 0; i < TIMED_STEPS; i++) {
      const start = now()
      await model.step(rows, 0)
      times.push(now() - start)
    }
    return times.sort((a, b) => a - b)[TIMED_STEPS >> 1]!
  } finally {
    model.dispose()
  }
}

/** A batch without any padding: the most that its shape can cost. */
function fullBatch(spec: ModelSpec, size: number): Batch {
  const random = seeded(2)
  const ids = new Int32Array(size * spec.idWidth)
  const put = (at: number, table: number) => {
    ids[at] = Math.min(1 + random.below(spec.tables[table]!.rows), spec.tables[table]!.rows - 1)
  }
  for (let row = 0; row < size; row++)
    for (const input of spec.inputs) {
      if (input.kind === 'dense') continue
      const from = row * spec.idWidth
      const length = input.kind === 'lookup' ? 1 : input.length
      for (let l = 0; l < length; l++) put(from + input.at + l, input.table)
      if (input.kind === 'attend') put(from + input.query, input.table)
    }
  return {
    size,
    ids,
    dense: new Float32Array(size * spec.denseWidth),
    labels: Float32Array.from({ length: size }, (_, row) => row % 2),
    weights: new Float32Array(size).fill(1),
  }
}
