/** What is published, on a host that only serves files, to devices as they are. */
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join, normalize } from 'node:path'
import { pino } from 'pino'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { sha256 } from '../../shared/hash.ts'
import { createHeadlessDevice } from '../../worker/headless.ts'
import { HOUR, type ToyCloud, toyCloud, toySource } from '../cloud/toy.ts'
import { createApp } from '../http/app.ts'
import { type Listening, listen } from '../http/listen.ts'
import { publish } from '../tasks/publish.ts'
import { ship } from '../tasks/shipped.ts'
import type { Tasks } from '../tasks/tasks.ts'
import { lifeIn } from './publish.ts'

const TYPES: Record<string, string> = { '.json': 'application/json', '.js': 'text/javascript' }

let toy: ToyCloud
let tasks: Tasks
let site: string
let host: Server
let files: string
/** What the host was asked for. */
let served: string[] = []
/** What becomes of a file on its way; null where it is not there. */
let spoil: (path: string, bytes: Buffer) => Buffer | null = (_, bytes) => bytes
const kindred = () => ({
  log: pino({ level: 'silent' }),
  cloud: toy.cloud,
  tasks,
  clock: { now: () => toy.time.now },
})

beforeAll(async () => {
  toy = await toyCloud()
  await toy.cloud.importSource(toySource())
  await toy.cloud.prepare()
  await toy.cloud.train({ epochs: 1 })
  tasks = await ship(await toy.cloud.tasks(), { clock: { now: () => toy.time.now } })
  site = mkdtempSync(join(tmpdir(), 'kindred-site-'))
  // As plain as a host can be: it knows files by their names, and nothing else.
  host = createServer((asked, answer) => {
    answer.setHeader('date', new Date(toy.time.now).toUTCString())
    const path = normalize(asked.url ?? '/')
    served.push(path)
    const found = join(site, path)
    const bytes = existsSync(found) ? spoil(path, readFileSync(found)) : null
    if (!bytes) return answer.writeHead(404, { 'content-type': 'text/html' }).end('<h1>Not here</h1>')
    const type = TYPES[/\.\w+$/.exec(path)?.[0] ?? ''] ?? 'application/octet-stream'
    answer.writeHead(200, { 'content-type': type }).end(bytes)
  })
  await new Promise<void>((listening) => host.listen(0, '127.0.0.1', listening))
  files = `http://127.0.0.1:${(host.address() as AddressInfo).port}/`
})
afterAll(async () => {
  host.closeAllConnections()
  await new Promise((closed) => host.close(closed))
  await toy.done()
  rmSync(site, { recursive: true })
})

const publishNow = () =>
  publish({ tasks, data: toy.cloud }, site, { lifeMs: lifeIn('7d'), clock: { now: () => toy.time.now } })
const deviceOf = async (server: string) =>
  createHeadlessDevice({
    server,
    files,
    root: await sha256((await tasks.root(1))!),
    timers: false,
    seed: 1,
    clock: { now: () => toy.time.now },
  })
const listening = (): Promise<Listening> => listen(createApp(kindred()), { port: 0, host: '127.0.0.1' })

it('with its server gone a device gets data and tasks, ranks, and keeps what it saw until the server is there', async () => {
  await publishNow()
  const gone = await listening()
  await gone.close()
  const device = await deviceOf(gone.url)
  try {
    await device.start()
    await expect(device.contact()).rejects.toMatchObject({ code: 'offline' })
    const { items } = await device.catalogue(null)
    const { ranked, serving } = await device.rank({ items: items.slice(0, 9).map(({ key }) => key) })
    expect(ranked).toHaveLength(9)
    expect(serving).toMatchObject({ slot: 'M', sha256: (await toy.cloud.manifest())!.model.sha256 })
    await device.track({ events: ranked.map(({ item }) => ({ type: 'exposure', item })) })
    const status = await device.status(null)
    expect(status).toMatchObject({ device: null, events: { waiting: 9, delivered: 0 } })
    expect(status.tasks.map(({ name }) => name)).toEqual(['filter', 'rank', 'train'])
  } finally {
    await device.stop()
  }
})

