/** Watches the samples of one browser: what the trainer is given of them, and how many are stored. */
import { DAY_MS } from '../../shared/clock.ts'
import type { Hyper } from '../../shared/hyper.ts'
import type { Batch, Sample } from '../../shared/sample.ts'
import { RANKING } from '../../shared/tasks/manifest.ts'
import type { JournalRow, LocalRow, MatchedRow, TaskRow } from '../../worker/device/storage/tables.ts'
import type { Job, Result } from '../../worker/trainer/job.ts'
import type { Fail } from './invariants.ts'
import { heartOf } from './models-watch.ts'
import type { SimStorage } from './storage.ts'

export interface SamplesWatch {
  committed(tables: ReadonlySet<string>): void
  /** What the device knew is gone: samples may be delivered anew. */
  reset(): void
  asked(job: Job<'run'>): void
  /** The trainer told what came of a job. */
  told(job: Job<'run'>, effects: Result<'run'>['effects']): void
  /** A trained model became M: what it was trained on is used. */
  used(heart: string): void
  /** The device looked at its clock. */
  looked(now: number): void
}

/** Clock readings by which a sample's age may have been judged. */
const LOOKS = 64
const MAX_JOURNAL = 100

/** The truth about its age may be as old as this, ms. */
const UNHEARD = 6 * 3_600_000 + 60_000

/** What was stored a moment ago may still be on its way to the trainer, ms. */
const MOMENT = 30_000

/** What a sample and a packed row have in common, whatever an engine makes of the ids. */
const keyOf = (dense: Float32Array, label: number) =>
  `${label}/${Buffer.from(dense.buffer, dense.byteOffset, dense.byteLength).toString('latin1')}`
const keyOfSample = ({ dense, label }: Sample) => keyOf(dense, label)
const keysOf = ({ size, dense, labels }: Batch) => {
  const width = dense.length / Math.max(1, size)
  return Array.from({ length: size }, (_, i) => keyOf(dense.subarray(i * width, (i + 1) * width), labels[i]!))
}

/** The rows of a table, and each version of a row that was there a moment ago. */
function remembering<T>(rows: () => T[], versionOf: (row: T) => string, now: () => number) {
  let present = new Map<string, T>()
  let past: { row: T; at: number }[] = []
  return {
    look(): void {
      const before = present
      present = new Map(rows().map((row) => [versionOf(row), row]))
      past = past.filter(({ at }) => now() - at <= MOMENT)
      for (const [version, row] of before) if (!present.has(version)) past.push({ row, at: now() })
    },
    /** Of each row all versions, the newest first. */
    lately: (): T[] => [...present.values(), ...past.map(({ row }) => row).reverse()],
  }
}

/** The first of each name. */
const once = <T>(rows: readonly T[], nameOf: (row: T) => string): T[] => [
  ...new Map([...rows].reverse().map((row) => [nameOf(row), row])).values(),
]

