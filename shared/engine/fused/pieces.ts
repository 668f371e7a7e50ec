/** A batch on its way through the kernel, in pieces that fit its scratch memory. */
import type { ModelSpec } from '../../model/spec.ts'
import type { Batch } from '../../sample.ts'
import { checkBatch } from '../batch.ts'
import { followed } from '../training.ts'
import type { State } from './state.ts'

/** Runs of at most `most` rows, [from, to), that have weight: a row without any is not computed at all. */
export function weightedRuns({ size, weights }: Batch, most: number): [number, number][] {
  const runs: [number, number][] = []
  for (let from = 0; from < size; from++) {
    if (weights[from] === 0) continue
    let to = from + 1
    while (to < size && to - from < most && weights[to] !== 0) to++
    runs.push([from, to])
    from = to - 1
  }
  return runs
}

/** Takes these runs of rows to the layers, those there and back with all of them, and them back; their loss. */
export function learnTogether(
  state: State,
  spec: ModelSpec,
  batch: Batch,
  runs: readonly [number, number][],
  total: number,
): number {
  const { kernel, layout } = state
  let at = 0
  for (const [from, to] of runs) {
    put(state, spec, batch, from, to)
    putLabels(state, batch, from, to, at, total)
    if (!kernel.enter(layout.model, at, to - from)) checkBatch(spec, batch)
    at += to - from
  }
  const loss = kernel.learn(layout.model, at)
  for (const [i, [from, to]] of [...runs.entries()].reverse()) {
    at -= to - from
    if (i < runs.length - 1) {
      put(state, spec, batch, from, to)
      kernel.enter(layout.model, at, to - from)
    }
    kernel.leave(layout.model, at, to - from)
  }
  return loss
}

export function hasFiniteStatistics({ layout, floats }: State): boolean {
  for (const [name, at] of layout.statistics) {
    const { columns } = layout.places.get(name)!
    if (!floats.subarray(at / 4, at / 4 + columns).every(Number.isFinite)) return false
  }
  return true
}

/** Draws these running statistics towards those of the rows learnt from last. */
export function follow({ layout, floats }: State, names: ReadonlySet<string>): void {
  for (const [name, at] of layout.statistics) {
    if (!names.has(name)) continue
    const { at: running, columns } = layout.places.get(name)!
    for (let j = 0; j < columns; j++)
      floats[running / 4 + j] = followed(floats[running / 4 + j]!, floats[at / 4 + j]!)
  }
}

/** Lays ids and dense values of rows [from, to) where the kernel reads them. */
export function put(
  { layout, floats, ints }: State,
  spec: ModelSpec,
  batch: Batch,
  from: number,
  to: number,
): void {
  const { ids, dense } = layout.input
  ints.set(batch.ids.subarray(from * spec.idWidth, to * spec.idWidth), ids / 4)
  floats.set(batch.dense.subarray(from * spec.denseWidth, to * spec.denseWidth), dense / 4)
}

/** Lays labels and shares of rows [from, to) where the kernel reads them, as its rows from `at` on. */
function putLabels(
  { layout, floats }: State,
  { labels, weights }: Batch,
  from: number,
  to: number,
  at: number,
  total: number,
): void {
  const { input } = layout
  for (let row = from; row < to; row++) {
    floats[input.labels / 4 + at + row - from] = labels[row]!
    floats[input.shares / 4 + at + row - from] = weights[row]! / total
  }
}
