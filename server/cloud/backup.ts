/**
 * A copy of a data folder while a server writes to it, and the way back. Files other than the store's are never changed under
 * their names, and are there as long as the store names them: what is copied before and after the store holds all of them.
 */
import { createHash } from 'node:crypto'
import { createReadStream, existsSync } from 'node:fs'
import { mkdir, open, readdir, readFile, rename, rm, rmdir, stat, writeFile } from 'node:fs/promises'
import { dirname, join, relative, sep } from 'node:path'
import * as z from 'zod'
import { type Clock, systemClock } from '../../shared/clock.ts'
import { AppError, parse } from '../../shared/failure.ts'
import { sha256Schema } from '../../shared/task.ts'
import { openStore } from '../store/lmdb.ts'
import { INDEX, indexFileSchema, pathsOf } from './index-file.ts'
import { loadManifest } from './release.ts'

/** The list of everything in a backup; written last, so that a backup without it is none. */
const LIST = 'backup.json'
const listSchema = z.strictObject({
  version: z.literal(1),
  /** When it was begun, ms: everything that was acknowledged before is in it. */
  at: z.int().min(0),
  files: z.array(
    z.strictObject({
      /** With `/` between its parts. */
      path: z.string().regex(/^[\w-][\w.-]*(\/[\w-][\w.-]*)*$/),
      bytes: z.int().min(0),
      sha256: sha256Schema,
    }),
  ),
})
type Entry = z.infer<typeof listSchema>['files'][number]

/** Attempts at a copy that holds all that its store names: an index or a model may be replaced in between. */
const ATTEMPTS = 3

export interface Copied {
  readonly files: number
  readonly bytes: number
}

/**
 * Copies the data folder `dir`, which another process may have open, to the folder `to`, which must not be there; it is
 * there whole, or not at all.
 */
export async function backup(dir: string, to: string, clock: Clock = systemClock): Promise<Copied> {
  if (!existsSync(join(dir, 'store'))) throw new AppError('bad-input', `${dir} is no data folder.`)
  if (existsSync(to))
    throw new AppError('bad-input', `${to} is there already: a backup goes into a new folder.`)
  const at = clock.now()
  const beside = `${to}.part`
  for (let attempt = 1; ; attempt++) {
    await rm(beside, { recursive: true, force: true })
    await mkdir(beside, { recursive: true })
    const before = await copyFiles(dir, beside, new Set())
    await copyStore(dir, beside)
    const after = await copyFiles(dir, beside, new Set(before.map(({ path }) => path)))
    const missing = await missingIn(beside)
    if (missing !== undefined) {
      if (attempt < ATTEMPTS) continue
      throw new AppError('storage', `The backup lacks ${missing}: too much changes just now, try again.`)
    }
    const files = [...before, ...after, await entryOf(beside, join(beside, 'store', 'data.mdb'))]
    await writeFile(join(beside, LIST), `${JSON.stringify({ version: 1, at, files }, undefined, 1)}\n`)
    await rename(beside, to)
    return { files: files.length, bytes: files.reduce((sum, { bytes }) => sum + bytes, 0) }
  }
}

/** Makes the data folder `dir`, which must be empty or not there, from a backup whose every byte is what it was. */
export async function restore(from: string, dir: string): Promise<Copied & { readonly at: number }> {
  const list = await readList(from)
  if (existsSync(dir) && (await readdir(dir)).length > 0)
    throw new AppError('bad-input', `${dir} is not empty: a backup is restored into a new folder.`)
  const beside = `${dir}.part`
  await rm(beside, { recursive: true, force: true })
  for (const { path, bytes, sha256 } of list.files) {
    const source = join(from, ...path.split('/'))
    if (!existsSync(source)) throw new AppError('bad-artifact', `The backup lacks ${path}.`)
    const copied = await copy(source, join(beside, ...path.split('/')))
    if (copied.bytes !== bytes || copied.sha256 !== sha256)
      throw new AppError('bad-artifact', `${path} of the backup is damaged.`)
  }
  if (existsSync(dir)) await rmdir(dir)
  await rename(beside, dir)
  const bytes = list.files.reduce((sum, one) => sum + one.bytes, 0)
  return { files: list.files.length, bytes, at: list.at }
}

async function readList(from: string) {
  const path = join(from, LIST)
  if (!existsSync(path)) throw new AppError('bad-input', `${from} is no backup: it has no ${LIST}.`)
  const text = await readFile(path, 'utf8')
  try {
    return parse(listSchema, JSON.parse(text), path)
  } catch (cause) {
    throw new AppError('bad-artifact', `${path} is damaged.`, { cause })
  }
}

/** Copies what is neither the store's, nor half-written, nor in `known`. */
async function copyFiles(dir: string, to: string, known: ReadonlySet<string>): Promise<Entry[]> {
  const copied: Entry[] = []
  for (const found of await readdir(dir, { recursive: true, withFileTypes: true })) {
    const source = join(found.parentPath, found.name)
    const path = relative(dir, source).split(sep).join('/')
    if (!found.isFile() || path.startsWith('store/') || path.endsWith('.part') || known.has(path)) continue
    try {
      copied.push({ path, ...(await copy(source, join(to, path))) })
    } catch (error) {
      // It was replaced meanwhile, and nothing names it any more.
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
      await rm(join(to, path), { force: true })
    }
  }
  return copied
}

async function copyStore(dir: string, to: string): Promise<void> {
  const store = openStore(join(dir, 'store'))
  try {
    await store.backup(join(to, 'store'))
  } finally {
    await store.close()
  }
}

/** What the copied store names and is not there; undefined if there is nothing like that. */
async function missingIn(folder: string): Promise<string | undefined> {
  const store = openStore(join(folder, 'store'))
  try {
    const manifest = await loadManifest(store)
    const index = await store.meta.get(INDEX, indexFileSchema)
    const artifacts = manifest ? [manifest.model, manifest.catalogue].map(({ sha256 }) => sha256) : []
    const named = [
      ...artifacts.flatMap((name) => [`artifacts/${name}`, `artifacts/${name}.gz`]),
      ...Object.values(manifest?.sliced ?? {}).map((name) => `tables/${name}`),
      ...(index ? pathsOf('index', index.name) : []),
    ]
    return named.find((path) => !existsSync(join(folder, path)))
  } finally {
    await store.close()
    await rm(join(folder, 'store', 'lock.mdb'), { force: true })
  }
}

/** Copies a file piece by piece, all of it on disk when it resolves; whoever may not read the one may not read the other. */
async function copy(source: string, target: string): Promise<Omit<Entry, 'path'>> {
  await mkdir(dirname(target), { recursive: true })
  const hash = createHash('sha256')
  let bytes = 0
  const file = await open(target, 'w', (await stat(source)).mode)
  try {
    for await (const piece of createReadStream(source, { highWaterMark: 1 << 20 })) {
      hash.update(piece as Buffer)
      bytes += (piece as Buffer).length
      await file.writeFile(piece as Buffer)
    }
    await file.sync()
  } finally {
    await file.close()
  }
  return { bytes, sha256: hash.digest('hex') }
}

async function entryOf(folder: string, path: string): Promise<Entry> {
  const hash = createHash('sha256')
  for await (const piece of createReadStream(path, { highWaterMark: 1 << 20 })) hash.update(piece as Buffer)
  const { size } = await stat(path)
  return { path: relative(folder, path).split(sep).join('/'), bytes: size, sha256: hash.digest('hex') }
}