export function watchSamples(storage: SimStorage, now: () => number, fail: Fail): SamplesWatch {
  let looks: number[] = []
  /** When each own sample's exposure was seen. */
  const born = new Map<string, number>()
  let own = new Set<string>()
  /** Matched samples that a finished training has used. */
  let spent = new Set<string>()
  let schema = ''
  /** Filtered samples that the last training has used, which is over when the journal says so. */
  let last: { readonly task: string; readonly ids: readonly string[] } | undefined
  const trainedOn = new Map<string, readonly string[]>()
  let journal = 0
  const local = () => storage.rows<LocalRow>('local')
  const matched = () => storage.rows<MatchedRow>('matched')
  const ownLately = remembering(local, ({ exposure, label }) => `${exposure}/${label}`, now)
  const matchedLately = remembering(matched, ({ id, state }) => `${id}/${state}`, now)
  const idOf = ({ id }: MatchedRow) => id
  const hyper = () => storage.rows<TaskRow>('tasks')[0]?.manifest.hyper

  /** Takes the rows of a batch out of those that are stored; complains of one that is not among them. */
  function take(keys: readonly string[], from: readonly Sample[], what: string): void {
    const left = new Map<string, number>()
    for (const sample of from) left.set(keyOfSample(sample), (left.get(keyOfSample(sample)) ?? 0) + 1)
    for (const key of keys) {
      const there = left.get(key) ?? 0
      if (there === 0) fail('used-once', `a round ${what} a sample that it may not, or twice`)
      left.set(key, there - 1)
    }
  }
  /** How old an own sample is in truth: the device's own clock may say anything. */
  const ageOf = ({ exposure }: LocalRow) => now() - (born.get(exposure) ?? now())
  /**
   * Whether the device may take a sample for one in (from, to] days old: by a clock that it has looked at of late, by the
   * truth, which it hears from the server now and then, or by anything in between.
   */
  const aged = (from: number, to: number) => (row: LocalRow) => {
    const truth = ageOf(row)
    const ages = [...looks.map((look) => look - row.at), truth, truth - UNHEARD]
    return Math.max(...ages) > from * DAY_MS && Math.min(...ages) <= to * DAY_MS
  }

  /** Each set as it is given to a script: of samples that are there, of their age, and that nobody has used. */
  function checkSets({ samples }: Job<'run'>): void {
    const { localValidationDays: t, localTrainingDays: end } = hyper()!
    const borrowed = matchedLately.lately().filter(({ id }) => !spent.has(id))
    const ready = borrowed.filter(({ state }) => state === 'filtered')
    const own = ownLately.lately()
    const { matched, filtered, 'local-training': training, 'local-validation': validation } = samples
    if (matched) take(keysOf(matched.batch), once(borrowed, idOf), 'filters')
    if (filtered) take(keysOf(filtered.batch), once(ready, idOf), 'trains on')
    if (training) take(keysOf(training.batch), own.filter(aged(t, end)), 'trains on')
    if (validation)
      take(keysOf(validation.batch), own.filter(aged(Number.NEGATIVE_INFINITY, t)), 'validates by')
  }

  /** Nothing goes for its age before its time, though the table may be cut to half. */
  function checkLocal({ localTrainingDays, maxLocal }: Hyper): void {
    const before = own
    own = new Set(local().map(({ exposure }) => exposure))
    if (own.size > maxLocal) fail('limits', `${own.size} local samples are stored`)
    if (own.size === 0 || own.size === Math.floor(maxLocal / 2)) return
    const young = [...before].filter(
      (id) => !own.has(id) && now() - born.get(id)! < localTrainingDays * DAY_MS,
    )
    if (young.length > 0) fail('young-stays', `${young.length} own samples went before their time`)
  }

  const use = (ids: readonly string[]) => {
    for (const id of ids) spent.add(id)
  }

  function checkJournal(): void {
    const rows = storage.rows<JournalRow>('journal')
    if (rows.length > MAX_JOURNAL) fail('limits', `${rows.length} rounds are remembered`)
    const newest = rows.at(-1)
    if (!newest || newest.n === journal) return
    journal = newest.n!
    const done = newest.tasks?.some(({ name, outcome }) => name === last?.task && outcome === 'done')
    if (last && done) use(last.ids)
    last = undefined
  }

  function checkMatched(): void {
    const numbers = hyper()
    if (!numbers) return
    const rows = matched()
    const filtered = rows.filter(({ state }) => state === 'filtered').length
    if (filtered > numbers.maxFiltered) fail('limits', `${filtered} filtered samples are stored`)
    const most = numbers.maxFiltered + numbers.batchesPerDay * numbers.batchMax
    if (rows.length > most) fail('limits', `${rows.length} matched samples are stored, where ${most} may be`)
  }

  return {
    committed(tables) {
      const numbers = hyper()
      if (tables.has('local')) ownLately.look()
      if (tables.has('matched')) matchedLately.look()
      if (tables.has('tasks')) {
        const present = JSON.stringify(storage.rows<TaskRow>('tasks')[0]?.manifest.schema) ?? ''
        // Samples of another schema are other samples, though they may be called the same.
        if (present !== schema) spent = new Set()
        schema = present
      }
      if (tables.has('history'))
        for (const { id } of storage.rows<{ id: string }>('history')) if (!born.has(id)) born.set(id, now())
      if (numbers && tables.has('local')) checkLocal(numbers)
      if (tables.has('matched')) checkMatched()
      if (tables.has('journal')) checkJournal()
      if (!numbers || !tables.has('state')) return
      const pulled = storage
        .rows<{ key: string; value: { next: number } }>('state')
        .find(({ key }) => key === 'pulled')
      if (pulled && pulled.value.next > numbers.batchesPerDay)
        fail('limits', `${pulled.value.next} batches were pulled in a day`)
    },
    reset() {
      own = new Set(local().map(({ exposure }) => exposure))
      spent = new Set()
      last = undefined
    },
    asked(job) {
      if (hyper()) checkSets(job) // else evicted this very moment
    },
    told({ task, samples }, { used, models }) {
      const filtered = new Set(samples.filtered?.ids)
      const ids = used.filter((id) => filtered.has(id))
      if (ids.length > 0) last = { task: task.name, ids }
      if (models[RANKING]) trainedOn.set(heartOf(models[RANKING]), ids)
    },
    used: (heart) => use(trainedOn.get(heart) ?? []),
    looked(time) {
      if (looks.at(-1) !== time) looks.push(time)
      if (looks.length > LOOKS) looks = looks.slice(-LOOKS / 2)
    },
  }
}
