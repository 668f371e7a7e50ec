/**
 * A model some of whose tables are here only in part: what a device keeps, ranks with and trains. Of a catalogue of a
 * million items it needs the rows that its samples and candidates touch; an id whose row is not here has the row of
 * `UNKNOWN_ID`. A row that no sample touches has no gradient, so training the part gives what training the whole would
 * give, bit by bit.
 *
 * As a file, such a table `embedding.<table>` [n, dim] has `ids.<table>` (I32 [n]) beside it.
 *
 * M of a task that has item factors also holds its user's personal vector (`factors.ts`), as the tensor `personal.vector`.
 */
import { UNKNOWN_ID } from '../catalogue.ts'
import { AppError } from '../failure.ts'
import { type IdTensor, isWeight, readTensors, writeSafetensors } from '../safetensors.ts'
import type { Batch } from '../sample.ts'
import type { FeatureSchema } from '../schema.ts'
import { bitsOf, CORE, type Ids, idsIn, positionsOf, sorted } from './ids.ts'
import { checkWeights, type ModelSpec } from './spec.ts'
import { allFinite, type Tensor, type Weights } from './weights.ts'

/** By table, the ids whose rows are here, in the order of the rows; a table that is not named is whole. */
export type Vocabulary = Readonly<Record<string, Ids>>

export interface LocalModel {
  readonly ids: Vocabulary
  readonly weights: Weights
  /** [dim of the task's item factors + 1]; absent until the user has been folded in. */
  readonly personal?: Float32Array<ArrayBuffer> | undefined
}

const PERSONAL = 'personal.vector'

/** Rows from elsewhere: undefined where there is none. */
export type FindRow = (table: string, id: number) => Float32Array | undefined

/** The ids that batches touch in each table. One outside its table is left out. */
export function touchedIds(spec: ModelSpec, batches: readonly Pick<Batch, 'size' | 'ids'>[]): Vocabulary {
  const touched = spec.tables.map(({ rows }) => bitsOf(CORE, rows))
  for (const { table, at, length } of columnsOf(spec)) {
    const bits = touched[table]!
    const { rows } = spec.tables[table]!
    for (const { size, ids } of batches)
      for (let row = 0; row < size; row++)
        for (let i = row * spec.idWidth + at, end = i + length; i < end; i++) {
          const id = ids[i]!
          if (id >= 0 && id < rows) bits[id >> 5]! |= 1 << (id & 31)
        }
  }
  return Object.fromEntries(spec.tables.map(({ name }, table) => [name, idsIn(touched[table]!)]))
}

/** Where ids of which table stand in a packed sample, each place once: a query is an input, too, as a rule. */
function columnsOf(spec: ModelSpec): Iterable<{ table: number; at: number; length: number }> {
  const columns = new Map<number, { table: number; at: number; length: number }>()
  for (const input of spec.inputs) {
    if (input.kind === 'dense') continue
    const { table, at } = input
    columns.set(at, { table, at, length: input.kind === 'lookup' ? 1 : input.length })
    if (input.kind === 'attend') columns.set(input.query, { table, at: input.query, length: 1 })
  }
  return columns.values()
}

/** The ids of `wanted` that are not here, by table; tables that lack none are left out. */
export function missingIds(wanted: Vocabulary, here: Vocabulary): Readonly<Record<string, number[]>> {
  const missing = Object.entries(wanted).map(([table, ids]): [string, number[]] => {
    const positionOf = here[table] && positionsOf(here[table])
    return [table, positionOf ? [...ids].filter((id) => positionOf(id) < 0) : []]
  })
  return Object.fromEntries(missing.filter(([, ids]) => ids.length > 0))
}

/** What the part computes: the same model with shorter tables. */
export const localSpec = (spec: ModelSpec, ids: Vocabulary): ModelSpec => ({
  ...spec,
  tables: spec.tables.map((table) => ({ ...table, rows: ids[table.name]?.length ?? table.rows })),
})

