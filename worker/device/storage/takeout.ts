/**
 * Everything that a device holds as one file, and back: `takeOut`, `bringIn`. The file is a zip that anyone can open:
 * `kindred.json` says what it is and names each other file with its SHA-256, `tables/*.json` hold the rows, `blobs/*` the
 * models and item factors (safetensors) and the catalogue. The format is described in docs/takeout.md.
 *
 * It holds the device's credential, so what is brought in elsewhere is the same user to the server.
 */
import { unzipSync, zipSync } from 'fflate'
import * as z from 'zod'
import { AppError, parse } from '../../../shared/failure.ts'
import { sha256 as hash } from '../../../shared/hash.ts'
import { layoutOf } from '../../../shared/schema.ts'
import { getState, putState, type StateKey, stateSchemas } from './state.ts'
import type { BlobRow, Db } from './tables.ts'
import {
  FORMAT,
  fileOf,
  headerSchema,
  OWN,
  rowSchemas,
  SINCE,
  STAYS,
  TABLES,
  type TableName,
} from './takeout-format.ts'

/** Larger files are refused before they are inflated: models of 50 M weights, twice, and what else there is. */
const MAX_BYTES = 512 << 20

const typedAsList = (_: string, value: unknown) =>
  ArrayBuffer.isView(value) ? Array.from(value as Float32Array) : value
const encoded = (value: unknown) => new TextEncoder().encode(JSON.stringify(value, typedAsList))

/** All of one moment, as the bytes of a zip; what a round has written so far (Mbuf) is left out. */
export async function takeOut(db: Db, now: number): Promise<Uint8Array<ArrayBuffer>> {
  const { rows, blobs } = await db.transaction('r', db.tables, async () => ({
    rows: await Promise.all(TABLES.map((name) => db.table(name).toArray())),
    blobs: await db.blobs.toArray(),
  }))
  const files: Record<string, Uint8Array> = {}
  TABLES.forEach((name, i) => {
    const kept = rows[i]!.filter(({ slot, key }) => slot !== 'Mbuf' && !STAYS.includes(key))
    files[`tables/${name}.json`] = encoded(
      name === 'tasks' ? kept.map(({ sha256: _, ...row }) => ({ ...row, etag: null })) : kept,
    )
  })
  for (const blob of blobs) if (blob.slot !== 'Mbuf') files[fileOf(blob)] = blob.bytes
  const names = await Promise.all(
    Object.entries(files).map(async ([name, bytes]) => [name, await hash(bytes.slice())] as const),
  )
  const header = { format: 'kindred', version: FORMAT, at: now, files: Object.fromEntries(names) }
  return zipSync({ 'kindred.json': encoded(header), ...files }) as Uint8Array<ArrayBuffer>
}

/**
 * Replaces everything that `db` holds, but for whom it trusts, by what the file holds, in one transaction, after all of it was checked. Throws
 * `bad-artifact` for a file that is damaged or of something else, `version` for one of a newer Kindred; then nothing has
 * changed.
 */
export async function bringIn(db: Db, file: Uint8Array): Promise<void> {
  const { files, version } = await opened(file)
  const rows = Object.fromEntries(
    TABLES.map((name) => [
      name,
      version < (SINCE[name] ?? 1) ? [] : readRows(name, files[`tables/${name}.json`], version),
    ]),
  )
  const blobs = await readBlobs(rows, files)
  await db.transaction('rw', db.tables, async () => {
    const trusted = await getState(db, 'trusted')
    await Promise.all(db.tables.map((table) => table.clear()))
    for (const name of TABLES) await db.table(name).bulkAdd(rows[name]!)
    await db.blobs.bulkAdd(blobs)
    // No file undoes what was heard of keys. The list was another device's, and has to be asked for anew.
    if (trusted) {
      const { list: _, ...kept } = trusted
      await putState(db, 'trusted', { ...kept, etag: null })
    }
  })
}

const refuse = (why: string, cause?: unknown): never => {
  throw new AppError('bad-artifact', `This is not a file that Kindred can bring in: ${why}.`, { cause })
}

