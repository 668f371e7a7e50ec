/**
 * Directions, each kept once, as points with numbers. Users who are alike to the last bit are at one point: of a news
 * portal's readers thousands have read the one same article, and so many equal points would be a clique of their own in a
 * graph of neighbours, cut off from all others.
 */

export interface Points {
  readonly dims: number
  readonly size: number
  /** The unit vectors of points 0 … size − 1, row after row. */
  rows(): Float32Array<ArrayBuffer>
  row(point: number): Float32Array<ArrayBuffer>
  /** The point of a direction, which is made if there is none. */
  at(row: Float32Array): number
  /** The point of a direction, or −1. */
  find(row: Float32Array): number
  /** Puts a point elsewhere. */
  move(point: number, row: Float32Array): void
}

/** Of the length 1, or undefined where there is no direction: the vector is zero. [vector.length] */
export function directionOf(vector: ArrayLike<number>): Float32Array | undefined {
  let squares = 0
  for (let i = 0; i < vector.length; i++) squares += vector[i]! ** 2
  if (squares === 0) return undefined
  const length = Math.sqrt(squares)
  // + 0 turns −0 into 0: equal directions are equal bit by bit.
  return Float32Array.from({ length: vector.length }, (_, i) => vector[i]! / length + 0)
}

/** `rows`: the points that there are already. */
export function createPoints(dims: number, rows = new Float32Array()): Points {
  let matrix = rows
  let size = rows.length / dims
  /** Open addressing by hash: point + 1, 0 where free. */
  let table = new Int32Array(16)

  function rehash(): void {
    table = new Int32Array(2 ** Math.ceil(Math.log2(2 * size + 16)))
    for (let point = 0; point < size; point++) link(point)
  }

  function link(point: number): void {
    let at = hash(matrix, point * dims, dims) & (table.length - 1)
    while (table[at]! > 0) at = (at + 1) & (table.length - 1)
    table[at] = point + 1
  }

  /** Takes a point out of the table; those behind it may have stood where they do because of it. */
  function unlink(point: number): void {
    const mask = table.length - 1
    let at = hash(matrix, point * dims, dims) & mask
    while (table[at] !== point + 1) at = (at + 1) & mask
    table[at] = 0
    for (at = (at + 1) & mask; table[at]! > 0; at = (at + 1) & mask) {
      const other = table[at]! - 1
      table[at] = 0
      link(other)
    }
  }

  function equals(point: number, row: Float32Array): boolean {
    for (let i = 0, at = point * dims; i < dims; i++, at++) if (matrix[at] !== row[i]) return false
    return true
  }

  function find(row: Float32Array): number {
    const mask = table.length - 1
    for (let at = hash(row, 0, dims) & mask; table[at]! > 0; at = (at + 1) & mask)
      if (equals(table[at]! - 1, row)) return table[at]! - 1
    return -1
  }

  rehash()
  return {
    dims,
    get size() {
      return size
    },
    rows: () => matrix.subarray(0, size * dims),
    row: (point) => matrix.subarray(point * dims, (point + 1) * dims),
    find,
    at(row) {
      const known = find(row)
      if (known >= 0) return known
      if ((size + 1) * dims > matrix.length) {
        const grown = new Float32Array(Math.max(1024 * dims, Math.ceil(matrix.length * 1.5)))
        grown.set(matrix.subarray(0, size * dims))
        matrix = grown
      }
      matrix.set(row, size * dims)
      size++
      if (2 * size > table.length) rehash()
      else link(size - 1)
      return size - 1
    },
    move(point, row) {
      unlink(point)
      matrix.set(row, point * dims)
      link(point)
    },
  }
}

/** Of the bits of `dims` numbers from `at` on. */
function hash(rows: Float32Array, at: number, dims: number): number {
  const bits = new Int32Array(rows.buffer, rows.byteOffset + 4 * at, dims)
  let h = 0x811c9dc5
  for (let i = 0; i < dims; i++) {
    h = Math.imul(h ^ bits[i]!, 0x9e3779b1)
    h ^= h >>> 15
  }
  return h
}
