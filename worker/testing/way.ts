/** A tunnel for each test, between a database and a server in memory; all ends with the test. */
import { afterEach, beforeEach } from 'vitest'
import { record } from '../device/samples/history.ts'
import type { Db } from '../device/storage/tables.ts'
import { createTunnel, type Tunnel } from '../device/tunnel/tunnel.ts'
import { createLocks } from '../locks.ts'
import { freshDb, handClock } from './storage.ts'
import { createWorld, FakeServer, NOON, type World } from './world.ts'

/** Call it at the top of a test file. What it gives is new for each test; its functions may be taken out of it. */
export function way() {
  const here = {
    db: undefined as unknown as Db,
    clock: handClock(NOON),
    world: undefined as unknown as World,
    server: undefined as unknown as FakeServer,
    tunnel: undefined as unknown as Tunnel,
    /** What the tunnel has set to happen later. */
    timers: new Set<{ ms: number; work: () => void }>(),
    seed: 0,

    /** From now on it is the tunnel of a device that has started again over what is stored. */
    reload(): void {
      here.tunnel = createTunnel({
        db: here.db,
        fetch: (path, init) => here.server.fetch(path, init),
        locks: createLocks(),
        clock: here.clock,
        after(ms, work) {
          const timer = { ms, work }
          here.timers.add(timer)
          return () => here.timers.delete(timer)
        },
        seed: () => here.seed,
      })
    },

    /** The user sees so many items, one after the other. */
    see: (count: number) =>
      record(
        here.db,
        here.clock,
        Array.from({ length: count }, (_, i) => ({ type: 'exposure', item: `item-${i % 60}` })),
      ),
    /** Events in the outbox. */
    waiting: () => here.db.outbox.count(),

    /** The next `times` answers to `request` are these; the others are the server's own. */
    answer(request: string, make: () => Response, times = 1): void {
      let left = times
      here.server.before = (method, path) =>
        `${method} ${path}`.startsWith(request) && left-- > 0 ? make() : undefined
    },
  }

  beforeEach(async () => {
    here.db = freshDb()
    here.clock = handClock(NOON)
    here.world = await createWorld()
    here.server = new FakeServer(here.world)
    here.timers.clear()
    here.seed = 0
    here.reload()
  })
  afterEach(() => here.db.close())
  return here
}

/** No answer at all. */
export const die = (): Response => {
  throw new TypeError('fetch failed')
}
