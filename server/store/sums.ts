import { key, uuidBytes } from './keys.ts'
import type { Sums } from './ports/tasks.ts'
import type { Table, Tables } from './tables.ts'

/** Days for which an upload is known again. */
export const KNOWN_DAYS = 14
/** Rows that one transaction drops. */
const SWEEP = 10_000

type Change = Parameters<Sums['add']>[2][number]

interface Waiting {
  readonly day: number
  readonly upload: string
  readonly changes: readonly Change[]
  resolve(isNew: boolean): void
  reject(error: unknown): void
}

/** One thread adds. What comes while the disk is busy is written together: a sum is read and written once for all of it. */
export function createSums({ root, sums, sumUploads }: Tables): Sums {
  let waiting: Waiting[] = []
  let writing = false

  async function writeAll(): Promise<void> {
    if (writing) return
    writing = true
    while (waiting.length > 0) {
      const group = waiting
      waiting = []
      await write(group)
    }
    writing = false
  }

  async function write(group: readonly Waiting[]): Promise<void> {
    try {
      const rows = new Map<string, { at: Buffer; sum: unknown }>()
      const uploads = new Map<string, Buffer>()
      const areNew = group.map(({ day, upload, changes }) => {
        if (uploads.has(upload) || isKnown(day, upload)) return false
        uploads.set(upload, uploadKey(day, upload))
        for (const change of changes) addTo(rows, day, change)
        return true
      })
      if (rows.size > 0 || uploads.size > 0)
        await root.batch(() => {
          for (const { at, sum } of rows.values()) sums.put(at, Buffer.from(JSON.stringify(sum)))
          for (const at of uploads.values()) sumUploads.put(at, Buffer.alloc(0))
        })
      for (const [i, one] of group.entries()) one.resolve(areNew[i]!)
    } catch (error) {
      for (const one of group) one.reject(error)
    }
  }

  function isKnown(day: number, upload: string): boolean {
    for (let back = 0; back < KNOWN_DAYS && back <= day; back++)
      if (sumUploads.doesExist(uploadKey(day - back, upload))) return true
    return false
  }

  function addTo(rows: Map<string, { at: Buffer; sum: unknown }>, day: number, change: Change): void {
    const at = sumKey(day, change)
    const name = at.toString('latin1')
    const stored = rows.get(name) ?? { sum: read(sums.get(at)) }
    rows.set(name, { at, sum: change.add(stored.sum) })
  }

  return {
    add: (day, upload, changes) =>
      new Promise((resolve, reject) => {
        waiting.push({ day, upload, changes, resolve, reject })
        void writeAll()
      }),
    async read(from, to) {
      const rows = sums.getRange({ start: key(from), end: key(to + 1) })
      return Array.from(rows, ({ key: at, value }) => ({
        day: at.readUInt32BE(),
        task: at.toString('utf8', 4, at.length - 4),
        version: at.readUInt32BE(at.length - 4),
        sum: read(value),
      }))
    },
    async dropBefore(day) {
      dropTo(sums, key(day))
      dropTo(sumUploads, key(Math.max(0, newestDay() - KNOWN_DAYS + 1)))
    },
  }

  /** In steps, so that nobody waits long who writes, too. */
  function dropTo(table: Table, end: Buffer): void {
    for (let more = true; more; )
      more = root.transactionSync(() => {
        const old = [...table.getKeys({ end, limit: SWEEP })]
        for (const at of old) table.removeSync(at)
        return old.length === SWEEP
      })
  }

  function newestDay(): number {
    for (const at of sumUploads.getKeys({ reverse: true, limit: 1 })) return at.readUInt32BE()
    return 0
  }
}

/** [day, task, version]: the name of a task has no byte below that of the dash, so that a longer one sorts behind. */
function sumKey(day: number, { task, version }: Change): Buffer {
  return Buffer.concat([key(day), Buffer.from(task), key(version)])
}

const uploadKey = (day: number, upload: string): Buffer => Buffer.concat([key(day), uuidBytes(upload)])

const read = (row: Buffer | undefined): unknown =>
  row === undefined ? undefined : JSON.parse(row.toString())
