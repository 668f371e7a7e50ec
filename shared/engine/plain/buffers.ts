/** Where everything lies: all parameters of a model in one flat buffer, gradient and moments in twins of it. */
import { type ModelSpec, shapesOf } from '../../model/spec.ts'
import { sizeOf, type Tensor, type Weights } from '../../model/weights.ts'

/** `offsets` by parameter name; embeddings fill [0, embedded), everything else [embedded, size). */
export interface Plan {
  readonly offsets: ReadonlyMap<string, number>
  /** Runs [from, to) outside the embeddings that are not frozen. */
  readonly trained: readonly (readonly [number, number])[]
  readonly embedded: number
  readonly size: number
}

export function planOf(spec: ModelSpec, frozen: ReadonlySet<string> = new Set()): Plan {
  const offsets = new Map<string, number>()
  const trained: [number, number][] = []
  let size = 0
  let embedded = 0
  for (const [name, shape] of shapesOf(spec)) {
    offsets.set(name, size)
    size += sizeOf(shape)
    if (name.startsWith('embedding.')) embedded = size
    else if (!frozen.has(name)) {
      const run = trained.at(-1)
      if (run && run[1] === offsets.get(name)) run[1] = size
      else trained.push([offsets.get(name)!, size])
    }
  }
  return { offsets, trained, embedded, size }
}

export function flatten(spec: ModelSpec, plan: Plan, weights: Weights): Float32Array<ArrayBuffer> {
  const flat = new Float32Array(plan.size)
  for (const name of shapesOf(spec).keys()) flat.set(weights[name]!.data, plan.offsets.get(name)!)
  return flat
}

/** Named copies of what lies in `flat`. */
export function unflatten(spec: ModelSpec, plan: Plan, flat: Float32Array<ArrayBuffer>): Weights {
  const weights: Record<string, Tensor> = {}
  for (const [name, shape] of shapesOf(spec)) {
    const at = plan.offsets.get(name)!
    weights[name] = { shape, data: flat.slice(at, at + sizeOf(shape)) }
  }
  return weights
}

/**
 * The embedding rows that a batch has given a gradient, each once. Rows of all tables are numbered through:
 * row id of table t is `first(t) + id` and lies at `offset(row)`, `width(row)` wide.
 */
export class TouchedRows {
  readonly rows: number
  readonly list: Int32Array<ArrayBuffer>
  count = 0
  readonly #firsts: number[] = []
  readonly #tables: { first: number; at: number; dim: number; trained: boolean }[] = []
  readonly #touched: Uint8Array

  constructor(spec: ModelSpec, frozen: ReadonlySet<string>) {
    let first = 0
    let at = 0
    for (const { name, rows, dim } of spec.tables) {
      this.#firsts.push(first)
      this.#tables.push({ first, at, dim, trained: !frozen.has(`embedding.${name}`) })
      first += rows
      at += rows * dim
    }
    this.rows = first
    this.list = new Int32Array(first)
    this.#touched = new Uint8Array(first)
  }

  first(table: number): number {
    return this.#firsts[table]!
  }

  touch(row: number): void {
    if (this.#touched[row] === 1) return
    this.#touched[row] = 1
    this.list[this.count++] = row
  }

  /** Calls `visit(row, offset, width)` for those of the first `count` entries of `list` that are not frozen. */
  each(list: Int32Array, count: number, visit: (row: number, offset: number, width: number) => void): void {
    this.#each(list, count, false, visit)
  }

  #each(
    list: Int32Array,
    count: number,
    frozenToo: boolean,
    visit: (row: number, offset: number, width: number) => void,
  ): void {
    for (let i = 0; i < count; i++) {
      const row = list[i]!
      let t = this.#tables.length - 1
      while (this.#tables[t]!.first > row) t--
      const { first, at, dim, trained } = this.#tables[t]!
      if (trained || frozenToo) visit(row, at + (row - first) * dim, dim)
    }
  }

  /** Forgets what was touched, and zeroes those rows of `gradient`. */
  clear(gradient: Float32Array): void {
    this.#each(this.list, this.count, true, (row, offset, width) => {
      gradient.fill(0, offset, offset + width)
      this.#touched[row] = 0
    })
    this.count = 0
  }
}
