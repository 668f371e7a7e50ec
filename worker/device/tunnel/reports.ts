/**
 * What the operator is told of the runs of tasks: it waits here until the next contact. Only so much is kept; the oldest goes first,
 * and what the server has no use for is dropped.
 */
import { v4 as uuid } from 'uuid'
import type { Reported, ReportsRequest } from '../../../shared/api.ts'
import { type Clock, DAY_MS } from '../../../shared/clock.ts'
import { MAX_REPORTED, MAX_REPORTS, type RunReport } from '../../../shared/tasks/report.ts'
import type { Db, ReportRow } from '../storage/tables.ts'
import { Refusal } from './line.ts'

/** Reports that wait at most: 1 MB, if each were the largest there can be. */
export const MAX_WAITING = MAX_REPORTS
/** Of an upload, before it is compressed. */
const UPLOAD_BYTES = 192 << 10
/** What could not be told for so long is of no more use. */
const WORTH_TELLING_MS = 7 * DAY_MS
/** The server does not take what was sent, and would not another time. */
const FOR_GOOD: readonly number[] = [400, 404, 405, 413, 415]

export type RunNote = Omit<RunReport, 'type'> & { readonly at: number }

/** Notes how a run went; for use in the transaction that ends it, which includes `db.reports`. */
export const noteRun = (db: Db, { ms, bytes, ...run }: RunNote): Promise<void> =>
  note(db, [{ type: 'run', ...run, ms: whole(ms), ...(bytes !== undefined && { bytes: whole(bytes) }) }])

/** Notes what a script has logged, likewise; values that are too large to be added up are left out. */
export const noteReports = (
  db: Db,
  task: string,
  version: number,
  reports: readonly { readonly name: string; readonly values: Readonly<Record<string, number>> }[],
  at: number,
): Promise<void> =>
  note(
    db,
    reports.map(({ name, values }) => ({
      type: 'values',
      task,
      version,
      name,
      values: tellable(values),
      at,
    })),
  )

const whole = (value: number): number => Math.min(Math.max(0, Math.round(value)), Number.MAX_SAFE_INTEGER)

const tellable = (values: Readonly<Record<string, number>>) =>
  Object.fromEntries(Object.entries(values).filter(([, value]) => Math.abs(value) <= MAX_REPORTED))

async function note(db: Db, rows: readonly ReportRow[]): Promise<void> {
  await db.transaction('rw', db.reports, async () => {
    await db.reports.bulkAdd(rows)
    const kept = await db.reports.orderBy('n').reverse().limit(MAX_WAITING).primaryKeys()
    await db.reports
      .where('n')
      .below(kept.at(-1) ?? 0)
      .delete()
  })
}

/**
 * Sends what waits, and deletes it when the server has acknowledged it; `send` throws unless it has. What was sent already goes
 * under the same id again, so that it counts once.
 */
export async function sendReports(
  { db, clock }: { db: Db; clock: Clock },
  send: (request: ReportsRequest) => Promise<Reported>,
): Promise<void> {
  // What comes in meanwhile waits for the next time.
  const [last] = await db.reports.orderBy('n').reverse().limit(1).primaryKeys()
  if (last === undefined) return
  for (;;) {
    const rows = await taken(db, last, clock.now())
    if (rows.length === 0) return
    const reports = rows.map(({ n: _n, at: _at, upload: _upload, ...report }) => report)
    try {
      await send({ id: rows[0]!.upload!, reports })
    } catch (error) {
      if (!(error instanceof Refusal && FOR_GOOD.includes(error.status))) throw error
    }
    await db.reports.bulkDelete(rows.map(({ n }) => n!))
  }
}

/** What the next upload carries, oldest first, up to `last`. */
async function taken(db: Db, last: number, now: number): Promise<ReportRow[]> {
  return db.transaction('rw', db.reports, async () => {
    const waiting = await db.reports.where('n').belowOrEqual(last).toArray()
    const old = waiting.filter(({ at }) => now - at > WORTH_TELLING_MS)
    await db.reports.bulkDelete(old.map(({ n }) => n!))
    const [first, ...others] = waiting.filter((row) => !old.includes(row))
    if (!first) return []
    const together = [first, ...others.filter((row) => row.upload === first.upload)]
    if (first.upload !== undefined) return together
    const upload = uuid()
    const marked = fitting(together).map((row) => ({ ...row, upload }))
    await db.reports.bulkPut(marked)
    return marked
  })
}

function fitting(rows: readonly ReportRow[]): readonly ReportRow[] {
  let bytes = 0
  const end = rows.findIndex((row) => {
    bytes += JSON.stringify(row).length
    return bytes > UPLOAD_BYTES
  })
  return end === -1 ? rows : rows.slice(0, Math.max(1, end))
}
