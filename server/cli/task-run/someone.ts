/** Someone of an imported population, with what a device of theirs would hold: own samples, matched ones, the models. */
import { IDBFactory, IDBKeyRange } from 'fake-indexeddb'
import { catalogueSchema } from '../../../shared/catalogue.ts'
import { decodeBatch } from '../../../shared/codec.ts'
import type { KindredEvent } from '../../../shared/event.ts'
import { AppError } from '../../../shared/failure.ts'
import { createContext } from '../../../shared/generate.ts'
import { din } from '../../../shared/model/spec.ts'
import type { Manifest } from '../../../shared/task.ts'
import { type Active, factorsOf } from '../../../worker/device/delivery/active.ts'
import { createModels, type Models } from '../../../worker/device/models/models.ts'
import type { Rows } from '../../../worker/device/models/rows.ts'
import { createSamples, type Samples } from '../../../worker/device/samples/samples.ts'
import { openDb } from '../../../worker/device/storage/db.ts'
import type { Db } from '../../../worker/device/storage/tables.ts'
import { createLocks } from '../../../worker/locks.ts'
import type { Cloud } from '../../cloud/cloud.ts'

export interface Someone {
  readonly user: number
  readonly db: Db
  readonly data: Active
  readonly models: Models
  readonly samples: Samples
  readonly rows: Pick<Rows, 'find'>
  readonly clock: { now(): number }
  /** What they did, in the order of the ids. */
  readonly events: readonly KindredEvent[]
}

/** Users that are looked at, if none is named, for one who has clicked enough. */
const LOOKED_AT = 200
/** They come back so long after what they did last, ms. */
const LATER_MS = 60 * 60_000

/** Throws `not-ready` where the data are not prepared, `bad-input` where there is no such user. */
export async function someoneOf(cloud: Cloud, wanted: number | undefined): Promise<Someone> {
  const manifest = await cloud.manifest()
  if (!manifest) throw new AppError('not-ready', 'There is no model of these data yet.')
  const { user, events } = await chosen(cloud, manifest, wanted)
  const now = events.at(-1)!.at + LATER_MS
  const clock = { now: () => now }
  const db = openDb({ name: 'someone', indexedDB: new IDBFactory(), IDBKeyRange })
  const data = await activeOf(cloud, manifest)
  const models = createModels({ db, locks: createLocks(), clock })
  const samples = createSamples(db, clock)
  const { name, version, model } = manifest
  await models.receive({ name, version, sha256: model.sha256, bytes: await bytesOf(cloud, model.sha256) })
  await db.history.bulkAdd([...events])
  await samples.update(data.context, manifest.hyper)
  const { day, count } = await cloud.batches(user)
  for (let n = 0; n < Math.min(count, manifest.hyper.batchesPerDay); n++) {
    const batch = await cloud.batch(user, day, n)
    if (batch) await samples.add(decodeBatch(manifest.schema, batch))
  }
  return { user, db, data, models, samples, rows: rowsOf(cloud, manifest), clock, events }
}

async function chosen(cloud: Cloud, { hyper }: Manifest, wanted: number | undefined) {
  if (wanted !== undefined) {
    const events = await cloud.eventsOf(wanted)
    if (events.length === 0) throw new AppError('bad-input', `Nobody is user ${wanted} of these data.`)
    return { user: wanted, events }
  }
  const clicks = (events: readonly KindredEvent[]) => events.filter(({ type }) => type === 'click').length
  let best: { user: number; events: KindredEvent[] } | undefined
  const { users } = await cloud.status()
  for (let user = 0; user < Math.min(users, LOOKED_AT); user++) {
    const events = await cloud.eventsOf(user)
    if (!best || clicks(events) > clicks(best.events)) best = { user, events }
    if (clicks(events) >= 2 * hyper.minClicks) break
  }
  if (!best || best.events.length === 0) throw new AppError('not-ready', 'Nobody has done anything yet.')
  return best
}

async function bytesOf(cloud: Cloud, sha256: string): Promise<Uint8Array<ArrayBuffer>> {
  const found = await cloud.artifact(sha256)
  if (!found) throw new AppError('not-ready', 'A file that the data name is not there.')
  return Uint8Array.from(found.bytes)
}

async function activeOf(cloud: Cloud, manifest: Manifest): Promise<Active> {
  const text = new TextDecoder().decode(await bytesOf(cloud, manifest.catalogue.sha256))
  const catalogue = catalogueSchema.parse(JSON.parse(text))
  const context = createContext(manifest.schema, catalogue, manifest.hyper)
  const spec = din(manifest.schema, manifest.ranking)
  const factors = manifest.factors && factorsOf(context, await bytesOf(cloud, manifest.factors.sha256))
  return { manifest, etag: null, catalogue, context, spec, factors }
}

/** Rows of tables that are not delivered whole, as the server would give them. */
const rowsOf = (cloud: Cloud, { sliced = {} }: Manifest): Pick<Rows, 'find'> => ({
  async find(_, wanted) {
    const found = new Map<string, Map<number, Float32Array>>()
    for (const [table, ids] of Object.entries(wanted)) {
      const sha256 = sliced[table]
      const ascending = [...ids].sort((a, b) => a - b)
      const bytes = sha256 && ids.length > 0 ? await cloud.rows({ table, sha256, ids: ascending }) : undefined
      if (!bytes) continue
      const values = new Float32Array(Uint8Array.from(bytes).buffer)
      const dim = values.length / ids.length
      found.set(table, new Map(ascending.map((id, i) => [id, values.slice(i * dim, (i + 1) * dim)])))
    }
    return (table, id) => found.get(table)?.get(id)
  },
})
