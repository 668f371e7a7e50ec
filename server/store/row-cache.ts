/**
 * Rows that were read lately, in a fixed stretch of memory: one sample is handed to a hundred devices, and to find it in a tree
 * of pages takes ten times as long. It knows nothing of removals: whoever removes must clear it.
 */

export interface RowCache {
  /** Shows where a row is, if it is here. */
  find(id: number, look: (bytes: Uint8Array, from: number, to: number) => void): boolean
  /** Keeps a copy of bytes[from … to − 1], in the place of what was kept the longest ago. */
  keep(id: number, bytes: Uint8Array, from: number, to: number): void
  clear(): void
}

/** Rows that may be kept beside each other have different numbers in their last so many bits. */
const BITS = 19

/** At most `size` bytes of rows. */
export function createRowCache(size = 32 << 20, bits = BITS): RowCache {
  // Made when there is a first row: most threads never read any.
  let kept: { bytes: Uint8Array; ids: Uint32Array; starts: Float64Array; lengths: Uint32Array } | undefined
  const mask = 2 ** bits - 1
  /** Bytes that were ever written, as if there were no end: what is `size` behind is written over. */
  let written = 0
  return {
    find(id, look) {
      if (!kept) return false
      const place = id & mask
      const start = kept.starts[place]!
      if (kept.ids[place] !== id || start < 0 || written - start > size) return false
      const from = start % size
      look(kept.bytes, from, from + kept.lengths[place]!)
      return true
    },
    keep(id, bytes, from, to) {
      const length = to - from
      if (length > size) return
      kept ??= {
        bytes: new Uint8Array(size),
        ids: new Uint32Array(mask + 1),
        starts: new Float64Array(mask + 1).fill(-1),
        lengths: new Uint32Array(mask + 1),
      }
      // A row lies in one piece.
      if ((written % size) + length > size) written += size - (written % size)
      const at = written % size
      for (let i = 0; i < length; i++) kept.bytes[at + i] = bytes[from + i]!
      const place = id & mask
      kept.ids[place] = id
      kept.starts[place] = written
      kept.lengths[place] = length
      written += length
    },
    clear() {
      kept?.starts.fill(-1)
    },
  }
}
