/** Prefix codes as deflate (RFC 1951, 3.2.2) has them: the lengths of the codes are all that has to be told. */

/** The lengths of the best code in which none is longer than `limit` (package-merge, Larmore and Hirschberg 1990). */
export function codeLengths(weights: ArrayLike<number>, limit: number): Uint8Array {
  interface Coin {
    readonly weight: number
    /** Those it stands for. */
    readonly symbols: readonly number[]
  }
  const byWeight = (a: Coin, b: Coin) => a.weight - b.weight
  const leaves = Array.from(weights, (weight, symbol): Coin => ({ weight, symbols: [symbol] })).sort(byWeight)
  if (leaves.length > 2 ** limit) throw new RangeError(`${leaves.length} codes do not fit ${limit} bits`)
  let coins = leaves
  for (let level = 1; level < limit; level++) {
    const pairs: Coin[] = []
    for (let i = 1; i < coins.length; i += 2) {
      const [a, b] = [coins[i - 1]!, coins[i]!]
      pairs.push({ weight: a.weight + b.weight, symbols: [...a.symbols, ...b.symbols] })
    }
    coins = [...leaves, ...pairs].sort(byWeight)
  }
  const lengths = new Uint8Array(weights.length)
  for (const { symbols } of coins.slice(0, 2 * leaves.length - 2))
    for (const symbol of symbols) lengths[symbol]!++
  return lengths
}

/** The codes of these lengths, each turned round: deflate writes a code from its first bit on, all else from the last. */
export function codesOf(lengths: Uint8Array): Uint16Array {
  const codes = new Uint16Array(lengths.length)
  let next = 0
  for (let length = 1; length <= 15; length++) {
    for (const [symbol, its] of lengths.entries())
      if (its === length) codes[symbol] = reversed(next++, length)
    next *= 2
  }
  return codes
}

function reversed(code: number, length: number): number {
  let turned = 0
  for (let i = 0; i < length; i++) turned = (turned << 1) | ((code >>> i) & 1)
  return turned
}

/** By the next 15 bits of a stream: symbol · 16 + length of its code. */
export function decodingTable(lengths: Uint8Array): Uint16Array {
  const table = new Uint16Array(1 << 15)
  for (const [symbol, code] of codesOf(lengths).entries()) {
    const length = lengths[symbol]!
    for (let bits = code; length > 0 && bits < table.length; bits += 1 << length)
      table[bits] = symbol * 16 + length
  }
  return table
}
