/**
 * Embedding tables that are too large for a phone: each kept whole in the data folder as float32, row after row, named by
 * its SHA-256, and read row by row. No more of one is ever in memory than what was asked for.
 */
import { createHash } from 'node:crypto'
import { mkdirSync, writeFileSync } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { AppError } from '../../shared/failure.ts'
import type { Tensor } from '../../shared/model/weights.ts'
import { replaceFile } from './files.ts'

/** Rows that lie no further apart than this many bytes are read at one go. */
const GAP = 4096

/** Keeps a table; gives its SHA-256. */
export function writeTable(dir: string, { data }: Tensor): string {
  const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
  const sha256 = createHash('sha256').update(bytes).digest('hex')
  mkdirSync(join(dir, 'tables'), { recursive: true })
  replaceFile(tablePath(dir, sha256), (beside) => writeFileSync(beside, bytes))
  return sha256
}

export interface Tables {
  /**
   * The rows of `dim` numbers with these ascending ids, one after the other; undefined where there is no such table (any
   * more). Throws `bad-input` for an id beyond its end, `bad-artifact` for a file that is not what its name promises.
   */
  read(sha256: string, dim: number, ids: readonly number[]): Promise<Uint8Array<ArrayBuffer> | undefined>
}

export function createTables(dir: string): Tables {
  /** Whole files are hashed once: what is read of them later are only rows. */
  const checked = new Map<string, Promise<void>>()

  function check(file: FileHandle, sha256: string): Promise<void> {
    const begun = checked.get(sha256) ?? verify(file, sha256)
    checked.set(sha256, begun)
    begun.catch(() => checked.delete(sha256))
    return begun
  }

  return {
    async read(sha256, dim, ids) {
      const file = await open(tablePath(dir, sha256)).catch(unlessMissing)
      if (!file) return undefined
      try {
        await check(file, sha256)
        return await readRows(file, dim * Float32Array.BYTES_PER_ELEMENT, ids)
      } finally {
        await file.close()
      }
    },
  }
}

async function readRows(
  file: FileHandle,
  width: number,
  ids: readonly number[],
): Promise<Uint8Array<ArrayBuffer>> {
  const { size } = await file.stat()
  if ((ids.at(-1)! + 1) * width > size)
    throw new AppError('bad-input', `The table has ${size / width} rows; there is no row ${ids.at(-1)}.`)
  const rows = new Uint8Array(ids.length * width)
  let row = 0
  for (const [first, last] of runs(ids, GAP / width)) {
    const run = Buffer.allocUnsafe((last - first + 1) * width)
    await file.read(run, 0, run.length, first * width)
    for (; row < ids.length && ids[row]! <= last; row++) {
      const at = (ids[row]! - first) * width
      rows.set(run.subarray(at, at + width), row * width)
    }
  }
  return rows
}

/** Ascending ids as runs [first, last] with gaps of at most `gap` between them. */
function* runs(ids: readonly number[], gap: number): Generator<readonly [number, number]> {
  let first = ids[0]!
  let last = first
  for (const id of ids) {
    if (id - last > gap) {
      yield [first, last]
      first = id
    }
    last = id
  }
  yield [first, last]
}

async function verify(file: FileHandle, sha256: string): Promise<void> {
  const hash = createHash('sha256')
  await pipeline(file.createReadStream({ start: 0, autoClose: false }), hash)
  if (hash.digest('hex') !== sha256) throw new AppError('bad-artifact', `The table ${sha256} is damaged.`)
}

function unlessMissing(error: NodeJS.ErrnoException): undefined {
  if (error.code !== 'ENOENT') throw error
}

function tablePath(dir: string, sha256: string): string {
  if (!/^[0-9a-f]{64}$/.test(sha256)) throw new RangeError('a table is named by its SHA-256')
  return join(dir, 'tables', sha256)
}
