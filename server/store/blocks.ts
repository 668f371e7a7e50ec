/**
 * Rows side by side in one value, because a value by itself costs 14 bytes: the length of each row (varints), then the rows. A row of
 * no length is gone.
 */

/** Puts rows behind those that are there. */
export function addToBlock(block: Buffer | undefined, rows: readonly Uint8Array[]): Buffer {
  return blockOf([...(block ? rowsIn(block) : []), ...rows])
}

/** Where the row at a place begins and ends; undefined where there is none (any more). */
export function boundsIn(block: Uint8Array, place: number): { from: number; to: number } | undefined {
  let at = 0
  let told = 0
  let before = 0
  let own = 0
  // The lengths end where they and the rows that they tell of are all that there is.
  for (let i = 0; at + told < block.length; i++) {
    let length = 0
    let shift = 0
    for (; block[at]! >= 128; shift += 7) length |= (block[at++]! & 127) << shift
    length |= block[at++]! << shift
    if (i === place) {
      before = told
      own = length
    }
    told += length
  }
  return own > 0 ? { from: at + before, to: at + before + own } : undefined
}

/** The row at a place. */
export function rowIn(block: Buffer, place: number): Buffer | undefined {
  const bounds = boundsIn(block, place)
  return bounds && block.subarray(bounds.from, bounds.to)
}

/** The block without the rows at these places; the others stay where they are. */
export const withoutRows = (block: Buffer, places: ReadonlySet<number>): Buffer =>
  blockOf(rowsIn(block).map((row, i) => (places.has(i) ? Buffer.alloc(0) : row)))

function blockOf(rows: readonly Uint8Array[]): Buffer {
  const lengths: number[] = []
  for (const { length } of rows) {
    let rest = length
    for (; rest >= 128; rest >>>= 7) lengths.push((rest & 127) | 128)
    lengths.push(rest)
  }
  return Buffer.concat([Buffer.from(lengths), ...rows])
}

export function rowsIn(block: Buffer): Buffer[] {
  const lengths: number[] = []
  let at = 0
  // The lengths end where they and the rows that they tell of are all that there is.
  for (let told = 0; at + told < block.length; ) {
    let length = 0
    let shift = 0
    for (; block[at]! >= 128; shift += 7) length |= (block[at++]! & 127) << shift
    length |= block[at++]! << shift
    lengths.push(length)
    told += length
  }
  return lengths.map((length) => {
    at += length
    return block.subarray(at - length, at)
  })
}