it('a server is asked for what is this device’s own, and for nothing else', async () => {
  toy.time.now += HOUR
  await publishNow()
  const asked: string[] = []
  const app = createApp(kindred())
  const server = await listen(
    {
      fetch(request: Request, env) {
        asked.push(new URL(request.url).pathname)
        return app.fetch(request, env)
      },
    },
    { port: 0, host: '127.0.0.1' },
  )
  const device = await deviceOf(server.url)
  served = []
  try {
    await device.start()
    await device.contact()
    const { items } = await device.catalogue(null)
    await device.track({ events: [{ type: 'exposure', item: items[0]!.key }] })
    await device.contact()
    const { device: name, events, tasks } = await device.status(null)
    expect(name).not.toBeNull()
    expect(events).toEqual({ waiting: 0, delivered: 1 })
    expect(tasks).toHaveLength(3)
    expect([...new Set(asked)].sort()).toEqual(['/api/devices', '/api/events'])
    expect(served.filter((path) => !/^\/(artifacts|trust)\//.test(path))).toEqual([])
    // What is known is not fetched again: the second contact looks at what holds now.
    const names = served.filter((path) => path.startsWith('/artifacts/'))
    const list = JSON.parse(readFileSync(join(site, 'trust/snapshot.json'), 'utf8')).signed.list.sha256
    expect(names.filter((path) => path !== `/artifacts/${list}`)).toHaveLength(new Set(names).size - 1)
  } finally {
    await device.stop()
    await server.close()
  }
})

it('what is revoked is gone at the next contact, and what is new is there', async () => {
  const server = await listening()
  const device = await deviceOf(server.url)
  const names = async () => (await device.status(null)).tasks.map(({ name }) => name)
  try {
    await device.start()
    await device.contact()
    expect(await names()).toEqual(['filter', 'rank', 'train'])
    const by = { who: 'Ada', why: 'to see it go' }
    const filter = tasks.releases.board().releases.find(({ task }) => task === 'filter')!
    await tasks.releases.change({ type: 'revoke', release: filter.id }, by)
    const before = (await device.status(null)).task
    await toy.cloud.train({ epochs: 1, seed: 2 })
    toy.time.now += HOUR
    await device.contact()
    expect(await names()).toEqual(['filter', 'rank', 'train'])
    await publishNow()
    toy.time.now += HOUR
    await device.contact()
    expect(await names()).toEqual(['rank', 'train'])
    expect((await device.status(null)).task?.version).toBe(before!.version + 1)
  } finally {
    await device.stop()
    await server.close()
  }
})

it('a host that has lost something, or changes it, changes nothing', async () => {
  await publishNow()
  const server = await listening()
  const device = await deviceOf(server.url)
  const names = async () => (await device.status(null)).tasks.map(({ name }) => name)
  try {
    await device.start()
    await device.contact()
    const due = await names()
    const by = { who: 'Ada', why: 'to have something new' }
    await tasks.releases.change({ type: 'kill', task: 'train' }, by)
    toy.time.now += HOUR
    await publishNow()
    const list = JSON.parse(readFileSync(join(site, 'trust/snapshot.json'), 'utf8')).signed.list.sha256
    for (const path of ['/trust/snapshot.json', '/trust/roots.json', `/artifacts/${list}`])
      for (const change of [
        () => null,
        (bytes: Buffer) => bytes.subarray(0, -9),
        (bytes: Buffer) => bytes.map((byte, i) => byte ^ Number(i === bytes.length >> 1)) as Buffer,
        () => Buffer.from('{}'),
        () => Buffer.from('<h1>Accept our terms</h1>'),
        () => Buffer.alloc(5 << 20, ' '),
      ]) {
        spoil = (asked, bytes) => (asked === path ? change(bytes) : bytes)
        toy.time.now += HOUR
        const failed = await device.contact().then(
          async () => (await device.status(null)).failure !== null,
          () => true,
        )
        // Roots that one does not need may be called anything.
        if (!path.includes('roots')) expect(failed, `${path} ${change}`).toBe(true)
        if (failed) expect(await names(), `${path} ${change}`).toEqual(due)
      }
    spoil = (_, bytes) => bytes
    toy.time.now += HOUR
    await device.contact()
    expect(await names()).toEqual(due.filter((name) => name !== 'train'))
  } finally {
    spoil = (_, bytes) => bytes
    await device.stop()
    await server.close()
  }
})

it.each([
  ['12h', 43_200_000],
  ['7d', 604_800_000],
])('a life of %s is %i ms', (text, ms) => expect(lifeIn(text)).toBe(ms))

it.each(['', '7', 'd', '0d', '-1d', '1.5h', '400d', '7w'])('a life of “%s” is none', (text) =>
  expect(() => lifeIn(text)).toThrow('hours or days'),
)
