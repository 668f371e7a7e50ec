/** Handing out linear memory, and the padding on which the kernel relies. */
/** Rounded up to whole v128 lanes, and products' rows to the four that they come in. */
export const inFours = (n: number): number => Math.ceil(n / 4) * 4

/** Hands out addresses, upwards and aligned to a v128; what is taken is not given back. */
export class Space {
  #end = 16 // so that no address is 0, which ends the kernel's lists

  /** The address of `words` 4-byte words. */
  take(words: number): number {
    const at = this.#end
    this.#end += 4 * inFours(words)
    return at
  }

  get end(): number {
    return this.#end
  }
}

/**
 * Where a tensor lies: rows of `columns` floats, each `width` floats after the one before. Of every `step` rows there,
 * the first `group` are the tensor's and the others zeros.
 */
export interface Place {
  readonly at: number
  readonly rows: number
  readonly columns: number
  readonly width: number
  readonly group: number
  readonly step: number
}

/** For the left or right side of products: `group` rows by `group`. */
export const placeMatrix = (space: Space, shape: readonly number[], group = shape[0]!): Place =>
  placeRows(space, shape, group, inFours(group))

/** For a table whose rows are taken one by one. */
export const placeTable = (space: Space, shape: readonly number[]): Place => placeRows(space, shape, 1, 1)

/** For [n], or [n, 1], as one row. */
export const placeVector = (space: Space, shape: readonly number[]): Place =>
  placeRows(space, [1, shape[0]!], 1, 1)

function placeRows(space: Space, shape: readonly number[], group: number, step: number): Place {
  const [rows, columns] = [shape[0]!, shape[1]!]
  const width = inFours(columns)
  return { at: space.take((rows / group) * step * width), rows, columns, width, group, step }
}

/** Calls `visit(address of a row in words, its start in the tensor)` for each row. */
function eachRow(
  { at, rows, columns, width, group, step }: Place,
  visit: (word: number, start: number) => void,
) {
  for (let row = 0; row < rows; row++)
    visit(at / 4 + (Math.floor(row / group) * step + (row % group)) * width, row * columns)
}

/** Lays a tensor at `to`, or `shift` bytes further on. */
export function write(floats: Float32Array, to: Place, data: Float32Array, shift = 0): void {
  eachRow(to, (word, start) => {
    for (let i = 0; i < to.columns; i++) floats[word + shift / 4 + i] = data[start + i]!
  })
}

export function fill(
  floats: Float32Array,
  { at, rows, width, group, step }: Place,
  value: number,
  shift = 0,
) {
  const from = (at + shift) / 4
  floats.fill(value, from, from + (rows / group) * step * width)
}

/** A copy of the tensor at `from`, which lies `shift` bytes further on. */
export function read(floats: Float32Array, from: Place, shift = 0): Float32Array<ArrayBuffer> {
  const data = new Float32Array(from.rows * from.columns)
  eachRow(from, (word, start) => {
    for (let i = 0; i < from.columns; i++) data[start + i] = floats[word + shift / 4 + i]!
  })
  return data
}
