/** What came of a run, for who wrote the task. */

import type { Catalogue } from '../../../shared/catalogue.ts'
import type { Weights } from '../../../shared/model/weights.ts'
import { readSafetensors } from '../../../shared/safetensors.ts'
import { RANKING } from '../../../shared/tasks/manifest.ts'
import type { Ran } from './run.ts'

/** What was written of a model, next to what the run was given of it. */
export interface Written {
  readonly name: string
  readonly values: number
  readonly bytes: number
  /** ‖after − before‖ / ‖before‖ over what has the same shape; null where nothing was there before. */
  readonly change: number | null
  /** The tensors that changed the most, by the same measure. */
  readonly most: readonly { readonly tensor: string; readonly change: number }[]
}

/** Everything, as it is told with `--json`. */
export interface Outcome {
  readonly task: string
  readonly trigger: string
  readonly given: Readonly<Record<string, number>>
  readonly ms: number
  readonly budgetMs: number
  readonly engine: string
  /** Bytes that the engine held at most, where it can tell. */
  readonly memory: number | null
  /** Of matched samples: how many were scored in each tenth from 0 to 1, were kept, and were used up. */
  readonly scores: { readonly tenths: readonly number[]; readonly unscored: number; readonly kept: number }
  readonly used: number
  readonly models: readonly Written[]
  readonly folds: readonly string[]
  /** Titles of the first ten, and how many of them are the first ten by the model's scores, too. */
  readonly order: { readonly first: readonly string[]; readonly asBefore: number } | null
  readonly reports: readonly { readonly name: string; readonly values: Readonly<Record<string, number>> }[]
  readonly result: unknown
}

const FIRST = 10

export function outcomeOf(
  { manifest, trigger, job, effects, ms, engine, memory }: Ran,
  catalogue: Catalogue,
): Outcome {
  const tenths = new Array<number>(10).fill(0)
  const scored = effects.scores.flatMap(({ score }) => (score === null ? [] : [score]))
  for (const score of scored) tenths[Math.min(9, Math.floor(score * 10))]!++
  return {
    task: manifest.name,
    trigger: trigger.on === 'call' ? `call:${trigger.name}` : trigger.on,
    given: Object.fromEntries(Object.entries(job.samples).map(([set, found]) => [set, found!.ids.length])),
    ms: Math.round(ms),
    budgetMs: manifest.budget.ms,
    engine,
    memory: memory ?? null,
    scores: {
      tenths,
      unscored: effects.scores.length - scored.length,
      kept: effects.scores.filter(({ keep }) => keep).length,
    },
    used: effects.used.length,
    models: Object.entries(effects.models).map(([name, weights]) => writtenOf(name, weights, job)),
    folds: effects.folds,
    order: effects.ranked ? orderOf(job, effects.ranked, catalogue) : null,
    reports: effects.reports,
    result: effects.result,
  }
}

function writtenOf(name: string, after: Weights, job: Ran['job']): Written {
  const bytes = job.models[name]?.now
  const before = bytes && readSafetensors(bytes)
  const tensors = Object.entries(after)
  const values = tensors.reduce((sum, [, { data }]) => sum + data.length, 0)
  const differing = tensors.map(([tensor, { data }]) => ({
    tensor,
    ...squares(data, before?.[tensor]?.data),
  }))
  const relative = (moved: number, was: number) =>
    was === 0 ? (moved === 0 ? 0 : 1) : Math.sqrt(moved / was)
  const sum = (of: 'moved' | 'was') => differing.reduce((total, one) => total + one[of], 0)
  const most = differing
    .map(({ tensor, moved, was }) => ({ tensor, change: relative(moved, was) }))
    .filter(({ change }) => change > 0)
    .sort((a, b) => b.change - a.change)
  return {
    name,
    values,
    bytes: 4 * values,
    change: before ? relative(sum('moved'), sum('was')) : null,
    most: before ? most.slice(0, 3) : [],
  }
}

