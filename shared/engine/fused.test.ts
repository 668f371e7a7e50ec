/** The fused kernel: the contract, and what is its own — padding, pieces, records, its exponential. */
import { afterEach, describe, expect, test, vi } from 'vitest'
import { sha256 } from '../hash.ts'
import { ACTIVATIONS, initialWeights, type ModelSpec } from '../model/spec.ts'
import type { Weights } from '../model/weights.ts'
import { seeded } from '../random.ts'
import type { Batch } from '../sample.ts'
import { denseOnly, dinSpec, randomBatch, randomWeights } from './contract.data.ts'
import { embeddingContract } from './contract.embeddings.ts'
import { expectNear, watchWasmMemory } from './contract.expect.ts'
import { engineContract } from './contract.ts'
import { createFusedEngine } from './fused/engine.ts'
import { compileKernel, instantiate } from './fused/kernel.ts'
import { layOut } from './fused/layout.ts'
import { createPlainEngine } from './plain/engine.ts'

engineContract('fused-wasm', () => createFusedEngine(), { examples: 60, bytes: watchWasmMemory() })
embeddingContract('fused-wasm', createFusedEngine)

const sources = import.meta.glob<string>('./fused/kernel/*.ts', {
  query: '?raw',
  import: 'default',
  eager: true,
})

afterEach(() => {
  vi.restoreAllMocks()
})

test('the kernel in use was made from the sources beside it', async () => {
  const text = Object.keys(sources)
    .sort()
    .map((name) => sources[name])
    .join('')
  const { SOURCES } = await import('./fused/kernel.generated.ts') // if it is missing: npm run build:kernel
  expect(SOURCES, 'The kernel is stale: run npm run build:kernel').toBe(
    await sha256(new TextEncoder().encode(text)),
  )
})

test('host and kernel name the fields of every record alike, in the same order', () => {
  const declared = new Map(
    [...sources['./fused/kernel/records.ts']!.matchAll(/class (\w+) \{(.*?)\n\}/gs)].map(([, type, body]) => [
      type,
      [...body!.matchAll(/^ {2}(\w+): usize$/gm)].map(([, field]) => field),
    ]),
  )
  const layout = layOut(dinSpec(5, 3, 4))
  const { records } = layout
  expect(new Set(records.map(({ type }) => type))).toEqual(new Set(declared.keys()))
  for (const { type, fields } of records) expect(Object.keys(fields), type).toEqual(declared.get(type))
  const sorted = records.toSorted((a, b) => a.at - b.at)
  for (const [i, { at, fields, type }] of sorted.entries())
    expect(at + 4 * Object.keys(fields).length, type).toBeLessThanOrEqual(sorted[i + 1]?.at ?? layout.bytes)
})

/** Both engines' gradients of one batch, compared number by number. */
async function expectPlainGradient(spec: ModelSpec, batch: Batch, weights: Weights) {
  const engines = [createPlainEngine(), await createFusedEngine()]
  const [due, got] = await Promise.all(
    engines.map(async (engine) => (await engine.load(spec, weights)).gradient(batch)),
  )
  expectNear([got!.loss], [due!.loss], 1e-5, 'loss')
  for (const [name, { data }] of Object.entries(due!.gradient))
    expectNear(got!.gradient[name]!.data, data, 2e-5, name)
}

