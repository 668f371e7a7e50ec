/** The task in use: its manifest, its catalogue, and what follows from both. */
import { type Catalogue, catalogueSchema } from '../../../shared/catalogue.ts'
import { AppError, parse } from '../../../shared/failure.ts'
import { type Context, createContext } from '../../../shared/generate.ts'
import { sha256 as hash } from '../../../shared/hash.ts'
import { readFactors } from '../../../shared/model/factors.ts'
import { readLocal } from '../../../shared/model/local.ts'
import { din, type ModelSpec } from '../../../shared/model/spec.ts'
import { itemColumn } from '../../../shared/schema.ts'
import { type Manifest, manifestSchema } from '../../../shared/task.ts'
import { together } from '../../turns.ts'
import type { Models } from '../models/models.ts'
import type { ItemFactors } from '../models/personal.ts'
import { dropRows } from '../models/rows.ts'
import type { Db } from '../storage/tables.ts'
import type { Tunnel } from '../tunnel/tunnel.ts'
import { fetchChanging } from './deltas.ts'

export interface Active {
  readonly manifest: Manifest
  readonly etag: string | null
  /** Of the manifest as it came, where it came from the server. */
  readonly sha256?: string | undefined
  readonly catalogue: Catalogue
  /** For generating samples. */
  readonly context: Context
  /** The ranking model. */
  readonly spec: ModelSpec
  /** What the user can be folded in by, where the task has it. */
  readonly factors?: ItemFactors | undefined
}

/** What a task is made of but its model: each file as it was delivered. */
interface Delivered {
  readonly catalogue: Uint8Array<ArrayBuffer>
  readonly factors: Uint8Array<ArrayBuffer> | undefined
}

function activate({ manifest, etag, sha256 }: Named, files: Delivered): Active {
  const catalogue = catalogueOf(manifest, files.catalogue)
  const context = createContext(manifest.schema, catalogue, manifest.hyper)
  const spec = din(manifest.schema, manifest.ranking)
  return {
    manifest,
    etag,
    sha256,
    catalogue,
    context,
    spec,
    factors: files.factors && factorsOf(context, files.factors),
  }
}

type Named = Pick<Active, 'manifest' | 'etag' | 'sha256'>

/** Throws `bad-artifact` where they are not factors of the schema's targets. */
export function factorsOf({ schema, layout }: Context, bytes: Uint8Array): ItemFactors {
  const column = itemColumn(layout)
  if (!column) throw new AppError('bad-artifact', 'There are item factors, but no feature is the target.')
  return { at: column.at, ...readFactors(bytes, schema.vocabularies[column.vocabulary]!.size) }
}

/** The task as it is stored, or undefined where it is missing or damaged: then it is downloaded anew. */
export async function storedTask(db: Db): Promise<Active | undefined> {
  const row = await db.tasks.toCollection().first()
  if (!row) return undefined
  const manifest = manifestSchema.safeParse(row.manifest)
  if (!manifest.success) return undefined
  const { catalogue, factors } = manifest.data
  /** Undefined where it is missing or damaged. */
  async function whole(slot: 'catalogue' | 'factors', { sha256 }: Manifest['catalogue']) {
    const blob = await db.blobs.get([row!.name, slot])
    return blob && (await hash(blob.bytes)) === sha256 ? blob.bytes : undefined
  }
  const files = {
    catalogue: await whole('catalogue', catalogue),
    factors: factors && (await whole('factors', factors)),
  }
  if (!files.catalogue || (factors && !files.factors)) return undefined
  const named = { manifest: manifest.data, etag: row.etag, sha256: row.sha256 }
  return activate(named, { catalogue: files.catalogue, factors: files.factors })
}

/**
 * Downloads what a manifest names, checks all of it, and makes it the task in use, in one transaction. The model replaces
 * M and M0 unless this very model was delivered before. Samples made by another schema or catalogue go. Nothing changes where `vouch`
 * throws, which is asked meanwhile.
 */
