/** One device's delivery on a disk of its own, before a server in memory, and tasks for it. */
import { IDBFactory } from 'fake-indexeddb'
import type { Delivered } from '../../shared/tasks/contact.ts'
import { text } from '../../shared/tasks/fixtures.ts'
import { sealTask } from '../../shared/tasks/manifest.ts'
import { createDelivery, type Delivery } from '../device/delivery/delivery.ts'
import type { Db } from '../device/storage/tables.ts'
import { createTabs, type Tabs } from '../device/tabs/tabs.ts'
import { createTunnel, type Tunnel } from '../device/tunnel/tunnel.ts'
import { createHeadlessStorage } from '../headless.ts'
import { createLocks } from '../locks.ts'
import type { Facts } from '../platform.ts'
import { anyTask } from './scripts.ts'
import { dbOn, handClock } from './storage.ts'
import { type FakeServer, NOON } from './world.ts'

/** A task of which nothing is to be run; with `model` it has an initial one, `own`. */
export async function task(name: string, version = 1, model?: Uint8Array<ArrayBuffer>): Promise<Delivered> {
  const script = text(`export const run = () => '${name} ${version}'\n`)
  const models = { reads: [], writes: ['own'], ...(model && { initial: 'own' }) }
  return {
    manifest: await sealTask(anyTask({ name, models }), version, { script, model }),
    files: { script, model },
  }
}

export interface DeliveryBench {
  readonly db: Db
  readonly tunnel: Tunnel
  readonly delivery: Delivery
  /** What another tab says and hears. */
  readonly elsewhere: Tabs
  readonly clock: ReturnType<typeof handClock>
  /** Bodies of what was sent, by path. */
  readonly sent: { readonly path: string; readonly body: string }[]
  /** By name and version, in that order. */
  has(): Promise<string[]>
  close(): void
}

export function createDeliveryBench(
  server: FakeServer,
  {
    root,
    facts = { platform: 'node' },
    disk = new IDBFactory(),
  }: { root?: string; facts?: Facts; disk?: IDBFactory } = {},
): DeliveryBench {
  const db = dbOn(disk)
  const clock = handClock(NOON)
  const { joinTabs } = createHeadlessStorage()
  const [here, elsewhere] = [createTabs(joinTabs()), createTabs(joinTabs())]
  const sent: { path: string; body: string }[] = []
  const tunnel = createTunnel({
    db,
    clock,
    locks: createLocks(),
    after: () => () => {},
    seed: () => 0,
    fetch(path, request) {
      sent.push({ path, body: String(request.body ?? '') })
      return server.fetch(path, request as RequestInit)
    },
  })
  const platform = { clock, facts: () => facts, ...(root !== undefined && { root }) }
  return {
    db,
    tunnel,
    delivery: createDelivery({ db, tunnel, tabs: here, platform }),
    elsewhere,
    clock,
    sent,
    has: async () => (await db.delivered.toArray()).map(({ name, version }) => `${name} v${version}`),
    close() {
      here.close()
      elsewhere.close()
      db.close()
    },
  }
}
