/** Watches the models that one browser stores: whence each came, and what a page may be answered with. */
import { createHash } from 'node:crypto'
import { readTensors } from '../../shared/safetensors.ts'
import type { Manifest } from '../../shared/task.ts'
import type { BlobRow, ModelRow, Slot } from '../../worker/device/storage/tables.ts'
import type { World } from '../../worker/testing/world.ts'
import type { Fail } from './invariants.ts'
import type { SimStorage } from './storage.ts'

export interface ModelsWatch {
  /** Something was committed that may have changed a model. */
  committed(): void
  /** What was stored may be missing from now on. */
  missing(): void
  /** These stored bytes are damaged from now on. */
  rotten(bytes: Uint8Array): void
  /** An artifact reached a tab whole. */
  arrived(sha256: string): void
  /** The trainer begins to train from what is stored. */
  asked(): void
  /** It gave this model, which may be a part of the one that becomes M. */
  trained(model: Uint8Array): void
  /** A call begins; what it gives says whether the answer was a model that was whole and in place meanwhile. */
  serving(): (answer: { version: number; sha256: string }) => void
  /** Whether a model and its task are stored whole: then the device can serve. */
  canServe(): boolean
  /** Hears that a trained model has become M; what is given to `trained` has the same heart. */
  onCommit: (heart: string) => void
}

type Stored = ModelRow & { readonly content: Uint8Array | undefined }
type Whole = ModelRow & { readonly content: Uint8Array }

export const hashOf = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')

/** What M may be made of: tensors that are the trained ones, and rows that are the trained ones or were M's before. */
interface Made {
  readonly bases: readonly string[]
  readonly rows: ReadonlySet<string>
}

/** Tables, of which a trainer is given only rows, and what a round folds in without a trainer. */
const isApart = (name: string) => /^(embedding|ids|personal)\./.test(name)
const textOf = ({ buffer, byteOffset, byteLength }: ArrayBufferView) =>
  Buffer.from(buffer, byteOffset, byteLength).toString('latin1')

/** Names a model by what only a trainer changes: all but its embedding tables and its personal vector. */
export function heartOf(bytes: Uint8Array): string {
  const hash = createHash('sha256')
  for (const [name, { data }] of Object.entries(readTensors(bytes)).sort(([a], [b]) => (a < b ? -1 : 1)))
    if (!isApart(name)) hash.update(name).update(textOf(data))
  return hash.digest('hex')
}

/** The rows of a model's embedding tables, each as a string. */
function rowsIn(bytes: Uint8Array): string[] {
  return Object.entries(readTensors(bytes)).flatMap(([name, { data, shape }]) => {
    if (!name.startsWith('embedding.')) return []
    const dim = shape[1]!
    return Array.from(
      { length: data.length / dim },
      (_, i) => `${name}/${textOf(data.subarray(i * dim, (i + 1) * dim))}`,
    )
  })
}

/** A model read a moment ago may be what a training began with, ms. */
const MOMENT = 30_000

