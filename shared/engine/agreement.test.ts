/** Engines that each pass the contract must also agree over a whole training run, where small errors could add up. */
import { expect, test } from 'vitest'
import { ACTIVATIONS, type Activation, initialWeights } from '../model/spec.ts'
import { seeded } from '../random.ts'
import { dinSpec, randomBatch } from './contract.data.ts'
import { expectNear } from './contract.expect.ts'
import type { Engine } from './engine.ts'
import { createFusedEngine } from './fused/engine.ts'
import { createPlainEngine } from './plain/engine.ts'
import { createTfjsEngine } from './tfjs/engine.ts'

const spec = { ...dinSpec(200, 8, 20), attention: 36, mlp: [64, 32] }

/** Of two hundred steps fifty are by TensorFlow.js in plain JavaScript, on a machine that may have other things to do. */
const PATIENCE_MS = 120_000

/** Losses of 50 steps on 10 batches of 16. */
async function curveOf(engine: Engine, activation: Activation): Promise<number[]> {
  const model = await engine.load({ ...spec, activation }, initialWeights({ ...spec, activation }, seeded(1)))
  const losses: number[] = []
  for (let i = 0; i < 50; i++) losses.push(await model.step(randomBatch(spec, 16, seeded(i % 10)), 0.003))
  await engine.dispose()
  return losses
}

test.each(ACTIVATIONS)(
  'the loss curves of 50 steps with %s agree with tfjs-cpu within 1e-5, absolute',
  async (activation) => {
    const due = await curveOf(await createTfjsEngine({ backend: 'cpu' }), activation)
    expect(due.at(-1)).toBeLessThan(0.8 * due[0]!)
    const others = [
      await createTfjsEngine({ backend: 'wasm' }),
      createPlainEngine(),
      await createFusedEngine(),
    ]
    for (const engine of others) expectNear(await curveOf(engine, activation), due, 1e-5, engine.name)
  },
  PATIENCE_MS,
)

test('two tfjs engines side by side keep to their own backends', async () => {
  const cpu = await createTfjsEngine({ backend: 'cpu' })
  const wasm = await createTfjsEngine({ backend: 'wasm' })
  const models = [cpu, wasm].map((engine) => engine.load(spec, initialWeights(spec, seeded(1))))
  const steps = [0, 1, 2, 3].map(async (i) =>
    (await models[i % 2]!).step(randomBatch(spec, 4, seeded(i >> 1)), 0.01),
  )
  const [a0, b0, a1, b1] = await Promise.all(steps)
  expectNear([b0!, b1!], [a0!, a1!], 1e-5, 'loss')
  await cpu.dispose()
  await wasm.dispose()
})
