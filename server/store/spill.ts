/**
 * Events on their way into the log, set aside in files by ranges of users: they come in the order in which they happened and
 * belong in that of their users. One range fits into memory, so that each page of the log is written once.
 *
 * A record: user (u32) · event id (16 bytes) · length (u16) · row.
 */
import { appendFileSync, mkdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'

/** Users of one file. */
const RANGE = 4096
/** Bytes that are gathered for a file before they are written. */
const GATHER = 1 << 18
const HEAD = 22

export interface Spilt {
  readonly user: number
  /** A user's, in the order in which they were added. */
  readonly events: readonly { readonly id: Buffer; readonly row: Buffer }[]
}

export interface Spill {
  add(user: number, id: Buffer, row: Buffer): void
  readonly count: number
  /** Users in ascending order, some at a time. */
  read(): Iterable<Spilt[]>
  remove(): void
}

/** In the folder `path`, which is made anew. */
export function createSpill(path: string): Spill {
  removeSpill(path)
  mkdirSync(path, { recursive: true })
  const gathered = new Map<number, { bytes: Buffer; used: number }>()
  const fileOf = (range: number) => join(path, `${range}`)
  let count = 0

  function flush(range: number): void {
    const there = gathered.get(range)!
    appendFileSync(fileOf(range), there.bytes.subarray(0, there.used))
    there.used = 0
  }

  return {
    get count() {
      return count
    },
    add(user, id, row) {
      const range = Math.floor(user / RANGE)
      const there = gathered.get(range) ?? { bytes: Buffer.allocUnsafe(GATHER), used: 0 }
      gathered.set(range, there)
      if (there.used + HEAD + row.length > GATHER) flush(range)
      const { bytes, used } = there
      bytes.writeUInt32BE(user, used)
      id.copy(bytes, used + 4)
      bytes.writeUInt16BE(row.length, used + 20)
      row.copy(bytes, used + HEAD)
      there.used = used + HEAD + row.length
      count++
    },
    *read() {
      for (const range of [...gathered.keys()].sort((a, b) => a - b)) {
        flush(range)
        gathered.delete(range)
        yield byUser(readFileSync(fileOf(range)), range * RANGE)
        rmSync(fileOf(range))
      }
    },
    remove: () => removeSpill(path),
  }
}

export const removeSpill = (path: string): void => rmSync(path, { recursive: true, force: true })

function byUser(bytes: Buffer, first: number): Spilt[] {
  const users: { id: Buffer; row: Buffer }[][] = Array.from({ length: RANGE }, () => [])
  for (let at = 0; at < bytes.length; ) {
    const end = at + HEAD + bytes.readUInt16BE(at + 20)
    users[bytes.readUInt32BE(at) - first]!.push({
      id: bytes.subarray(at + 4, at + 20),
      row: bytes.subarray(at + HEAD, end),
    })
    at = end
  }
  return users.flatMap((events, i) => (events.length > 0 ? [{ user: first + i, events }] : []))
}
