/** Weights of unordered pairs of numbers, added up: a hash table in two typed arrays, where a Map would take ten times the memory. */

export interface Tally {
  /** Both from 0 to 2²⁶ − 1, the order does not matter. */
  add(one: number, other: number, weight: number): void
  /** Each pair once, the lesser number first, in ascending order. */
  pairs(): { one: Int32Array; other: Int32Array; values: Float32Array }
}

const SPAN = 2 ** 26
const FULL = 0.6

export function createTally(): Tally {
  let size = 1024
  let used = 0
  /** Pair + 1; 0 is a free place. */
  let keys = new Float64Array(size)
  let weights = new Float32Array(size)

  function placeOf(key: number): number {
    // Both halves of the number, or pairs of the same first item would stand in a row.
    const mixed = Math.imul(key % SPAN, 0x9e3779b1) ^ Math.imul(Math.floor(key / SPAN), 0x85ebca6b)
    let at = (mixed ^ (mixed >>> 15)) & (size - 1)
    while (keys[at] !== 0 && keys[at] !== key) at = (at + 1) & (size - 1)
    return at
  }

  function grow(): void {
    const [oldKeys, oldWeights] = [keys, weights]
    size *= 2
    keys = new Float64Array(size)
    weights = new Float32Array(size)
    oldKeys.forEach((key, i) => {
      if (key === 0) return
      const at = placeOf(key)
      keys[at] = key
      weights[at] = oldWeights[i]!
    })
  }

  return {
    add(one, other, weight) {
      const key = Math.min(one, other) * SPAN + Math.max(one, other) + 1
      const at = placeOf(key)
      if (keys[at] === 0) {
        keys[at] = key
        used++
      }
      weights[at]! += weight
      if (used > FULL * size) grow()
    },
    pairs() {
      const sorted = keys.filter((key) => key !== 0).sort()
      return {
        one: Int32Array.from(sorted, (key) => Math.floor((key - 1) / SPAN)),
        other: Int32Array.from(sorted, (key) => (key - 1) % SPAN),
        values: Float32Array.from(sorted, (key) => weights[placeOf(key)]!),
      }
    },
  }
}