export function watchModels(
  storage: SimStorage,
  releases: readonly World[],
  now: () => number,
  fail: Fail,
): ModelsWatch {
  const hashes = new WeakMap<Uint8Array, string>()
  const rotten = new WeakSet<Uint8Array>()
  const arrived = new Set<string>()
  const made = new Map<string, Made>()
  /** What M was until a moment ago, and what a training may have begun with. */
  let past: { m: Whole; until: number }[] = []
  let bases: readonly Whole[] = []
  const answering = new Set<Set<string>>()
  let before = new Map<Slot, Stored>()
  let mayMiss = false

  const known = (bytes: Uint8Array): string => {
    const hash = hashes.get(bytes) ?? hashOf(bytes)
    hashes.set(bytes, hash)
    return hash
  }
  function stored(): Map<Slot, Stored> {
    const blobs = new Map(storage.rows<BlobRow>('blobs').map((row) => [`${row.name}/${row.slot}`, row.bytes]))
    const found = new Map<Slot, Stored>()
    for (const row of storage.rows<ModelRow>('models')) {
      const bytes = blobs.get(`${row.name}/${row.slot}`)
      if (bytes === undefined && !mayMiss) fail('half-model', `${row.slot} was stored without its bytes`)
      if (bytes && !rotten.has(bytes) && known(bytes) !== row.sha256)
        fail('half-model', `${row.slot} is stored with bytes of another hash`)
      found.set(row.slot, { ...row, content: bytes && rotten.has(bytes) ? undefined : bytes })
    }
    return found
  }
  const name = (row: ModelRow) => `${row.sha256.slice(0, 8)} (version ${row.version})`
  const serveable = () =>
    (['M', 'M0'] as const).flatMap((slot) => {
      const row = before.get(slot)
      return row ? [`${row.version}/${row.sha256}`] : []
    })

  function checkM0(now: Stored | undefined, was: Stored | undefined): void {
    if (now && (now.sha256 !== was?.sha256 || now.version !== was.version)) {
      const released = releases.some(
        ({ manifest }) => manifest.version === now.version && manifest.model.sha256 === now.sha256,
      )
      if (!released) fail('m0', `M0 became ${name(now)}, which was never released`)
      else if (!arrived.has(now.sha256)) fail('m0', `M0 became ${name(now)}, which never arrived`)
    }
    if (!now && was && !mayMiss) fail('m0', `M0 ${name(was)} is gone`)
  }

  /** A round may leave the DIN as it was, and fold its user in alone. */
  function isRefolded({ content }: Whole, others: readonly (Stored | undefined)[]): boolean {
    const text = (bytes: Uint8Array) => [heartOf(bytes), ...rowsIn(bytes)].join()
    return others.some((other) => other?.content && text(other.content) === text(content))
  }

  function checkM(present: Stored | undefined, was: Stored | undefined, backup: Stored | undefined): void {
    if (!present || present.sha256 === was?.sha256) return
    if (present.sha256 === backup?.sha256) return
    if (!present.content || isRefolded(present as Whole, [was, backup])) return
    const heart = heartOf(present.content)
    const of = made.get(heart)
    if (!of) fail('half-model', `M became ${name(present)}, which nobody trained or delivered`)
    else if (was && !of.bases.includes(was.sha256))
      fail('half-model', `M became ${name(present)}, trained from another M`)
    else if (!rowsIn(present.content).every((row) => of.rows.has(row)))
      fail('half-model', `M became ${name(present)}, with rows of another model`)
    else watch.onCommit(heart)
  }

  const watch: ModelsWatch = {
    onCommit: () => {},
    committed() {
      const present = stored()
      const was = before.get('M')
      const [m, m0] = [present.get('M'), present.get('M0')]
      checkM0(m0, before.get('M0'))
      checkM(m, was, m0)
      if (m && m0 && m.version !== m0.version) fail('half-model', 'M and M0 are of different versions')
      if (was?.content && was.sha256 !== m?.sha256) past.push({ m: was as Whole, until: now() })
      before = present
      for (const open of answering) for (const one of serveable()) open.add(one)
    },
    missing() {
      mayMiss = true
      before = stored()
    },
    rotten(bytes) {
      const was = before.get('M')
      rotten.add(bytes)
      before = stored()
      // A round may have read it while it was whole, and rightly train from what it read.
      if (was?.content && !before.get('M')?.content) past.push({ m: was as Whole, until: now() })
    },
    arrived: (sha256) => void arrived.add(sha256),
    asked() {
      past = past.filter(({ until }) => now() - until <= MOMENT)
      const m = before.get('M')
      bases = [...(m?.content ? [m as Whole] : []), ...past.map(({ m }) => m)]
    },
    trained(model) {
      const rows = new Set([...rowsIn(model), ...bases.flatMap(({ content }) => rowsIn(content))])
      made.set(heartOf(model), { bases: bases.map(({ sha256 }) => sha256), rows })
    },
    serving() {
      const allowed = new Set(serveable())
      answering.add(allowed)
      return ({ version, sha256 }) => {
        answering.delete(allowed)
        if (!allowed.has(`${version}/${sha256}`))
          fail(
            'half-model',
            `it ranked by ${sha256.slice(0, 8)} (version ${version}), which was neither M nor M0`,
          )
      }
    },
    canServe() {
      const [task] = storage.rows<{
        name: string
        manifest: Pick<Manifest, 'version' | 'catalogue' | 'factors'>
      }>('tasks')
      if (!task) return false
      for (const slot of ['catalogue', 'factors'] as const) {
        const promised = task.manifest[slot]
        if (!promised) continue
        const bytes = storage.rows<BlobRow>('blobs').find((blob) => blob.slot === slot)?.bytes
        if (!bytes || rotten.has(bytes) || known(bytes) !== promised.sha256) return false
      }
      // As of the last commit: another may be under way.
      const models = [...before.values()].filter(({ slot, content }) => slot !== 'Mbuf' && content)
      return models.some(({ version }) => version === task.manifest.version)
    },
  }
  return watch
}
