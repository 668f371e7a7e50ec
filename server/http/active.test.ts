/** What a device is given of tasks in one answer. */
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { pino } from 'pino'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type ActiveAnswer, activeSchema, MAX_ALONG, registrationSchema } from '../../shared/api.ts'
import { sha256 } from '../../shared/hash.ts'
import { draft, text } from '../../shared/tasks/fixtures.ts'
import { byPlatform } from '../../shared/trust/ed25519.ts'
import { checkData, pinned, verify } from '../../shared/trust/verify.ts'
import { NOON, type ToyCloud, toyCloud, toySource } from '../cloud/toy.ts'
import { rotate } from '../tasks/keys.ts'
import type { Tasks } from '../tasks/tasks.ts'
import { createApp } from './app.ts'
import { NO_LIMITS } from './limits.ts'

const ada = { who: 'Ada', why: 'to see it work' }
const SITE = 'https://shop.example'
const script = 'export const run = () => "größer"\n'
/** More than an answer brings along. */
const long = `export const run = () => 1\n// ${'x'.repeat(MAX_ALONG)}\n`

let toy: ToyCloud
let tasks: Tasks
let app: ReturnType<typeof createApp>
let phone: { id: string; headers: Record<string, string> }
const clock = { now: () => toy.time.now }
const hash = (value: string) => sha256(text(value))

beforeAll(async () => {
  toy = await toyCloud()
  await toy.cloud.importSource(toySource())
  await toy.cloud.prepare()
  await toy.cloud.train({ epochs: 1 })
  tasks = await toy.cloud.tasks()
  for (const [name, code] of [
    ['filter', script],
    ['rank', long],
  ] as const) {
    await tasks.submit(draft({ name }), { script: text(code) }, ada)
    await tasks.approve(name, 1, ada)
    await tasks.releases.change(
      { type: 'release', task: name, version: 1, rule: { everyone: true }, stages: [{ percent: 100 }] },
      ada,
    )
  }
  const log = pino({ level: 'silent' })
  app = createApp({ cloud: toy.cloud, log, limits: NO_LIMITS, tasks, clock, origins: [SITE] })
  const answer = await app.request('/api/devices', { method: 'POST' })
  const { device, credential } = registrationSchema.parse(await answer.json())
  phone = { id: device, headers: { authorization: `Bearer ${credential}` } }
}, 60_000)
afterAll(() => toy.done())

const ask = (body: object, etag = '') =>
  app.request('/api/active', {
    method: 'POST',
    headers: { ...phone.headers, 'if-none-match': etag },
    body: JSON.stringify(body),
  })
async function active(body: object): Promise<ActiveAnswer> {
  const answer = await ask(body)
  expect(answer.status).toBe(200)
  return activeSchema.parse(await answer.json())
}
const names = async ({ artifacts = [] }: ActiveAnswer) => Promise.all(artifacts.map(hash))
const manifests = async () =>
  Object.fromEntries(
    tasks.releases.activeFor({ id: phone.id }).list.tasks.map(({ task, manifest }) => [task, manifest]),
  )

it('one answer is all that a new device needs of roots, targets, manifests and small scripts', async () => {
  const answer = await active({ root: 0, have: [] })
  const { filter, rank } = await manifests()
  const targets = await sha256(tasks.delivery.targets()!.bytes)
  expect(await names(answer)).toEqual([targets, filter, rank, await hash(script)])
  const [first, ...rest] = answer.roots!.map(text)
  expect(rest).toEqual([])
  const trusted = await verify(
    await pinned(first!, undefined, byPlatform),
    { snapshot: text(answer.snapshot), list: text(answer.list), targets: text(answer.artifacts![0]!) },
    { now: NOON, ed25519: byPlatform, device: phone.id },
  )
  const data = new Uint8Array(await (await app.request('/api/task')).arrayBuffer())
  checkData(trusted, await sha256(data))
  expect(() => checkData(trusted, '0'.repeat(64))).toThrow('The data are not those that the snapshot names.')
  expect(trusted.snapshot!.data).toMatchObject({ bytes: data.length, version: 1 })
})

it('what a device has is not sent again, and who asks for nothing gets nothing besides', async () => {
  const { filter } = await manifests()
  const have = [filter!, await hash(script)]
  const answer = await active({ root: 1, have })
  expect(answer.roots).toEqual([])
  expect(await names(answer)).toHaveLength(2)
  expect(await names(answer)).not.toEqual(expect.arrayContaining([have[0]]))
  expect(Object.keys(await active({}))).toEqual(['snapshot', 'list'])
})

it('what comes along is compressed for who accepts that, and the same', async () => {
  const body = JSON.stringify({ root: 0, have: [] })
  const answer = await app.request('/api/active', {
    method: 'POST',
    headers: { ...phone.headers, 'accept-encoding': 'br, gzip' },
    body,
  })
  expect(answer.headers.get('content-encoding')).toBe('gzip')
  const bytes = gunzipSync(new Uint8Array(await answer.arrayBuffer()))
  expect(JSON.parse(bytes.toString())).toEqual(await active(JSON.parse(body)))
})

it('the same again is 304, whatever the device has, until the list, the data or the root is another', async () => {
  const tagOf = async () => (await ask({ root: 1, have: [] })).headers.get('etag')!
  const first = await tagOf()
  expect((await ask({ root: 1, have: [] }, first)).status).toBe(304)
  expect((await ask({ root: 1, have: [await hash(script)] }, first)).status).toBe(304)
  await rotate(join(toy.dir, 'tasks', 'keys'), null, clock)
  const second = await tagOf()
  expect((await ask({ root: 1, have: [] }, first)).status).toBe(200)
  expect((await active({ root: 1, have: [] })).roots).toHaveLength(1)
  await toy.cloud.train({ epochs: 1 })
  expect((await ask({ root: 2, have: [] }, second)).status).toBe(200)
})

it('what a device says that it has must be hashes, and not too many', async () => {
  const zeros = '0'.repeat(64)
  for (const have of [['x'], Array(401).fill(zeros), 'all'])
    expect((await ask({ root: 1, have })).status).toBe(400)
  for (const root of [-1, 0.5, '1']) expect((await ask({ root, have: [] })).status).toBe(400)
})

it('a script is bytes to whoever asks for it, and nothing that could run', async () => {
  const answer = await app.request(`/artifacts/${await hash(script)}`, { headers: { origin: SITE } })
  expect(await answer.text()).toBe(script)
  expect(Object.fromEntries(answer.headers)).toMatchObject({
    'content-type': 'application/octet-stream',
    'cache-control': 'public, max-age=31536000, immutable',
    'x-content-type-options': 'nosniff',
    'access-control-allow-origin': SITE,
  })
})
