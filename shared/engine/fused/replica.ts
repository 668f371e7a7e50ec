/**
 * Several replicas of a model that learn as one: each computes the gradient of its part of a mini-batch in a memory of
 * its own, all add up all gradients, and each makes the same step. What adds them up is not here: it knows of threads.
 */
import type { ModelSpec } from '../../model/spec.ts'
import type { Weights } from '../../model/weights.ts'
import type { Engine, Model, Training } from '../engine.ts'
import { type Layout, layOut } from './layout.ts'

/** One replica's way to the others. */
export interface Peers {
  /** Σ w over the whole mini-batch of this step, of which the batch that the replica is given is a part. */
  readonly total: number
  /**
   * Waits until every replica has its gradient, and leaves their sum in `gradient`, in the same order of addition for
   * all; answers the sum of their losses. What it throws is thrown by `step`, and the weights have not changed.
   */
  add(gradient: GradientBuffer, loss: number): number
}

/** Where a kernel has its gradient, to be read and written in place. */
export interface GradientBuffer {
  /** Of everything outside the embeddings. */
  readonly others: Float32Array
  readonly tables: readonly TableGradient[]
}

export interface TableGradient {
  /** Rows are so many floats apart in `rows`. */
  readonly width: number
  /** All of the table's rows; those not touched are zero. */
  readonly rows: Float32Array
  /** 1 for each row that is touched. */
  readonly flags: Uint8Array
  /** How many rows are touched, then which. */
  readonly touched: Int32Array
}

/** By any view of the kernel’s memory. */
export function gradientIn({ buffer }: Float32Array, { records, toGradient }: Layout): GradientBuffer {
  const [model] = fieldsOf(records, 'Model')
  return {
    others: new Float32Array(buffer, model!.other! + toGradient, model!.others),
    tables: fieldsOf(records, 'Table').map(({ width, rows, parameters, flags, touched }) => ({
      width: width!,
      rows: new Float32Array(buffer, parameters! + toGradient, rows! * width!),
      flags: new Uint8Array(buffer, flags, rows),
      touched: new Int32Array(buffer, touched, rows! + 1),
    })),
  }
}

/** Words that the gradient of up to `rows` rows takes as a list: of each table a count, and rows with their numbers. */
export function gradientWords(spec: ModelSpec, rows: number): number {
  const { records } = layOut(spec)
  const idsOf = spec.tables.map((_, table) =>
    spec.inputs.reduce((ids, input) => {
      if (input.kind === 'dense' || input.table !== table) return ids
      return ids + (input.kind === 'lookup' ? 1 : input.length + 1)
    }, 0),
  )
  return fieldsOf(records, 'Table').reduce(
    (words, table, i) => words + 1 + Math.min(table.rows!, rows * idsOf[i]!) * (1 + table.width!),
    fieldsOf(records, 'Model')[0]!.others!,
  )
}

const fieldsOf = (records: Layout['records'], wanted: string) =>
  records.flatMap(({ type, fields }) => (type === wanted ? [fields] : []))

/** From a parameter to its first moment, in bytes. */
export const toFirstIn = ({ records }: Layout): number =>
  records.find(({ type }) => type === 'Model')!.fields.toFirst!

/** What lazy Adam knows beside the weights: the steps it has made, and its moments by the names of the parameters. */
export interface Moments {
  readonly t: number
  readonly first: Weights
  readonly second: Weights
}

/** A model whose training can go on elsewhere, bit for bit as it would have here; with lazy embeddings and Adam only. */
export interface ResumableModel extends Model {
  /** Copies; with the weights of `save` they are all that a training knows. */
  saveMoments(): Promise<Moments>
  /** Throws `bad-artifact` for moments that are not this model's. */
  loadMoments(moments: Moments): Promise<void>
}

export interface FusedEngine extends Engine {
  load(spec: ModelSpec, weights: Weights, training?: Training): Promise<ResumableModel>
}
