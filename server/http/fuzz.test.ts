import { once } from 'node:events'
import { readdirSync } from 'node:fs'
import { connect } from 'node:net'
import { join, sep } from 'node:path'
import { buffer } from 'node:stream/consumers'
import fc from 'fast-check'
import type { Logger } from 'pino'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import {
  acceptedSchema,
  activeSchema,
  batchListSchema,
  problemSchema,
  type Registration,
} from '../../shared/api.ts'
import { MAX_EVENTS } from '../../shared/event.ts'
import { browsing, DAY, HOUR, NOON, type ToyCloud, toyCloud, toySource } from '../cloud/toy.ts'
import type { Tasks } from '../tasks/tasks.ts'
import { createApp } from './app.ts'
import { MAX_BODY } from './body.ts'
import { listen } from './listen.ts'
import { oddBytes } from './odd/bytes.ts'
import { type Known, type Odd, oddRequest } from './odd/requests.ts'
import { routesOf } from './odd/routes.ts'
import { withTasks } from './odd/tasks.ts'

/** Each is some requests after each other: what one leaves behind, the next may stumble over. */
const VISITS = 120
const CONNECTIONS = 300
/** Each stands for a device that is replaced when it was erased: `credential-0`, `device-0`, … */
const DEVICES = [0, 1, 2]
const SLOW = { timeout: 240_000 }
const ADMIN = 'the-credential-of-an-operator-for-a-test'

