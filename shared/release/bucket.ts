/** Where a device stands on a scale of 0 to 100: by its id and a salt alone, the same everywhere and for ever. */

/**
 * In [0, 100), to 2⁻³² of it. With another salt a device stands elsewhere, as if drawn anew. Ids are given by the server, so nobody
 * chooses where they stand.
 */
export function bucketOf(device: string, salt: string): number {
  return (murmur3(new TextEncoder().encode(`${salt}\u0000${device}`)) / 2 ** 32) * 100
}

/** MurmurHash3, x86, 32 bits (Appleby 2011, public domain). */
export function murmur3(bytes: Uint8Array, seed = 0): number {
  let hash = seed
  const whole = bytes.length & ~3
  for (let at = 0; at < whole; at += 4) {
    const word = bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)
    hash = rotate(hash ^ scramble(word), 13)
    hash = (Math.imul(hash, 5) + 0xe6546b64) | 0
  }
  let rest = 0
  for (let at = bytes.length - 1; at >= whole; at--) rest = (rest << 8) | bytes[at]!
  if (bytes.length > whole) hash ^= scramble(rest)
  hash ^= bytes.length
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return (hash ^ (hash >>> 16)) >>> 0
}

const scramble = (word: number): number => Math.imul(rotate(Math.imul(word, 0xcc9e2d51), 15), 0x1b873593)
const rotate = (value: number, by: number): number => (value << by) | (value >>> (32 - by))