/** The files of the zip, each with the hash that the header gives it, and the format that they have. */
async function opened(
  file: Uint8Array,
): Promise<{ files: Record<string, Uint8Array<ArrayBuffer>>; version: number }> {
  let files: Record<string, Uint8Array<ArrayBuffer>> = {}
  let size = 0
  const small = ({ originalSize }: { originalSize: number }) => {
    size += originalSize
    return size <= MAX_BYTES
  }
  try {
    files = unzipSync(file, { filter: small }) as typeof files
  } catch (cause) {
    refuse('it is no whole zip', cause)
  }
  if (size > MAX_BYTES) refuse(`it holds more than ${MAX_BYTES >> 20} MB`)
  const header = readHeader(files['kindred.json'])
  for (const [name, due] of Object.entries(header.files)) {
    const bytes = files[name] ?? refuse(`${name} is missing`)
    if ((await hash(bytes)) !== due) refuse(`${name} is damaged`)
  }
  const named = Object.fromEntries(Object.keys(header.files).map((name) => [name, files[name]!]))
  return { files: named, version: header.version }
}

function readHeader(bytes: Uint8Array | undefined): z.infer<typeof headerSchema> {
  const value = readJson('kindred.json', bytes)
  const version = z.object({ format: z.literal('kindred'), version: z.int() }).safeParse(value)
  if (!version.success) refuse('kindred.json does not say so')
  if (version.data!.version > FORMAT)
    throw new AppError('version', 'This file was made by a newer Kindred: update this one first.')
  return parse(headerSchema, value, 'kindred.json')
}

function readJson(name: string, bytes: Uint8Array | undefined): unknown {
  if (!bytes) return refuse(`${name} is missing`)
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
  } catch (cause) {
    return refuse(`${name} is not JSON`, cause)
  }
}

function readRows(
  name: TableName,
  bytes: Uint8Array | undefined,
  version: number,
): Record<string, unknown>[] {
  const schema = z.array(rowSchemas[name] as z.ZodType<Record<string, unknown>>)
  const value = readJson(`tables/${name}.json`, bytes)
  // What an earlier one kept may be of no use any more.
  const known = name === 'state' && Array.isArray(value) ? value.filter((row) => isFit(row, version)) : value
  const rows = parse(schema, known, `Table ${name}`)
  if (name === 'state')
    for (const { key, value } of rows)
      parse(stateSchemas[key as StateKey] as z.ZodType, value, `State ${key}`)
  return rows
}

function isFit(row: { readonly key?: unknown } | null, version: number): boolean {
  const key = String(row?.key)
  return !STAYS.includes(key) && (version === FORMAT || Object.hasOwn(stateSchemas, key))
}

/** Models and catalogue, if they and the samples are those of the one task that is there. */
async function readBlobs(
  { tasks, models, local, matched }: Record<string, Record<string, unknown>[]>,
  files: Record<string, Uint8Array<ArrayBuffer>>,
) {
  const task = tasks![0] as z.output<(typeof rowSchemas)['tasks']> | undefined
  const samples = [...local!, ...matched!] as { ids: Int32Array; dense: Float32Array }[]
  if (!task) {
    if (samples.length + models!.length > 0)
      refuse('it has samples or models, but no task that they belong to')
    return []
  }
  const { idWidth, denseWidth } = layoutOf(task.manifest.schema)
  if (samples.some(({ ids, dense }) => ids.length !== idWidth || dense.length !== denseWidth))
    refuse('a sample does not have the features of its task')
  type Due = Pick<BlobRow, 'name' | 'slot'> & { readonly sha256: string }
  const due = (models as unknown as Due[]).map(({ name, slot, sha256 }) => ({ name, slot, sha256 }))
  const { catalogue, factors } = task.manifest
  due.push({ name: task.name, slot: 'catalogue', sha256: catalogue.sha256 })
  if (factors) due.push({ name: task.name, slot: 'factors', sha256: factors.sha256 })
  return Promise.all(
    due.map(async ({ name, slot, sha256 }) => {
      const file = fileOf({ name, slot })
      const bytes = files[file] ?? refuse(`${file} is missing`)
      if ((name !== task.name && !OWN.test(name)) || (await hash(bytes)) !== sha256)
        refuse(`${file} is not what its row promises`)
      return { name, slot, bytes }
    }),
  )
}
