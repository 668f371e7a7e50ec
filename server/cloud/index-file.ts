/**
 * The index on disk: the graph and the vectors of its points, two files under one checksum. It names no user: who stands
 * where follows from the profiles of today, so a file can be old, but never wrong. A point that its user has left stays in
 * it as a direction without a name, until the graph is built anew.
 */
import { createHash, type Hash } from 'node:crypto'
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import * as z from 'zod'
import { AppError } from '../../shared/failure.ts'
import { sha256Schema } from '../../shared/task.ts'
import { replaceFile } from './files.ts'
import { loadGraph, threadsFor } from './matching.ts'
import { createNeighbours, type Neighbours } from './neighbours.ts'
import { createPoints } from './points.ts'

/** Where the store says which index it is. */
export const INDEX = 'index'
export const indexFileSchema = z.strictObject({
  /** Of both files, before their endings. */
  name: z.uuid(),
  /** Of the bytes of both, one after the other. */
  sha256: sha256Schema,
  dims: z.int().positive(),
  points: z.int().min(0),
})
export type IndexFile = z.infer<typeof indexFileSchema>

const ENDINGS = ['graph', 'points'] as const
const PIECE = 1 << 20

/** Writes both files, all of them on disk when it returns, under a name of their own. */
export function saveIndex(folder: string, { graph, dims, points, rows }: Neighbours): IndexFile {
  mkdirSync(folder, { recursive: true })
  const name = crypto.randomUUID()
  const [graphPath, pointsPath] = pathsOf(folder, name)
  const vectors = rows()
  replaceFile(graphPath, (beside) => graph.save(beside))
  replaceFile(pointsPath, (beside) =>
    writeFileSync(beside, new Uint8Array(vectors.buffer, vectors.byteOffset, vectors.byteLength)),
  )
  return { name, sha256: hashOf(folder, name), dims, points }
}

/** The index that was saved, with nobody in it yet. Throws `bad-artifact` unless the files are those that were written. */
export function loadIndex(
  folder: string,
  { name, sha256, dims, points }: IndexFile,
  linkThreads?: number,
): Neighbours {
  const [graphPath, pointsPath] = pathsOf(folder, name)
  if (!existsSync(graphPath) || !existsSync(pointsPath))
    throw new AppError('bad-artifact', `The index ${name} is not there.`)
  if (hashOf(folder, name) !== sha256) throw new AppError('bad-artifact', `The index ${name} is damaged.`)
  const rows = readVectors(pointsPath, dims * points)
  const graph = loadGraph(graphPath, dims, points, threadsFor(points, linkThreads))
  return createNeighbours(graph, createPoints(dims, rows))
}

/** Removes the files of all other indexes, also what a process that was killed left half-written. */
export function sweepIndexes(folder: string, name: string | undefined): void {
  for (const file of existsSync(folder) ? readdirSync(folder) : [])
    if (name === undefined || !file.startsWith(name)) rmSync(join(folder, file), { force: true })
}

/** The two files of an index. */
export const pathsOf = (folder: string, name: string): [string, string] => {
  const [graph, points] = ENDINGS.map((ending) => join(folder, `${name}.${ending}`))
  return [graph!, points!]
}

function hashOf(folder: string, name: string): string {
  const hash = createHash('sha256')
  for (const path of pathsOf(folder, name)) hashFile(path, hash)
  return hash.digest('hex')
}

function hashFile(path: string, hash: Hash): void {
  const file = openSync(path, 'r')
  try {
    const piece = Buffer.allocUnsafe(PIECE)
    for (let read = readSync(file, piece); read > 0; read = readSync(file, piece))
      hash.update(piece.subarray(0, read))
  } finally {
    closeSync(file)
  }
}

function readVectors(path: string, length: number): Float32Array<ArrayBuffer> {
  const rows = new Float32Array(length)
  const bytes = new Uint8Array(rows.buffer)
  const file = openSync(path, 'r')
  try {
    let at = 0
    for (let read = 1; read > 0 && at < bytes.length; at += read)
      read = readSync(file, bytes, at, Math.min(PIECE, bytes.length - at), null)
    if (at !== bytes.length)
      throw new AppError('bad-artifact', `The index ${path} has another shape than was written.`)
  } finally {
    closeSync(file)
  }
  return rows
}
