/** When M goes back to M0: on a worse validation, and on order of the server. */
import { afterEach, beforeEach, expect, test } from 'vitest'
import { createPlainEngine } from '../../../shared/engine/plain/engine.ts'
import { sha256 } from '../../../shared/hash.ts'
import { auc } from '../../../shared/metrics.ts'
import { readSafetensors, writeSafetensors } from '../../../shared/safetensors.ts'
import { pack } from '../../../shared/sample.ts'
import { killAfter } from '../../testing/faults.ts'
import { answering, type Bench, createBench } from '../../testing/rounds.ts'
import { createWorld, type World } from '../../testing/world.ts'
import type { Active } from '../delivery/active.ts'
import { obey } from '../delivery/orders.ts'
import { getState } from '../storage/state.ts'

const NAME = 'toy'
let world: World
let bench: Bench
/** Two models that order everything the other way round: the one with the better AUC on the validation samples, and its opposite. */
let better: Uint8Array<ArrayBuffer>
let worse: Uint8Array<ArrayBuffer>
let aucs: { better: number; worse: number }

beforeEach(async () => {
  world = await createWorld()
  bench = await createBench(world)
  const [one, other] = [world.model, reversed(world.model)]
  const [a, b] = [await aucOf(one), await aucOf(other)]
  expect(a + b).toBeCloseTo(1)
  ;[better, worse] = a > b ? [one, other] : [other, one]
  aucs = { better: Math.max(a, b), worse: Math.min(a, b) }
})
afterEach(() => bench.db.close())

/** The last layer's weights with the other sign: every logit is, and so is the order. */
function reversed(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const weights = Object.entries(readSafetensors(bytes))
  const last = weights.filter(([name]) => !name.startsWith('embedding')).slice(-2)
  return writeSafetensors(
    Object.fromEntries(
      weights.map(([name, { shape, data }]) => [
        name,
        last.some(([other]) => other === name)
          ? { shape, data: data.map((value) => -value) }
          : { shape, data },
      ]),
    ),
  )
}

async function aucOf(bytes: Uint8Array): Promise<number> {
  const { validation } = await bench.samples.local(world.manifest.hyper)
  const model = await createPlainEngine().load(bench.task.spec, readSafetensors(bytes))
  const batch = pack(world.context.layout, validation)
  return auc(await model.predict(batch), batch.labels)!
}

/** A device to which `delivered` was delivered, and which has committed `own` since. */
async function holds(delivered: Uint8Array<ArrayBuffer>, own: Uint8Array<ArrayBuffer>): Promise<void> {
  const hash = await sha256(delivered)
  await bench.models.receive({ name: NAME, version: 1, sha256: hash, bytes: delivered })
  const training = { since: 0, seed: 1, of: '', ended: true, checkpoint: null }
  await bench.models.buffer(NAME, hash, own, training)
  await bench.models.commit(NAME)
}
const m = async () => (await bench.models.load(NAME)).bytes
/** The round's own training changes nothing, so that what M is shows where it began. */
const keepsAll = () => {
  const trainer = bench.spawnTrainer()
  bench.spawnTrainer = () => answering(trainer, 'train', () => ({ models: {} }))
}

test('M that does worse than M0 on the validation samples of the day goes back to it before the round', async () => {
  await holds(better, worse)
  keepsAll()
  const round = await bench.run()
  expect(round).toMatchObject({ outcome: 'kept' })
  expect(round.fellBack!.m).toBeCloseTo(aucs.worse)
  expect(round.fellBack!.m0).toBeCloseTo(aucs.better)
  expect(await m()).toEqual(better)
  expect(await bench.db.journal.toArray()).toMatchObject([{ fellBack: round.fellBack }])
})

test('M that does better stays', async () => {
  await holds(worse, better)
  keepsAll()
  expect((await bench.run()).fellBack).toBeUndefined()
  expect(await m()).toEqual(better)
})

test('where the samples do not tell, M stays', async () => {
  await holds(better, worse)
  await bench.db.local.toCollection().modify({ label: 0 })
  expect((await bench.run()).fellBack).toBeUndefined()
  expect(await m()).toEqual(worse)
})

const ordered = (order: number, upTo: number): Active => ({
  ...bench.task,
  manifest: { ...bench.task.manifest, rollback: { order, upTo } },
})

test('an order of the server to go back is obeyed once; the next one is another', async () => {
  await holds(worse, better)
  await obey(bench, ordered(1, 1))
  expect(await m()).toEqual(worse)
  await holds(worse, better)
  await obey(bench, ordered(1, 1))
  expect(await m()).toEqual(better)
  await obey(bench, ordered(2, 1))
  expect(await m()).toEqual(worse)
})

test('an order that means older versions changes nothing, and is done with', async () => {
  await holds(worse, better)
  const model = (await bench.models.load(NAME)).row
  await bench.db.models.put({ ...model, version: 3 })
  await obey(bench, ordered(1, 2))
  expect(await m()).toEqual(better)
  expect(await getState(bench.db, 'obeyed')).toEqual({ task: NAME, order: 1 })
})

test('killed anywhere in obeying, the device has obeyed, or will', async () => {
  for (let k = 0; ; k++) {
    await holds(worse, better)
    await bench.db.state.delete('obeyed')
    killAfter(bench.faults, k)
    await obey(bench, ordered(1, 1)).catch(() => {})
    const whole = bench.faults.done <= k
    bench.reopen()
    const done = (await getState(bench.db, 'obeyed')) !== undefined
    expect(await m()).toEqual(done ? worse : better)
    await obey(bench, ordered(1, 1))
    expect(await m()).toEqual(worse)
    if (whole) break
  }
})
