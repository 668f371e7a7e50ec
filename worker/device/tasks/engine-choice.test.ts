import { beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { EngineName } from '../../../shared/engine/engine.ts'
import { sha256 } from '../../../shared/hash.ts'
import { din } from '../../../shared/model/spec.ts'
import { createHeadlessStorage, headlessPlatform } from '../../headless.ts'
import { catalogue, createWorld, type World } from '../../testing/world.ts'
import type { Choice, Job, Result, Trainer } from '../../trainer/job.ts'
import type { Active } from '../delivery/active.ts'
import { openDb } from '../storage/db.ts'
import { getState } from '../storage/state.ts'
import type { Db } from '../storage/tables.ts'
import { withKnownEngine } from './engine-choice.ts'

let world: World
let task: Active
let db: Db
beforeAll(async () => {
  world = await createWorld()
})
beforeEach(() => {
  const { manifest, context } = world
  task = { manifest, context, catalogue, etag: null, spec: din(manifest.schema, manifest.ranking) }
  db = openDb(headlessPlatform({ server: 'http://server', storage: createHeadlessStorage() }).storage)
})

const chrome = { browser: 'Chrome 150', engines: 'trainer-1.js' }

/** Does one job on a trainer that makes this choice; which engine was it told to take? */
async function round(
  choice: Partial<Choice>,
  { agent = chrome, on = task } = {},
): Promise<EngineName | undefined> {
  let told: EngineName | undefined
  const result = {
    choice: { engine: 'plain', timed: false, lost: [], ...choice },
  } as unknown as Result<'run'>
  const trainer = {
    async run(job: Job<'run'>) {
      told = job.engine
      return result
    },
  } as unknown as Trainer
  expect(await withKnownEngine(trainer, { db, platform: { agent } }, on).run({} as Job<'run'>)).toBe(result)
  return told
}

const fastest = { engine: 'fused-webgpu', timed: true } as const
const gpuLost = { name: 'fused-webgpu', reason: 'The GPU is gone.' } as const

test('what was the fastest is what the next round takes', async () => {
  expect(await round(fastest)).toBeUndefined()
  expect(await round({ engine: 'fused-webgpu' })).toBe('fused-webgpu')
  expect(await round({ engine: 'fused-webgpu' })).toBe('fused-webgpu')
})

describe('it is chosen anew', () => {
  beforeEach(async () => {
    await round(fastest)
  })

  test('in another version of the browser, or with other engines', async () => {
    expect(await round({}, { agent: { ...chrome, browser: 'Chrome 151' } })).toBeUndefined()
    await round(fastest)
    expect(await round({}, { agent: { ...chrome, engines: 'trainer-2.js' } })).toBeUndefined()
  })

  test('for another model, or other mini-batches', async () => {
    const wider = { ...task, spec: { ...task.spec, mlp: [512] } }
    const { hyper } = task.manifest
    const ranking = { ...hyper.ranking, batchSize: 1 + hyper.ranking.batchSize }
    const larger = { ...task, manifest: { ...task.manifest, hyper: { ...hyper, ranking } } }
    expect(await round({}, { on: wider })).toBeUndefined()
    expect(await round({}, { on: larger })).toBeUndefined()
  })

  test('after it failed while it was used, whatever took its place', async () => {
    await round({ engine: 'fused-wasm', timed: true, lost: [gpuLost] })
    expect(await round({})).toBeUndefined()
  })

  test('after it did not even start', async () => {
    await round({ engine: 'plain' })
    expect(await round({})).toBeUndefined()
  })
})

test('what was timed anew takes the place of what did not start', async () => {
  await round(fastest)
  await round({ engine: 'fused-wasm', timed: true })
  expect(await round({ engine: 'fused-wasm' })).toBe('fused-wasm')
})

test('what was not timed, or was only what was left, is not remembered', async () => {
  await round({ engine: 'fused-wasm' })
  await round({ engine: 'fused-wasm', timed: true, lost: [gpuLost] })
  expect(await getState(db, 'engine')).toBeUndefined()
})

test('an engine that this version does not have any more counts for nothing', async () => {
  await round(fastest)
  const { value } = (await db.state.get('engine'))!
  await db.state.put({ key: 'engine', value: { ...(value as object), name: 'webnn' } })
  expect(await round({})).toBeUndefined()
})

test('a storage that fails costs the choice and not the round', async () => {
  db.close()
  expect(await round(fastest)).toBeUndefined()
})

test('of the model a digest is stored, not the model', async () => {
  await round(fastest)
  const shape = JSON.stringify({ spec: task.spec, batch: task.manifest.hyper.ranking.batchSize })
  expect(await getState(db, 'engine')).toEqual({
    ...chrome,
    name: 'fused-webgpu',
    shape: await sha256(new TextEncoder().encode(shape)),
  })
})
