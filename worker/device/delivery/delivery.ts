/**
 * Which tasks this device has: approved ones, as a server or a static host says that they are active for it, each whole. What is stored
 * changes in one transaction or not at all, so that whoever lies, or is cut off, leaves a device with what it had.
 */
import { AppError } from '../../../shared/failure.ts'
import { sha256 as hash } from '../../../shared/hash.ts'
import type { Active, ActiveList } from '../../../shared/release/releases.ts'
import { activeOf, contact, fetchTask, type Reach } from '../../../shared/tasks/contact.ts'
import { checkFiles } from '../../../shared/tasks/manifest.ts'
import { ed25519 } from '../../../shared/trust/ed25519.ts'
import { approved, pinned, type Trusted } from '../../../shared/trust/verify.ts'
import type { Platform } from '../../platform.ts'
import { together } from '../../turns.ts'
import { getState, putState, type StateValue } from '../storage/state.ts'
import type { Db, DeliveredRow } from '../storage/tables.ts'
import type { Tabs } from '../tabs/tabs.ts'
import type { Tunnel } from '../tunnel/tunnel.ts'
import { type Asked, askServer, type Held } from './reach.ts'

/** A clock that was wrong by less than this when the server was first asked is taken as it is. */
const CLOCK_MS = 12 * 3_600_000

type Stored = StateValue<'trusted'>
export type Listener = (rows: readonly DeliveredRow[]) => void

export interface Delivery {
  /**
   * Asks what is active, and stores it with all that it needs; gives what is trusted then. Throws `bad-artifact` for what is not to be
   * trusted, and what the line throws; then nothing has changed.
   */
  contact(signal?: AbortSignal): Promise<Trusted>
  /** By name. */
  tasks(): Promise<readonly DeliveredRow[]>
  /** In which arms of which experiments this device is. */
  arms(): Promise<ActiveList['arms']>
  /** Hears what there is whenever that has changed, in whichever tab; returns the way to stop. */
  onChange(listener: Listener): () => void
}

export interface DeliveryDeps {
  readonly db: Db
  readonly tunnel: Pick<Tunnel, 'name' | 'active' | 'artifact'>
  readonly tabs: Tabs
  readonly platform: Pick<Platform, 'clock' | 'facts' | 'root'>
}