export async function adopt(
  { db, models, tunnel }: { db: Db; models: Models; tunnel: Tunnel },
  named: Named & { readonly sha256: string },
  vouch: () => Promise<void>,
  signal?: AbortSignal,
): Promise<Active> {
  const { manifest, etag, sha256 } = named
  const { name, version } = manifest
  const present = await delivered(models, manifest)
  const had = await heldOf(db, models, name)
  const [, catalogue, factors, bytes] = await together(
    vouch(),
    tunnel.artifact(manifest.catalogue, signal),
    manifest.factors && fetchChanging(tunnel, manifest.factors, had.factors, signal),
    present ? undefined : fetchChanging(tunnel, manifest.model, had.model, signal),
  )
  const files: Delivered = { catalogue, factors }
  const task = activate(named, files)
  // What is stored, not what this tab holds: another tab may have been here before.
  const before = (await db.tasks.get(name))?.manifest
  const sameSamples =
    before?.catalogue.sha256 === manifest.catalogue.sha256 &&
    JSON.stringify(before.schema) === JSON.stringify(manifest.schema)
  const also = async () => {
    await db.tasks.clear()
    await db.tasks.put({ name, etag, manifest, sha256 })
    await dropRows(db, manifest)
    // Tasks' own models were made from such samples.
    const goes = (row: { readonly name: string }) =>
      row.name !== name && !(sameSamples && row.name.includes('/'))
    await db.models.filter(goes).delete()
    await db.blobs.filter(goes).delete()
    await db.blobs.put({ name, slot: 'catalogue', bytes: files.catalogue })
    if (files.factors) await db.blobs.put({ name, slot: 'factors', bytes: files.factors })
    else await db.blobs.delete([name, 'factors'])
    // No round of this task would use them up.
    if (!manifest.hyper.augment) await db.matched.clear()
    if (sameSamples) return
    await db.local.clear()
    await db.matched.clear()
    await db.state.delete('pulled')
  }
  if (bytes) await models.receive({ name, version, ...checked(task, bytes) }, also)
  else await db.transaction('rw', db.tables, also)
  return task
}

/** What a newer one may be made of. */
async function heldOf(db: Db, models: Models, name: string) {
  const model = await models.backup(name)
  const named = (await db.tasks.get(name))?.manifest.factors
  const factors = named && (await db.blobs.get([name, 'factors']))
  return {
    model: model && { sha256: model.row.sha256, bytes: model.bytes },
    factors: factors && { sha256: named.sha256, bytes: factors.bytes },
  }
}

/** Downloads the model of the task in use once more, because none on the device is whole. */
export async function redeliver(
  { models, tunnel }: { models: Models; tunnel: Tunnel },
  task: Active,
  signal?: AbortSignal,
): Promise<void> {
  const { name, version, model } = task.manifest
  await models.receive({ name, version, ...checked(task, await tunnel.artifact(model, signal)) })
}

async function delivered(models: Models, { name, version, model }: Manifest): Promise<boolean> {
  const rows = await models.list()
  return rows.some(
    (row) => row.name === name && row.slot === 'M0' && row.version === version && row.sha256 === model.sha256,
  )
}

/** Throws `bad-artifact` unless they are a model of the task. */
function checked({ manifest, spec }: Active, bytes: Uint8Array<ArrayBuffer>) {
  readLocal(spec, bytes)
  return { sha256: manifest.model.sha256, bytes }
}

/** The one that was read last: a task's next version mostly comes with the same. */
let known: { sha256: string; catalogue: Catalogue } | undefined

/** `bytes` have the hash that the manifest names. */
function catalogueOf({ catalogue: { sha256 } }: Manifest, bytes: Uint8Array): Catalogue {
  if (known?.sha256 !== sha256) known = { sha256, catalogue: readCatalogue(bytes) }
  return known.catalogue
}

function readCatalogue(bytes: Uint8Array): Catalogue {
  let value: unknown
  try {
    value = JSON.parse(new TextDecoder().decode(bytes))
  } catch (cause) {
    throw new AppError('bad-artifact', 'The catalogue is not JSON.', { cause })
  }
  return parse(catalogueSchema, value, 'The catalogue')
}
