/**
 * Rows of the tables that are too large to be delivered whole (`manifest.sliced`): this device holds those that it meets,
 * as the server gave them. An id whose row is not here ranks and trains as unknown, and its row is asked for at the next
 * contact. The server learns little by that: candidates that are shown become exposures, which it is sent anyway, and the
 * ids of matched samples came from it.
 */
import { MAX_ROWS } from '../../../shared/api.ts'
import { type Clock, dayOf } from '../../../shared/clock.ts'
import { type FindRow, touchedIds } from '../../../shared/model/local.ts'
import type { ModelSpec, Table } from '../../../shared/model/spec.ts'
import type { Manifest } from '../../../shared/task.ts'
import { getState, putState } from '../storage/state.ts'
import type { Db, EmbeddingRow } from '../storage/tables.ts'
import type { Tunnel } from '../tunnel/tunnel.ts'

/** Beyond this the rows needed longest ago go: at 8 dimensions about 4 MB, most of them the storage's own. */
const MAX_HELD = 20_000
/** Ids of a table that are noted; beyond this the oldest are forgotten, and noticed again. */
const MAX_NOTED = 4096

/** What the rows are of. */
interface Task {
  readonly spec: ModelSpec
  readonly manifest: Pick<Manifest, 'name' | 'hyper' | 'sliced'>
}

/** Ids by table. */
type IdLists = Readonly<Record<string, readonly number[]>>

export interface Rows {
  /** The rows of these ids that are here; what is missing is noted. */
  find(task: Task, ids: IdLists): Promise<FindRow>
  /**
   * Asks for the rows that are missing of what was noted and of what the stored samples touch. A server that has such a
   * table no more has a newer task, which comes with the next contact.
   */
  fetch(task: Task, signal?: AbortSignal): Promise<void>
}

export interface RowsDeps {
  readonly db: Db
  readonly tunnel: Pick<Tunnel, 'rows'>
  readonly clock: Clock
  /** Hears of rows that are missing and were not missed before. */
  readonly onMissing?: () => void
  readonly limit?: number
}

