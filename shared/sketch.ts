/**
 * What somebody clicked, in a few numbers, where items have no categories to be counted in: every item is a fixed
 * vector of ±1, and the sketch is the sum over the clicks, scaled to unit length. The dot product of two sketches
 * estimates the cosine between the two users' counts of clicks, and is off by about 1/√size for users who have nothing
 * in common, by less for others (Alon, Matias & Szegedy 1996; feature hashing, Weinberger et al. 2009).
 *
 * The vector follows from the item's key alone, so that server and devices agree and a growing catalogue changes nothing.
 */

/** Adds `by` × the item's vector to `sum` (its first `size` components, whatever the size). */
export function addItem(sum: Int32Array | Float64Array, key: string, by: number): void {
  const seed = fnv1a(key)
  for (let at = 0; at < sum.length; at += 32) {
    let bits = mix(seed + at)
    for (let i = at; i < Math.min(at + 32, sum.length); i++) {
      sum[i]! += bits & 1 ? by : -by
      bits >>>= 1
    }
  }
}

/** 1 / the length of the first `size` components; 0 for a sum of nothing. */
export function scaleOf(sum: Int32Array | Float64Array, size: number): number {
  let squares = 0
  for (let i = 0; i < size; i++) squares += sum[i]! ** 2
  return squares > 0 ? 1 / Math.sqrt(squares) : 0
}

/** 32-bit FNV-1a over the key's UTF-16 units. */
function fnv1a(key: string): number {
  let hash = 0x811c9dc5
  for (let i = 0; i < key.length; i++) hash = Math.imul(hash ^ key.charCodeAt(i), 0x01000193)
  return hash
}

/** The finaliser of MurmurHash3: every bit of the result hangs on every bit of `value`. */
function mix(value: number): number {
  let z = Math.imul(value, 0x9e3779b1)
  z = Math.imul(z ^ (z >>> 16), 0x85ebca6b)
  z = Math.imul(z ^ (z >>> 13), 0xc2b2ae35)
  return z ^ (z >>> 16)
}