function squares(after: Float32Array, before: Float32Array | undefined): { moved: number; was: number } {
  let [moved, was] = [0, 0]
  after.forEach((value, i) => {
    const old = before?.length === after.length ? before[i]! : 0
    moved += (value - old) ** 2
    was += old ** 2
  })
  return { moved, was }
}

function orderOf({ samples }: Ran['job'], ranked: Float32Array, { items }: Catalogue) {
  const { ids, scores } = samples.candidates!
  const titles = new Map(items.map(({ key, title }) => [key, title]))
  const firstBy = (by: ArrayLike<number>) =>
    ids
      .map((id, i) => ({ id, by: by[i]! }))
      .sort((a, b) => b.by - a.by)
      .slice(0, FIRST)
      .map(({ id }) => id)
  const [now, before] = [firstBy(ranked), new Set(scores ? firstBy(scores) : [])]
  return { first: now.map((id) => titles.get(id) ?? id), asBefore: now.filter((id) => before.has(id)).length }
}

const count = new Intl.NumberFormat('en')
const percent = (share: number): string => `${(100 * share).toPrecision(2)} %`
const size = (bytes: number): string =>
  bytes < 10_000 ? `${count.format(bytes)} bytes` : `${count.format(Math.round(bytes / 1000))} KB`
const BARS = ' ▁▂▃▄▅▆▇█'
const bars = (counts: readonly number[]): string => {
  const most = Math.max(1, ...counts)
  return counts.map((n) => BARS[n === 0 ? 0 : Math.max(1, Math.round((8 * n) / most))]).join('')
}

/** The same in lines, as a person wants to read it. */
export function linesOf(outcome: Outcome): string[] {
  const { given, ms, budgetMs, engine, memory, scores, used, models, folds, order, reports, result } = outcome
  const sets = Object.entries(given).map(([set, n]) => `${count.format(n)} ${set}`)
  const lines: [string, string][] = [
    ['read', sets.join(', ') || 'no samples'],
    [
      'took',
      `${count.format(ms)} of ${count.format(budgetMs)} ms on ${engine}${memory ? `, ${size(memory)} at most` : ''}`,
    ],
  ]
  const scored = scores.tenths.reduce((a, b) => a + b, 0)
  if (scored > 0) lines.push(['scored', `${scored}, from 0 to 1: ${bars(scores.tenths)}`])
  if (scores.unscored > 0) lines.push(['', `${scores.unscored} without a score`])
  if (scored + scores.unscored > 0) lines.push(['kept', `${scores.kept} of ${scored + scores.unscored}`])
  if (used > 0) lines.push(['used up', `${used} borrowed samples`])
  for (const { name, values, bytes, change, most } of models) {
    const how = change === null ? 'new' : `changed by ${percent(change)}`
    lines.push(['wrote', `${name}: ${count.format(values)} numbers, ${size(bytes)}, ${how}`])
    for (const one of most) lines.push(['', `${one.tensor} by ${percent(one.change)}`])
  }
  for (const name of folds) lines.push(['folds', `own samples into the personal vector of ${name}`])
  if (order) {
    lines.push(['ranked', `${order.asBefore} of the first ten are among the first ten by ${RANKING}`])
    order.first.forEach((title, i) => void lines.push(['', `${i + 1}. ${title}`]))
  }
  for (const { name, values } of reports)
    lines.push([
      'reports',
      `${name}: ${Object.entries(values)
        .map(([key, value]) => `${key} ${Number(value.toPrecision(4))}`)
        .join(', ')}`,
    ])
  lines.push(['returned', JSON.stringify(brief(result))])
  return lines.map(([what, text]) => `  ${what.padEnd(9)} ${text}`)
}

/** The same, long lists by their length. */
function brief(value: unknown): unknown {
  if (Array.isArray(value)) return value.length > 6 ? `… ${value.length} of them` : value.map(brief)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, brief(inner)]))
}
