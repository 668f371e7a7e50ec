/** What a device is given of tasks in one answer. */
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { pino } from 'pino'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type ActiveAnswer, activeSchema, MAX_ALONG, registrationSchema } from '../../shared/api.ts'
import { sha256 } from '../../shared/hash.ts'
import { draft, text } from '../../shared/tasks/fixtures.ts'
import { byPlatform } from '../../shared/trust/ed25519.ts'
import { checkData, pinned, verify } from '../../shared/trust/verify.ts'
import { NOON, type ToyCloud, toyCloud, toySource } from '../cloud/toy.ts'
import { rotate } from '../tasks/keys.ts'
import type { Tasks } from '../tasks/tasks.ts'
import { createApp } from './app.ts'
import { createCountryOf } from './country.ts'
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

describe('the country of a device', () => {
  const header = 'CF-IPCountry'
  /** A third task, for one country. */
  const order = {
    type: 'release' as const,
    task: 'train',
    version: 1,
    rule: { country: ['DE'] },
    stages: [{ percent: 100 }],
  }
  const behind = (countryOf?: ReturnType<typeof createCountryOf>) =>
    createApp({
      cloud: toy.cloud,
      log: pino({ level: 'silent' }),
      limits: NO_LIMITS,
      tasks,
      clock,
      ...(countryOf && { countryOf }),
    })
  /** Through the proxy at 10.0.0.1, unless it comes from elsewhere. */
  const through = (
    of: typeof app,
    country: string | undefined,
    { body = {}, etag = '', peer = '10.0.0.1' } = {},
  ) =>
    of.request(
      '/api/active',
      {
        method: 'POST',
        headers: {
          ...phone.headers,
          'if-none-match': etag,
          ...(country !== undefined && { [header]: country }),
        },
        body: JSON.stringify(body),
      },
      { incoming: { socket: { remoteAddress: peer } } },
    )
  const tasksIn = async (answer: Response) => {
    expect(answer.status).toBe(200)
    const { list } = activeSchema.parse(await answer.json())
    return JSON.parse(list).tasks.map(({ task }: { task: string }) => task)
  }
  const remembered = async () => (await tasks.releases.dryRun(order)).hit
  beforeAll(async () => {
    await tasks.submit(draft({ name: 'train' }), { script: text(script) }, ada)
    await tasks.approve('train', 1, ada)
    await tasks.releases.change(order, ada)
  })

  it('is what the proxy says, for what is released and for who is counted', async () => {
    const of = behind(createCountryOf(header, ['10.0.0.0/8']))
    expect(await tasksIn(await through(of, 'de'))).toContain('train')
    expect(await remembered()).toBe(1)
    expect(await tasksIn(await through(of, 'FR'))).not.toContain('train')
    expect(await remembered()).toBe(0)
  })

  it.each([
    ['the device', undefined, { body: { country: 'DE' } }],
    ['the device against the proxy', 'FR', { body: { country: 'DE' } }],
    ['the device where the proxy knows none', 'XX', { body: { country: 'DE' } }],
    ['who comes by no proxy', 'DE', { peer: '203.0.113.9', body: { country: 'DE' } }],
    ['a header with no country in it', 'Germany', {}],
  ])('is nothing that is said by %s, once there is such a header', async (_, country, said) => {
    const of = behind(createCountryOf(header, ['10.0.0.0/8']))
    expect(await tasksIn(await through(of, country, said))).not.toContain('train')
    expect(await remembered()).toBe(0)
  })

  it('is by default what the device says, whatever headers say', async () => {
    expect(await tasksIn(await through(behind(), 'DE'))).not.toContain('train')
    expect(await tasksIn(await through(behind(), 'FR', { body: { country: 'DE' } }))).toContain('train')
  })

  it('another country is 304 where the same is released there, and else another tag', async () => {
    const of = behind(createCountryOf(header, ['10.0.0.0/8']))
    const etag = (await through(of, 'FR')).headers.get('etag')!
    expect((await through(of, 'AT', { etag })).status).toBe(304)
    const german = await through(of, 'DE', { etag })
    expect(german.status).toBe(200)
    expect(german.headers.get('etag')).not.toBe(etag)
    expect((await through(of, 'DE', { etag: german.headers.get('etag')! })).status).toBe(304)
    expect(await remembered()).toBe(1)
    expect((await through(of, 'FR', { etag: german.headers.get('etag')! })).status).toBe(200)
  })
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