export function createRows({ db, tunnel, clock, onMissing, limit = MAX_HELD }: RowsDeps): Rows {
  /** Ids of each table that were looked for in vain since rows last came. */
  let absent = new Map<string, Set<number>>()
  let absentSince: number | undefined
  let noting: Promise<unknown> = Promise.resolve()

  /** Writes down what is missing, for whichever tab has the next contact. Ranking does not wait for it. */
  function note(missing: IdLists): void {
    const write = () =>
      changeState(db, ({ noted }) => {
        for (const [table, ids] of Object.entries(missing))
          noted[table] = [...new Set([...(noted[table] ?? []), ...ids])].slice(-MAX_NOTED)
      })
    // One that fails is no loss: what is missing will be noticed again.
    noting = noting.then(write).catch(() => {})
    onMissing?.()
  }

  /** Those of `ids` that are stored, as rows of this very table. */
  async function read({ name, dim }: Table, whole: string, ids: readonly number[]): Promise<EmbeddingRow[]> {
    const rows = await db.rows.bulkGet(ids.map((id): [string, number] => [name, id]))
    return rows.flatMap((row) => (row?.whole === whole && row.values.length === dim ? [row] : []))
  }

  /** The ids of the table that have to be here, but for padding and unknown, which are in the model. */
  async function wanted({ spec }: Task, { name, rows }: Table, noted: readonly number[]): Promise<number[]> {
    const samples = [...(await db.local.toArray()), ...(await db.matched.toArray())]
    const touched = touchedIds(
      spec,
      samples.map(({ ids }) => ({ size: 1, ids })),
    )
    return [...new Set([...touched[name]!.subarray(2), ...noted.filter((id) => id < rows)])]
  }

  /** Those of `ids` that are not here, as far as there is room; those that are here are needed today. */
  async function missing(table: Table, whole: string, ids: readonly number[], today: number) {
    const here = await read(table, whole, ids)
    const stale = here.filter(({ used }) => used !== today)
    await db.rows.bulkUpdate(
      stale.map(({ id }) => ({ key: [table.name, id] as [string, number], changes: { used: today } })),
    )
    const known = new Set(here.map(({ id }) => id))
    const room = Math.max(0, limit - known.size)
    return ids.filter((id) => !known.has(id)).slice(0, room)
  }

  /** Takes in rows, unless another tab has taken up another task meanwhile. */
  async function keep({ name }: Task['manifest'], rows: readonly EmbeddingRow[]): Promise<void> {
    await db.transaction('rw', db.rows, db.state, db.tasks, async () => {
      const sliced = (await db.tasks.get(name))?.manifest.sliced ?? {}
      if (rows.some(({ table, whole }) => sliced[table] !== whole)) return
      await db.rows.bulkPut(rows)
      const excess = Math.max(0, (await db.rows.count()) - limit)
      await db.rows.bulkDelete(await db.rows.orderBy('used').limit(excess).primaryKeys())
      await changeState(db, (state) => {
        state.came++
      })
    })
  }

  return {
    async find({ spec, manifest: { sliced = {} } }, ids) {
      const { came } = await stateOf(db)
      if (came !== absentSince) absent = new Map()
      absentSince = came
      const found = new Map<string, Float32Array>()
      const lacking: Record<string, number[]> = {}
      for (const table of spec.tables) {
        const [whole, asked] = [sliced[table.name], ids[table.name]]
        if (!whole || !asked) continue
        const gone = absent.get(whole) ?? new Set()
        absent.set(whole, gone)
        const due = asked.filter((id) => !gone.has(id))
        for (const { id, values } of await read(table, whole, due)) found.set(`${table.name}/${id}`, values)
        const none = due.filter((id) => !found.has(`${table.name}/${id}`))
        for (const id of none) gone.add(id)
        if (none.length > 0) lacking[table.name] = none
      }
      if (Object.keys(lacking).length > 0) note(lacking)
      return (table, id) => found.get(`${table}/${id}`)
    },

    async fetch(task, signal) {
      const { sliced = {}, hyper } = task.manifest
      await noting
      for (const table of task.spec.tables) {
        const whole = sliced[table.name]
        if (!whole) continue
        const noted = (await stateOf(db)).noted[table.name] ?? []
        const today = dayOf(clock.now(), hyper.dayMs)
        const due = await missing(table, whole, await wanted(task, table, noted), today)
        for (let at = 0; at < due.length; at += MAX_ROWS) {
          const ids = due.slice(at, at + MAX_ROWS).sort((a, b) => a - b)
          const values = await tunnel.rows({ table: table.name, sha256: whole, ids }, table.dim, signal)
          if (!values) return
          const row = (id: number, i: number): EmbeddingRow => ({
            table: table.name,
            id,
            whole,
            values: values.slice(i * table.dim, (i + 1) * table.dim),
            used: today,
          })
          await keep(task.manifest, ids.map(row))
        }
        if (noted.length > 0) await forget(db, table.name, noted)
      }
    },
  }
}

/** Lets go the rows of other tables than this task's own; for use in the transaction that takes it up. */
export async function dropRows(db: Db, { sliced = {} }: Manifest): Promise<void> {
  await db.rows.filter(({ table, whole }) => sliced[table] !== whole).delete()
  await changeState(db, (state) => {
    state.came++
    state.noted = {}
  })
}

interface State {
  came: number
  noted: Record<string, number[]>
}

const stateOf = async (db: Db): Promise<State> => (await getState(db, 'rows')) ?? { came: 0, noted: {} }

const changeState = (db: Db, change: (state: State) => void): Promise<void> =>
  db.transaction('rw', db.state, async () => {
    const state = await stateOf(db)
    change(state)
    await putState(db, 'rows', state)
  })

/** What was noted has been dealt with. */
const forget = (db: Db, table: string, ids: readonly number[]): Promise<void> =>
  changeState(db, ({ noted }) => {
    const done = new Set(ids)
    noted[table] = (noted[table] ?? []).filter((id) => !done.has(id))
  })