describe('every route, whatever it is asked', () => {
  let toy: ToyCloud
  let tasks: Tasks
  let app: ReturnType<typeof createApp>
  let known: Known
  let expectWell: () => Promise<void>
  const time = { now: NOON }
  /** What the server had to say of failures of its own. */
  const failures: string[] = []
  const log = {
    info() {},
    error: ({ err }: { err: Error }) => failures.push(String(err.stack)),
  } as unknown as Logger

  beforeAll(async () => {
    toy = await toyCloud({ sliceAbove: 50 })
    await toy.cloud.importSource(toySource())
    await toy.cloud.prepare()
    await toy.cloud.train({ epochs: 1 })
    // Long jobs would go on behind the requests that follow.
    const cloud = { ...toy.cloud, prepare: async () => ({}) as never, train: async () => ({}) as never }
    tasks = await toy.cloud.tasks()
    app = createApp({ cloud, log, adminCredential: ADMIN, tasks, clock: { now: () => time.now } })
    const gone = await toy.cloud.register()
    await toy.cloud.erase((await toy.cloud.authenticate(gone.credential))!)
    const { model, sliced } = (await toy.cloud.manifest())!
    const { day } = await toy.cloud.status()
    known = {
      credentials: [...DEVICES.map((n) => `credential-${n}`), gone.credential],
      operator: ADMIN,
      values: {
        day: [day],
        n: [0, 1],
        table: ['item'],
        ids: [[0, 1, 2], [61]],
        sha256: [sliced!.item!, model.sha256],
        device: DEVICES.map((n) => `device-${n}`),
        ...(await withTasks(tasks)),
      },
    }
    await revive()
    expectWell = await wellBehaved()
  })
  afterAll(() => toy.done())

  const alive: Registration[] = []
  const named = (text: string) =>
    text.replace(/(credential|device)-(\d)/, (_, what: keyof Registration, n) => alive[Number(n)]![what])

  /** Sees to it that there are devices who have batches. */
  async function revive(): Promise<void> {
    for (const n of DEVICES) {
      if (alive[n] && (await toy.cloud.authenticate(alive[n].credential)) !== undefined) continue
      alive[n] = await toy.cloud.register()
      const user = (await toy.cloud.authenticate(alive[n].credential))!
      await toy.cloud.ingest(user, browsing(`d${n}`, n, { from: NOON - 5 * HOUR, count: 20 }))
      await toy.cloud.batches(user)
    }
  }

  /** A device that does what it should; each time the same, so that nothing grows by it. */
  async function wellBehaved(): Promise<() => Promise<void>> {
    const { credential } = await toy.cloud.register()
    const headers = { authorization: `Bearer ${credential}` }
    const events = browsing('well', 1, { from: NOON - 3 * HOUR, count: 20 })
    const visit = async () => {
      time.now += 1000
      const body = JSON.stringify({ events })
      const sent = await app.request('/api/events', { method: 'POST', headers, body })
      const { accepted, known } = acceptedSchema.parse(await sent.json())
      expect(accepted + known).toBe(events.length)
      const list = await app.request('/api/batches', { headers })
      const { day, count } = batchListSchema.parse(await list.json())
      expect(count).toBeGreaterThan(0)
      const asked = await app.request('/api/active', { method: 'POST', headers, body: '{"root":1}' })
      activeSchema.parse(await asked.json())
      return (await app.request(`/api/batches/${day}/0`, { headers })).arrayBuffer()
    }
    const first = await visit()
    return async () => expect(Buffer.from(await visit()).equals(Buffer.from(first))).toBe(true)
  }

  /** What may not be another after a refusal. */
  const held = async () => ({
    ...(await toy.cloud.status()),
    devices: await toy.cloud.knownDevices(),
    entries: tasks.releases.board().entries,
    versions: (await tasks.repository.log()).length,
    targets: tasks.delivery.targets()?.document.version,
    files: filesIn(join(toy.dir, 'tasks')).length,
  })
  /** Tasks, which requests may add to, are looked at with each. */
  const otherFiles = () => filesIn(toy.dir).filter((path) => !path.startsWith(`tasks${sep}`))

  function expectNoFailure(): void {
    expect(failures).toEqual([])
  }

  /** In the one form of all refusals, and without a word of the inside or of what was sent. */
  function expectRefusal(status: number, type: string | null, text: string): void {
    expect(type).toMatch(/^application\/problem\+json/)
    expect(problemSchema.parse(JSON.parse(text)).status).toBe(status)
    expect(text).not.toMatch(/node_modules|\.ts\b|at .*\(|\/tmp|lmdb|SECRET/)
  }

  it('answers below 500, refuses in one form, and keeps nothing of what it refuses', SLOW, async () => {
    const routes = await routesOf(app, known.values)
    const met = new Map(routes.map(({ method, path }) => [`${method} ${path}`, new Set<number>()]))
    const [before, files] = [resources(), otherFiles()]
    const expectAnswer = async ({ method, path, headers: told, body }: Odd) => {
      const earlier = await held()
      const headers = { ...told, authorization: named(told.authorization!) }
      const init = { method, headers, ...(body && !/^(get|head)$/i.test(method) && { body }) }
      const response = await app.request(named(path), init)
      const text = await response.text()
      expectNoFailure()
      expect(response.status).toBeLessThan(500)
      if (response.status >= 400 && method !== 'HEAD')
        expectRefusal(response.status, response.headers.get('content-type'), text)
      const now = await held()
      if (response.status >= 300 || /^(get|head|options)$/i.test(method)) expect(now).toEqual(earlier)
      expect(now.events - earlier.events).toBeLessThanOrEqual(MAX_EVENTS)
      expect(now.users - earlier.users).toBeLessThanOrEqual(1)
      return response.status
    }
    await fc.assert(
      fc.asyncProperty(
        fc.array(oddRequest(routes, known), { minLength: 10, maxLength: 20 }),
        async (visit) => {
          await revive()
          for (const odd of visit) {
            time.now += 1000
            met.get(`${odd.route.method} ${odd.route.path}`)!.add(await expectAnswer(odd))
          }
          await expectWell()
        },
      ),
      { seed: 1, numRuns: VISITS },
    )
    await expectNoneLeft(before)
    expect(otherFiles()).toEqual(files)
    expect(filesIn(join(toy.dir, 'tasks', 'parts'))).toEqual([])
    // Each did what it is there for at least once, and refused what it could refuse.
    for (const [route, statuses] of met)
      expect([route, ...statuses]).toEqual(expect.arrayContaining([route, expect.toSatisfy(isSuccess)]))
  })

  it('reads no more of a body than it may', async () => {
    const [{ credential } = { credential: '' }] = alive
    for (const { method, path } of await routesOf(app, known.values)) {
      if (method === 'GET') continue
      let pulls = 0
      const body = new ReadableStream<Uint8Array>({
        pull(controller) {
          pulls++
          controller.enqueue(new Uint8Array(16 << 10))
        },
      })
      const headers = { authorization: `Bearer ${credential}` }
      const response = await app.request(path, { method, headers, body, duplex: 'half' } as RequestInit)
      expect(response.status).toBeLessThan(500)
      expect(pulls).toBeLessThanOrEqual(MAX_BODY / (16 << 10) + 2)
    }
  })

  it('lives with anything that comes over a socket', SLOW, async () => {
    const routes = await routesOf(app, known.values)
    const before = resources()
    const server = await listen(app, { port: 0, host: '127.0.0.1' })
    const port = Number(new URL(server.url).port)
    const [{ credential } = { credential: '' }] = alive
    await fc.assert(
      fc.asyncProperty(oddBytes(routes, credential), fc.boolean(), async (bytes, cut) => {
        const answer = await exchange(port, bytes, cut)
        expectNoFailure()
        if (answer === '') return
        const [head = '', text = ''] = answer.split('\r\n\r\n', 2)
        const status = Number(/^HTTP\/1\.1 (\d{3}) /.exec(head)?.[1])
        expect(status).toBeLessThan(500)
        if (status >= 400) expectRefusal(status, /^content-type: (.*)$/im.exec(head)?.[1] ?? null, text)
      }),
      { seed: 1, numRuns: CONNECTIONS },
    )
    expect(await exchange(port, Buffer.from('GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n'), false)).toContain(
      ' 200 OK',
    )
    await server.close()
    await expectNoneLeft(before)
    await expectWell()
  })

  it('serves while many requests stand still in their middle', async () => {
    const server = await listen(app, { port: 0, host: '127.0.0.1' })
    const port = Number(new URL(server.url).port)
    const head = `POST /api/events HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${alive[0]!.credential}\r\n`
    const slow = ['POST /ap', head, `${head}Content-Length: 5000\r\n\r\n{"events":[`]
    const sockets = Array.from({ length: 60 }, (_, i) => {
      const socket = connect(port, '127.0.0.1')
      socket.write(slow[i % slow.length]!)
      return socket
    })
    await Promise.all(sockets.map((socket) => once(socket, 'connect')))
    expect((await fetch(`${server.url}/healthz`)).status).toBe(200)
    await expectWell()
    for (const socket of sockets) socket.destroy()
    await server.close()
    expectNoFailure()
  })

  it('has taken nothing that the next day cannot be made of', async () => {
    toy.time.now += DAY
    const { samples } = await toy.cloud.prepare()
    expect(samples).toBeGreaterThan(0)
    expectNoFailure()
  })
})

const isSuccess = (value: unknown): boolean => typeof value === 'number' && value < 300

/** Sends the bytes and nothing more, and gives what comes back; with `cut` the connection ends without a farewell. */
async function exchange(port: number, bytes: Uint8Array, cut: boolean): Promise<string> {
  const socket = connect(port, '127.0.0.1')
  socket.on('error', () => {}) // whoever is cut off cuts off
  await once(socket, 'connect')
  if (cut) {
    await new Promise((sent) => socket.write(bytes, sent))
    socket.destroy()
    return ''
  }
  socket.end(bytes)
  return (await buffer(socket).catch(() => Buffer.alloc(0))).toString('latin1')
}

/** Handles that are open, by kind; timers come and go. */
function resources(): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const kind of process.getActiveResourcesInfo())
    if (!/Timeout|Immediate|Req/.test(kind)) counts[kind] = (counts[kind] ?? 0) + 1
  return counts
}

/** Handles go a while after what had them; what went besides, as the thread that had trained, was on its way before. */
function expectNoneLeft(before: Record<string, number>): Promise<void> {
  const left = () => Object.entries(resources()).filter(([kind, count]) => count > (before[kind] ?? 0))
  return vi.waitFor(() => expect(left()).toEqual([]), { timeout: 10_000 })
}

const filesIn = (folder: string): string[] =>
  readdirSync(folder, { recursive: true, encoding: 'utf8' }).sort()