/** The same as a schema: `din` and `prunedDin` build the part's models from it. It generates no samples. */
export const localSchema = (schema: FeatureSchema, ids: Vocabulary): FeatureSchema => ({
  ...schema,
  vocabularies: Object.fromEntries(
    Object.entries(schema.vocabularies).map(([name, vocabulary]) => [
      name,
      ids[name] ? { size: ids[name].length, dim: vocabulary.dim } : vocabulary,
    ]),
  ),
})

/** The batch with its ids as rows of the part's tables. */
export function localBatch<B extends Pick<Batch, 'size' | 'ids'>>(
  spec: ModelSpec,
  vocabulary: Vocabulary,
  batch: B,
): B {
  const ids = batch.ids.slice()
  for (const { table, at, length } of columnsOf(spec)) {
    const here = vocabulary[spec.tables[table]!.name]
    if (!here) continue
    const positionOf = positionsOf(here)
    for (let row = 0; row < batch.size; row++)
      for (let i = row * spec.idWidth + at, end = i + length; i < end; i++) {
        const position = positionOf(ids[i]!)
        ids[i] = position < 0 ? UNKNOWN_ID : position
      }
  }
  return { ...batch, ids }
}

/**
 * Of each table that `wanted` names, the rows of its ids: those of `model`, else those that `others` has; ids that neither
 * has are left out. Everything else is as it is in `model`.
 */
export function partOf(model: LocalModel, wanted: Vocabulary, others: FindRow = () => undefined): LocalModel {
  const ids: Record<string, Ids> = { ...model.ids }
  const weights: Record<string, Tensor> = { ...model.weights }
  for (const [table, all] of Object.entries(wanted)) {
    const row = rowsOf(model, table)
    const found = all.filter((id) => row(id) ?? others(table, id))
    ids[table] = found
    weights[nameOf(table)] = tensorOf(found, dimOf(model, table), (id) => row(id) ?? others(table, id)!)
  }
  return { ...model, ids, weights }
}

/** `model` with rows that it lacked, as far as `others` has them; the same model where it has none. */
export function withRows(
  model: LocalModel,
  lacked: Readonly<Record<string, readonly number[]>>,
  others: FindRow,
): LocalModel {
  const found = Object.entries(lacked).map(([table, ids]): [string, Ids] => {
    const more = ids.filter((id) => others(table, id))
    return [table, sorted([...model.ids[table]!, ...more])]
  })
  const grown = found.filter(([table, ids]) => ids.length > model.ids[table]!.length)
  return grown.length === 0 ? model : partOf(model, Object.fromEntries(grown), others)
}

/**
 * `base` after a training of its part: `before` was given to the trainer, `after` came back. A whole table stays whole; of
 * another, the rows that training changed come in beside those that `base` holds. Beyond `most` rows in such a table the
 * lowest ids go that this training did not touch.
 */
export function withTrained(base: LocalModel, before: LocalModel, after: Weights, most: number): LocalModel {
  const trained: LocalModel = { ids: before.ids, weights: after }
  const ids: Record<string, Ids> = { ...base.ids }
  const weights: Record<string, Tensor> = { ...after }
  for (const [table, touched] of Object.entries(before.ids)) {
    const held = base.ids[table]
    if (!held) {
      weights[nameOf(table)] = overwritten(base.weights[nameOf(table)]!, touched, after[nameOf(table)]!)
      continue
    }
    const kept = sorted([...held, ...changed(table, before, trained)])
    ids[table] = bounded(kept, touched, most)
    const [newer, older] = [rowsOf(trained, table), rowsOf(base, table)]
    weights[nameOf(table)] = tensorOf(ids[table], dimOf(base, table), (id) => newer(id) ?? older(id)!)
  }
  return { ids, weights: inOrderOf(base.weights, weights) }
}

