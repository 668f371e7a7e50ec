/** Every request of a whole visit, failing in every way: afterwards all is as if nothing had happened. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { createHeadlessStorage, headlessPlatform } from '../../headless.ts'
import { builtTasks } from '../../testing/built.ts'
import { BRIEF } from '../../testing/stage.ts'
import { handClock } from '../../testing/storage.ts'
import {
  batchesFor,
  createWorld,
  FakeServer,
  html,
  key,
  NOON,
  problem,
  type World,
} from '../../testing/world.ts'
import { createDevice, type Device } from '../device.ts'

let world: World
let server: FakeServer
let clock: ReturnType<typeof handClock>
let device: Device
beforeEach(async () => {
  world = await createWorld(BRIEF)
  server = new FakeServer(world, builtTasks)
  server.batches = batchesFor(world, { count: 4, kindred: 2 })
  clock = handClock(NOON)
})
afterEach(() => device.stop())

/** The requests of an undisturbed visit: register, task, two artifacts, events, the list of batches, four batches. */
const REQUESTS = 10
/** Longer than any wait that a failure of these leads to. */
const PATIENCE_MS = 11 * 60_000

const platform = () =>
  headlessPlatform({
    server: 'http://server',
    fetch: server.fetch as typeof fetch,
    engine: 'plain',
    seed: 1,
    timers: false,
    clock,
    storage: createHeadlessStorage(),
  })

/** A reader who loves category 2 sees ten screens of six; then the device goes to the server, until it is satisfied. */
async function visit(): Promise<void> {
  device = createDevice(platform())
  await device.start()
  await device.contact().catch(() => {})
  for (let screen = 0; screen < 10; screen++) {
    clock.move(60_000)
    const items = Array.from({ length: 6 }, (_, i) => (screen * 6 + i) * 7).map((n) => n % 60)
    const seen = items.map((n) => ({ type: 'exposure' as const, item: key(n) }))
    const clicked = items.filter((n) => n % 6 === 2).map((n) => ({ type: 'click' as const, item: key(n) }))
    await device.track({ events: [...seen, ...clicked] })
  }
  for (let contact = 0; contact < 3; contact++) {
    await device.contact().catch(() => {})
    clock.move(PATIENCE_MS)
  }
  await device.contact()
}

/** What must be the same, whatever happened on the way. */
async function outcome() {
  const { events, samples, models, waitingFor, failure, rounds } = await device.status(null)
  const ranked = await device.rank({ items: [key(1), key(2), key(3)] })
  return {
    events,
    onServer: server.events.size,
    local: samples.local,
    left: samples.filtered,
    delivered: models.find(({ slot }) => slot === 'M0')?.sha256,
    own: models.find(({ slot }) => slot === 'M')?.sha256 !== world.manifest.model.sha256,
    ranks: ranked.serving.slot,
    waitingFor,
    failure,
    matched: rounds.reduce((sum, round) => sum + round.matched, 0),
  }
}

/** The k-th request, and only that one, goes wrong. */
function failAt(k: number, how: Pick<Partial<FakeServer>, 'before' | 'after'>) {
  let made = 0
  const now = () => made === k
  server.before = (method, path) => {
    made++
    return now() ? how.before?.(method, path) : undefined
  }
  server.after = (method, path, response) =>
    now() && how.after ? how.after(method, path, response) : response
}

const body = async (response: Response, change: (bytes: Uint8Array) => Uint8Array): Promise<Response> => {
  const { status, headers } = response
  const bytes = new Uint8Array(await response.arrayBuffer())
  return new Response(status === 304 ? null : Uint8Array.from(change(bytes)), { status, headers })
}
const lost = () => {
  throw new TypeError('fetch failed')
}

describe('each request of a visit in turn', () => {
  test.each<[string, Pick<Partial<FakeServer>, 'before' | 'after'>]>([
    ['never arrives', { before: lost }],
    ['arrives, and its answer is lost', { after: lost }],
    ['is answered by a captive portal', { before: () => html() }],
    [
      'is answered by a portal that says it is JSON',
      { before: () => new Response('<html>', { headers: { 'content-type': 'application/json' } }) },
    ],
    ['is answered 500', { before: () => problem(500, 'Ill') }],
    ['is answered 429', { before: () => problem(429, 'Too many', { 'retry-after': '60' }) }],
    ['is answered 401', { before: () => problem(401, 'Unknown device') }],
    [
      'gets an answer that is cut off',
      { after: (_, __, response) => body(response, (bytes) => bytes.slice(0, -1)) },
    ],
    [
      'gets an answer with a flipped bit',
      {
        after: (_, __, response) =>
          body(response, (bytes) => bytes.map((byte, i) => (i === bytes.length >> 1 ? byte ^ 4 : byte))),
      },
    ],
    [
      'gets an answer with more at its end',
      { after: (_, __, response) => body(response, (bytes) => Uint8Array.of(...bytes, 0x7d)) },
    ],
    ['gets an empty answer', { after: (_, __, response) => body(response, () => new Uint8Array()) }],
    // Eleven whole visits, and a round in each: a busy machine takes its time.
  ])('%s', { timeout: 120_000 }, async (_, how) => {
    await visit()
    const due = await outcome()
    expect(due).toMatchObject({ own: true, ranks: 'M', failure: null, matched: 100, left: 0 })
    expect(server.requests.length).toBeGreaterThanOrEqual(REQUESTS)
    for (let k = 1; k <= REQUESTS; k++) {
      await device.stop()
      server = Object.assign(new FakeServer(world, builtTasks), { batches: server.batches })
      clock = handClock(NOON)
      failAt(k, how)
      await visit()
      expect(await outcome(), `request ${k}`).toEqual(due)
    }
  })
})