describe('the fused engine', () => {
  test.each([
    ['many rows', 75, { ...dinSpec(50, 8, 20), attention: 36, mlp: [64, 32] }],
    ['a history so long that few rows fit', 10, { ...dinSpec(300, 8, 900), attention: 36 }],
    ['wide embeddings and layers', 33, { ...dinSpec(40, 19, 7), attention: 21, mlp: [33, 65, 7] }],
    ['Dice', 75, { ...dinSpec(50, 8, 20), attention: 36, mlp: [64, 30], activation: 'dice' }],
  ] satisfies [string, number, ModelSpec][])(
    '%s: takes a batch in pieces and gets the gradient of the whole',
    async (_, size, spec) => {
      const batch = randomBatch(spec, size, seeded(8))
      expect(layOut(spec).rows).toBeLessThan(size)
      const weights = initialWeights(spec, seeded(9))
      await expectPlainGradient(spec, batch, weights)
      const thinned = batch.weights.map((weight, row) => (row % 3 === 1 || row > size - 4 ? 0 : weight))
      await expectPlainGradient(spec, { ...batch, weights: thinned }, weights)
    },
  )

  test('an id outside its vocabulary is found in every piece, and in rows without weight too', async () => {
    const spec = { ...dinSpec(50, 8, 20), attention: 36 }
    const model = await (await createFusedEngine()).load(spec, initialWeights(spec, seeded(9)))
    const batch = randomBatch(spec, 75, seeded(8))
    batch.ids[74 * spec.idWidth + 20] = 50
    const refusal = { code: 'bad-input', message: expect.stringMatching(/Row 74 .*clicks.* 50,/) }
    await expect(model.predict(batch)).rejects.toMatchObject(refusal)
    await expect(model.step(batch, 0.01)).rejects.toMatchObject(refusal)
    batch.weights[74] = 0
    await expect(model.step(batch, 0.01)).rejects.toMatchObject(refusal)
  })

  test('rows that share their sequences, as candidates do, are computed like any others', async () => {
    const spec = dinSpec(20, 5, 7)
    const pooled = {
      ...spec,
      inputs: spec.inputs.map((i) => (i.kind === 'attend' ? { ...i, kind: 'pool' as const } : i)),
    }
    const batch = randomBatch(pooled, 40, seeded(4))
    for (let row = 1; row < 40; row++)
      if (row % 5 > 0) batch.ids.copyWithin(row * 8 + 1, (row - 1) * 8 + 1, row * 8)
    const weights = randomWeights(pooled, seeded(5))
    const due = await (await createPlainEngine().load(pooled, weights)).predict(batch)
    const model = await (await createFusedEngine()).load(pooled, weights)
    expectNear(await model.predict(batch), due, 1e-6, 'probability')
    await expectPlainGradient(pooled, batch, weights)
  })

  test('probabilities and losses are right from one end of the logits to the other', async () => {
    const engine = await createFusedEngine()
    const weights = initialWeights(denseOnly, seeded(1))
    weights['out.w']!.data.fill(0)
    const batch = { ...randomBatch(denseOnly, 1, seeded(1)), labels: Float32Array.of(1) }
    for (const logit of [-800, -103, -87.25, -20, -3, -0.7, -1e-3, 0, 1e-6, 0.35, 1, 16.5, 40, 800]) {
      weights['out.b']!.data[0] = logit
      const model = await engine.load(denseOnly, weights)
      const z = Math.fround(logit)
      const p = 1 / (1 + Math.exp(-z))
      expect((await model.predict(batch))[0]! / Math.fround(p) || 1).toBeCloseTo(1, 6)
      const loss = Math.max(-z, 0) + Math.log1p(Math.exp(-Math.abs(z)))
      expect((await model.gradient(batch)).loss / Math.fround(loss) || 1).toBeCloseTo(1, 6)
      model.dispose()
    }
  })

  test('Dice makes room for a batch larger than any before, and loses nothing of the model or its mark', async () => {
    const spec: ModelSpec = { ...dinSpec(20, 4, 6), activation: 'dice' }
    const weights = randomWeights(spec, seeded(1))
    const batchOf = (size: number) => randomBatch(spec, size, seeded(size))
    const engines = [createPlainEngine(), await createFusedEngine()]
    const [due, got] = await Promise.all(
      engines.map(async (engine) => {
        const model = await engine.load(spec, weights, { pull: 0.1 })
        for (const size of [8, 5]) await model.step(batchOf(size), 0.01)
        await model.mark()
        for (const size of [75, 8, 300]) await model.step(batchOf(size), 0.01)
        await model.revert()
        for (const size of [6, 200]) await model.step(batchOf(size), 0.01)
        return model.save()
      }),
    )
    for (const [name, { data }] of Object.entries(due!)) expectNear(got![name]!.data, data, 2e-5, name)
  })

  test.each(ACTIVATIONS)('padding never becomes anything but zero: %s', async (activation) => {
    const spec = { ...dinSpec(9, 3, 5), attention: 5, mlp: [7], activation }
    const layout = layOut(spec)
    const model = await (await createFusedEngine()).load(spec, randomWeights(spec, seeded(1)))
    const memory = vi.spyOn(Float32Array.prototype, 'subarray') // predict reads through the model's memory
    for (let i = 0; i < 30; i++) await model.step(randomBatch(spec, 6, seeded(i)), 0.01)
    await model.predict(randomBatch(spec, 1, seeded(1)))
    const arrays = memory.mock.contexts as Float32Array[]
    const floats = arrays.find((array) => array.byteLength >= layout.bytes)!
    for (const [name, { at, rows, columns, width, group, step }] of layout.places)
      for (let row = 0; row < Math.ceil(rows / group) * step; row++)
        for (let i = row % step < group ? columns : 0; i < width; i++)
          expect(floats[at / 4 + row * width + i], `${name}, row ${row}, lane ${i}`).toBe(0)
  })

  test('a model larger than any memory, or a place without SIMD, is an engine failure', async () => {
    const huge = { ...layOut(denseOnly), bytes: 2 ** 33 }
    const kernel = await compileKernel()
    expect(() => instantiate(kernel, huge)).toThrow(expect.objectContaining({ code: 'engine' }))
    vi.spyOn(WebAssembly, 'compile').mockRejectedValue(new WebAssembly.CompileError('no simd'))
    vi.resetModules() // a thread that has compiled the kernel does not do it again
    const { createFusedEngine } = await import('./fused/engine.ts')
    await expect(createFusedEngine()).rejects.toMatchObject({ code: 'engine' })
  })
})