/** Reads a model from its file. Throws `bad-artifact` unless it is one of `spec`, whole or in part. */
export function readLocal(spec: ModelSpec, bytes: Uint8Array): LocalModel {
  const ids: Record<string, Ids> = {}
  const { [PERSONAL]: vector, ...tensors } = readTensors(bytes)
  const weights: Record<string, Tensor> = {}
  for (const [name, tensor] of Object.entries(tensors)) {
    if (isWeight(tensor)) weights[name] = tensor
    else ids[name.replace(/^ids\./, '')] = checkedIds(spec, name, tensor)
  }
  checkWeights(localSpec(spec, ids), weights)
  return { ids, weights, ...(vector && { personal: checkedVector(vector) }) }
}

export const writeLocal = ({ ids, weights, personal }: LocalModel): Uint8Array<ArrayBuffer> =>
  writeSafetensors({
    ...weights,
    ...Object.fromEntries(
      Object.entries(ids).map(([table, data]) => [`ids.${table}`, { shape: [data.length], data }]),
    ),
    ...(personal && { [PERSONAL]: { shape: [personal.length], data: personal } }),
  })

function checkedVector(tensor: Tensor | IdTensor): Float32Array<ArrayBuffer> {
  if (!isWeight(tensor) || tensor.shape.length !== 1 || !allFinite(tensor.data))
    throw new AppError('bad-artifact', `Tensor ${PERSONAL} is not a vector of finite numbers.`)
  return tensor.data
}

function checkedIds(spec: ModelSpec, name: string, { shape, data }: IdTensor): Ids {
  const table = spec.tables.find((table) => name === `ids.${table.name}`)
  if (!table) throw new AppError('bad-artifact', `The model has an unexpected tensor ${name}.`)
  const ascending = data.every((id, i) => (i < CORE.length ? id === CORE[i] : id > data[i - 1]!))
  if (shape.length !== 1 || data.length < CORE.length || !ascending || data.at(-1)! >= table.rows)
    throw new AppError('bad-artifact', `Tensor ${name} does not list rows of its table in their order.`)
  return data
}

const nameOf = (table: string): string => `embedding.${table}`
const dimOf = ({ weights }: LocalModel, table: string): number => weights[nameOf(table)]!.shape[1]!

/** Finds the row of an id in a table, as a view of it. */
export function rowsOf(model: LocalModel, table: string): (id: number) => Float32Array | undefined {
  const { data, shape } = model.weights[nameOf(table)]!
  const dim = shape[1]!
  const positionOf = model.ids[table] && positionsOf(model.ids[table])
  return (id) => {
    const at = positionOf ? positionOf(id) : id
    return at < 0 || at >= shape[0]! ? undefined : data.subarray(at * dim, (at + 1) * dim)
  }
}

function tensorOf(ids: Ids, dim: number, rowOf: (id: number) => Float32Array): Tensor {
  const data = new Float32Array(ids.length * dim)
  ids.forEach((id, i) => {
    data.set(rowOf(id), i * dim)
  })
  return { shape: [ids.length, dim], data }
}

function overwritten({ shape, data }: Tensor, ids: Ids, rows: Tensor): Tensor {
  const dim = shape[1]!
  const copy = data.slice()
  ids.forEach((id, row) => {
    copy.set(rows.data.subarray(row * dim, (row + 1) * dim), id * dim)
  })
  return { shape, data: copy }
}

const changed = (table: string, before: LocalModel, after: LocalModel): Ids => {
  const [was, is] = [rowsOf(before, table), rowsOf(after, table)]
  return before.ids[table]!.filter((id) => {
    const old = was(id)!
    return is(id)!.some((value, i) => !Object.is(value, old[i]))
  })
}

function bounded(ids: Ids, touched: Ids, most: number): Ids {
  let excess = ids.length - most
  const positionOf = positionsOf(touched)
  return excess <= 0 ? ids : ids.filter((id) => positionOf(id) >= 0 || excess-- <= 0)
}

/** Tensors keep the canonical order of the model that they came from. */
const inOrderOf = (order: Weights, weights: Weights): Weights =>
  Object.fromEntries(Object.keys(order).map((name) => [name, weights[name]!]))