export function createDelivery({ db, tunnel, tabs, platform }: DeliveryDeps): Delivery {
  const { clock } = platform
  const listeners = new Set<Listener>()

  const tasks = () => db.delivered.orderBy('name').toArray()

  async function tell(): Promise<void> {
    const rows = await tasks()
    for (const listener of listeners) listener(rows)
  }

  tabs.on('changed', ({ what }) => void (what === 'delivered' && tell().catch(() => {})))
  tabs.on('replaced', () => void tell().catch(() => {}))

  /** What this device trusts, nothing where it is to begin with another root; and the tasks that are whole. */
  async function stored(): Promise<{ before: Stored | undefined; rows: DeliveredRow[] }> {
    const [before, rows] = await db.transaction('r', db.state, db.delivered, () =>
      Promise.all([getState(db, 'trusted'), tasks()]),
    )
    const another = platform.root !== undefined && before?.first !== platform.root
    const whole = await Promise.all(rows.map(isWhole))
    return { before: another ? undefined : before, rows: rows.filter((_, i) => whole[i]) }
  }

  /** What is trusted before anything was heard. */
  async function begin(reach: Asked): Promise<Stored> {
    const bytes = reach.first()
    const { root } = await pinned(bytes, platform.root, await ed25519())
    return { first: await hash(bytes), root, etag: null, ahead: aheadOf(reach.at, clock.now()) }
  }

  /** All that is active and was approved, whole; what is here already is not fetched. */
  async function gather(trusted: Trusted, list: ActiveList, rows: readonly DeliveredRow[], reach: Reach) {
    const rowOf = async (active: Active): Promise<DeliveredRow> => {
      const { task: name, version, manifest: manifestSha256 } = active
      const here = rows.find((row) => isOf(row, active))
      // It may have been withdrawn since.
      if (here && approved(trusted, active)) return here
      const { manifest, files } = await fetchTask(trusted, active, reach)
      const { script, model } = files
      return { name, version, manifestSha256, manifest, script, ...(model && { model }), at: clock.now() }
    }
    return together(...list.tasks.map(rowOf))
  }

  return {
    tasks,

    async arms() {
      const [trusted, [id]] = await Promise.all([getState(db, 'trusted'), namesIn(db)])
      if (!trusted || id === undefined) return []
      const device = { ...platform.facts(), id }
      return activeOf(trusted as Trusted, device, clock.now() + trusted.ahead).arms
    },

    async contact(signal) {
      const device = await tunnel.name(signal)
      const { before, rows } = await stored()
      const facts = platform.facts()
      const reach = await askServer(tunnel, facts, heldBy(before, rows), signal)
      const { first, ahead, etag: _, ...known } = before ?? (await begin(reach))
      const means = { device: { ...facts, id: device }, now: clock.now() + ahead, ed25519: await ed25519() }
      const { trusted, active } = await contact(known as Trusted, reach, means)
      const due = await gather(trusted, active, rows, reach)
      signal?.throwIfAborted()
      const changed = await db.transaction('rw', db.tables, async () => {
        // The device may have been forgotten, or have become another one, meanwhile.
        if (!(await namesIn(db)).includes(device))
          throw new AppError('cancelled', 'This device is another one now.')
        await putState(db, 'trusted', { ...(trusted as Stored), first, ahead, etag: reach.etag })
        return replace(db, due, rows)
      })
      if (changed) {
        tabs.tell({ type: 'changed', what: 'delivered' })
        await tell()
      }
      return trusted
    },

    onChange(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
  }
}

const isOf = (row: DeliveredRow, { task, version, manifest }: Active): boolean =>
  row.name === task && row.version === version && row.manifestSha256 === manifest

/** What this device is called, and was before a server knew it. */
async function namesIn(db: Db): Promise<string[]> {
  const [identity, own] = await Promise.all([getState(db, 'identity'), getState(db, 'provisional')])
  return [identity?.device, own].flatMap((name) => name ?? [])
}

function heldBy(before: Stored | undefined, rows: readonly DeliveredRow[]): Held {
  const files = new Map(
    rows.flatMap(({ manifest, script, model }) => [
      [manifest.script.sha256, script] as const,
      ...(model ? [[manifest.model!.sha256, model] as const] : []),
    ]),
  )
  const known = rows.map(({ manifestSha256 }) => manifestSha256)
  if (before?.targets) known.push(before.targets.sha256)
  return { root: before?.root.version ?? 0, etag: before?.etag ?? null, files, known }
}

/** The storage may give back something else than it was given. */
const isWhole = ({ manifest, script, model }: DeliveredRow): Promise<boolean> =>
  checkFiles(manifest, { script, ...(model && { model }) }).then(
    () => true,
    () => false,
  )

/** Makes `due` what is delivered, within a transaction; says whether that is something else than `rows`, which were there and whole. */
async function replace(
  db: Db,
  due: readonly DeliveredRow[],
  rows: readonly DeliveredRow[],
): Promise<boolean> {
  const before = await db.delivered.toArray()
  if (before.length === due.length && due.every((row) => rows.includes(row))) return false
  for (const { name, manifestSha256 } of before) {
    const next = due.find((row) => row.name === name)
    if (next?.manifestSha256 === manifestSha256) continue
    // Its models are its own, and go with it; another version goes on with them, but not with what this one had begun.
    const goes = (one: { readonly name: string; readonly slot: string }) =>
      one.name.startsWith(`${name}/`) && (!next || one.slot === 'Mbuf')
    await db.models.filter(goes).delete()
    await db.blobs.filter(goes).delete()
  }
  await db.delivered.clear()
  await db.delivered.bulkAdd([...due])
  return true
}

/** By how much to correct this device's clock; the first time it is asked it knows nothing better. */
function aheadOf(server: number | undefined, here: number): number {
  const ahead = server === undefined ? 0 : server - here
  return Math.abs(ahead) < CLOCK_MS ? 0 : ahead
}
