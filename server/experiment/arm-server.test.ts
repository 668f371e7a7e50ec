import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { BatchList } from '../../shared/api.ts'
import { decodeBatch } from '../../shared/codec.ts'
import type { Sample } from '../../shared/sample.ts'
import type { Cloud } from '../cloud/cloud.ts'
import { demo } from '../sources/demo.ts'
import { listenAsArm } from './arm-server.ts'
import { type Arm, armNamed } from './arms.ts'
import { NOW } from './ctr.ts'
import { openGround } from './ground.ts'
import { splitInTime } from './split.ts'
import { tokenOf } from './tokens.ts'

const clock = { now: () => NOW }
const secret = Buffer.alloc(32, 7)
const USERS = 80
const folder = mkdtempSync(join(tmpdir(), 'arms-'))
let cloud: Cloud

beforeAll(async () => {
  const { past } = splitInTime(await demo(undefined, { clock, users: USERS }), { now: NOW })
  cloud = await openGround({ dir: folder, past, clock, neighbours: 100, progress: () => {} })
  await cloud.train({ epochs: 1, threads: 1 })
})
afterAll(async () => {
  await cloud.close()
  rmSync(folder, { recursive: true })
})

/** What a user is told and given under an arm. */
async function visit(arm: Arm, user: string, seed = 1) {
  const server = await listenAsArm({ cloud, arm, clock, secret, seed })
  try {
    const registered = await fetch(`${server.url}/api/devices`, {
      method: 'POST',
      headers: { authorization: `Bearer ${await tokenOf(user, secret, clock)}` },
    })
    const { credential } = (await registered.json()) as { credential: string }
    const get = (path: string) =>
      fetch(`${server.url}${path}`, { headers: { authorization: `Bearer ${credential}` } })
    const { schema, hyper } = (await (await get('/api/task')).json()) as NonNullable<
      Awaited<ReturnType<Cloud['manifest']>>
    >
    const { day, count } = (await (await get('/api/batches')).json()) as BatchList
    const samples: Sample[] = []
    for (let n = 0; n < count; n++) {
      const bytes = new Uint8Array(await (await get(`/api/batches/${day}/${n}`)).arrayBuffer())
      samples.push(...decodeBatch(schema, bytes))
    }
    return { hyper, samples, beyond: (await get(`/api/batches/${day}/${count}`)).status }
  } finally {
    await server.close()
  }
}

const told = (samples: readonly Sample[]) =>
  samples.map(({ ids, at, label }) => `${ids} ${at} ${label}`).sort()

it('a device of an imported user is that user, gets what was matched to them, and is told the arm’s numbers', async () => {
  const users = (await cloud.status()).users
  const arm = armNamed('coda@sigma=0.4')
  const { hyper, samples } = await visit(arm, 'demo-0001')
  expect(hyper).toEqual(arm.hyper)
  expect(samples).toHaveLength(300)
  expect((await cloud.status()).users).toBe(users)
  expect(told((await visit(armNamed('coda'), 'demo-0001')).samples)).toEqual(told(samples))
})

it('strangers’ batches are as many, of another user, the same ones for the same seed', async () => {
  const random = armNamed('random')
  const [own, strange, again, other] = await Promise.all([
    visit(armNamed('coda'), 'demo-0002'),
    visit(random, 'demo-0002'),
    visit(random, 'demo-0002'),
    visit(random, 'demo-0002', 2),
  ])
  expect(strange!.samples).toHaveLength(own!.samples.length)
  expect(told(strange!.samples)).toEqual(told(again!.samples))
  expect(told(strange!.samples)).not.toEqual(told(own!.samples))
  expect(told(strange!.samples)).not.toEqual(told(other!.samples))
  expect(strange!.hyper).toEqual(own!.hyper)
})

it('an arm without batches has none', async () => {
  expect(await visit(armNamed('local'), 'demo-0003')).toMatchObject({ samples: [], beyond: 404 })
})
