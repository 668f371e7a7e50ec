/** The part of the engine contract about what is refused, by which code, and that it changes nothing. */
import { expect, test } from 'vitest'
import { cloneWeights } from '../model/weights.ts'
import type { Batch } from '../sample.ts'
import { smallBatch as batchOf, rowsOf, smallSpec as spec, smallWeights as weights } from './contract.data.ts'
import { expectNear, train } from './contract.expect.ts'
import type { Engine, Model } from './engine.ts'

const NOT_FINITE = [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]

const failing = (code: string, message: RegExp) =>
  expect.objectContaining({ code, message: expect.stringMatching(message) })

/** To be called inside a `describe`; `engine` is asked for within the tests only. */
export function refusalContract(engine: () => Engine, reproducible: boolean): void {
  test('an id outside its vocabulary is refused by feature and row, and changes nothing', async () => {
    const model = await engine().load(spec, weights)
    const held = engine().held()
    for (const [at, id, feature] of [
      [0, 20, 'item'],
      [3, -1, 'clicks'],
    ] as const) {
      const batch = batchOf(1)
      batch.ids[2 * spec.idWidth + at] = id
      const refusal = failing('bad-input', new RegExp(`Row 2 .*${feature}.*${id}`))
      await expect(model.step(batch, 0.01)).rejects.toEqual(refusal)
      await expect(model.predict(batch)).rejects.toEqual(refusal)
      await expect(model.gradient(batch)).rejects.toEqual(refusal)
    }
    expect(engine().held()).toBe(held)
    expect(await model.save()).toEqual(weights)
    model.dispose()
  })

  test('an id outside its vocabulary is found wherever it stands, and only there', async () => {
    const model = await engine().load(spec, weights)
    const batch = batchOf(1)
    batch.ids.fill(19)
    expect(await model.predict(batch)).toHaveLength(batch.size)
    for (let at = 0; at < batch.ids.length; at++) {
      for (const id of [-1, 20, 2 ** 31 - 1, -(2 ** 31)]) {
        batch.ids[at] = id
        const row = Math.floor(at / spec.idWidth)
        await expect(model.predict(batch)).rejects.toEqual(
          failing('bad-input', new RegExp(`Row ${row} .* ${id},`)),
        )
      }
      batch.ids[at] = 19
    }
    model.dispose()
  })

  /** All that a model can be asked to do with a batch. */
  const uses = (model: Model, batch: Batch) => [
    model.step(batch, 0.01),
    model.gradient(batch),
    model.predict(batch),
  ]

  test('a batch of wrong sizes, without weight or with no learning rate is refused', async () => {
    const model = await engine().load(spec, weights)
    const batch = batchOf(1)
    const refused = (changed: Partial<Batch>, rate = 0.01) =>
      expect(model.step({ ...batch, ...changed }, rate)).rejects.toMatchObject({ code: 'bad-input' })
    await refused({ ids: batch.ids.slice(1) })
    await refused({ dense: new Float32Array(0) })
    await refused({ labels: new Float32Array(3) })
    await refused({ weights: new Float32Array(8) })
    for (const rate of [...NOT_FINITE, -1]) await refused({}, rate)
    await refused(rowsOf(spec, batch, 0, 0))
    expect(await model.save()).toEqual(weights)
    model.dispose()
  })

  test('a dense value that is not finite throws diverged, by row and place', async () => {
    const model = await engine().load(spec, weights)
    for (const poison of NOT_FINITE) {
      const batch = batchOf(1)
      batch.dense[3 * spec.denseWidth + 1] = poison
      for (const use of uses(model, batch))
        await expect(use).rejects.toEqual(failing('diverged', /Row 3 .*dense value 1/))
    }
    expect(await model.save()).toEqual(weights)
    model.dispose()
  })

  test('a label or a weight of a row that makes no sense is refused by row', async () => {
    const model = await engine().load(spec, weights)
    for (const [field, values] of [
      ['labels', [...NOT_FINITE, -0.1, 2]],
      ['weights', [...NOT_FINITE, -1]],
    ] as const)
      for (const value of values) {
        const batch = batchOf(1)
        batch[field][6] = value
        for (const use of uses(model, batch).slice(0, 2))
          await expect(use).rejects.toEqual(failing('bad-input', /Row 6 /))
      }
    expect(await model.save()).toEqual(weights)
    model.dispose()
  })

  test('a prediction is a probability or diverged, never NaN', async () => {
    const wild = cloneWeights(weights)
    for (const [name, { data }] of Object.entries(wild))
      if (name.startsWith('mlp.')) for (let i = 0; i < data.length; i++) data[i]! *= 1e30
    const model = await engine().load(spec, wild)
    const batch = batchOf(1)
    batch.dense.fill(3e38)
    const outcome = await model.predict(batch).catch((error: unknown) => error)
    if (outcome instanceof Float32Array) for (const p of outcome) expect(p >= 0 && p <= 1, `${p}`).toBe(true)
    else expect(outcome).toMatchObject({ code: 'diverged' })
    expect(await model.save()).toEqual(wild)
    model.dispose()
  })

  test('a loss that is not finite throws diverged; weights and optimizer stay', async () => {
    const model = await train(engine(), 2)
    const other = await train(engine(), 2)
    const before = await model.save()
    const held = engine().held()
    const steep = cloneWeights(before)
    steep['mlp.0.w']!.data.fill(1e5)
    const huge = batchOf(1)
    huge.dense[3] = 3e38
    const victim = await engine().load(spec, steep)
    await expect(victim.step(huge, 0.01)).rejects.toMatchObject({ code: 'diverged' })
    await expect(victim.gradient(huge)).rejects.toMatchObject({ code: 'diverged' })
    expect(await victim.save()).toEqual(steep)
    victim.dispose()
    const poisoned = batchOf(1)
    poisoned.dense[3] = Number.NaN
    await expect(model.step(poisoned, 0.01)).rejects.toMatchObject({ code: 'diverged' })
    expect(engine().held()).toBe(held)
    expect(await model.save()).toEqual(before)
    await model.step(batchOf(5), 0.01)
    await other.step(batchOf(5), 0.01)
    const due = await other.save()
    for (const [name, { data }] of Object.entries(await model.save()))
      expectNear(data, due[name]!.data, reproducible ? 0 : 1e-6, name)
    model.dispose()
    other.dispose()
  })

  test('weights that do not fit are refused by the name of the tensor', async () => {
    const held = engine().held()
    const { 'out.b': dropped, ...lacking } = weights
    const reshaped = { ...weights, 'mlp.0.b': { shape: [3], data: new Float32Array(3) } }
    expect(dropped).toBeDefined()
    await expect(engine().load(spec, lacking)).rejects.toEqual(failing('bad-artifact', /out\.b/))
    await expect(engine().load(spec, reshaped)).rejects.toEqual(failing('bad-artifact', /mlp\.0\.b/))
    for (const name of Object.keys(weights))
      for (const poison of NOT_FINITE) {
        const poisoned = cloneWeights(weights)
        poisoned[name]!.data[poisoned[name]!.data.length - 1] = poison
        await expect(engine().load(spec, poisoned)).rejects.toEqual(
          failing('bad-artifact', new RegExp(name.replaceAll('.', '\\.'))),
        )
      }
    expect(engine().held()).toBe(held)
  })

  test('a model that was disposed of says so', async () => {
    const model = await engine().load(spec, weights)
    model.dispose()
    model.dispose()
    await expect(model.predict(batchOf(1))).rejects.toEqual(failing('engine', /disposed/))
  })
}
