/**
 * A row as deflate's symbols (RFC 1951, 3.2.5): bytes, and references to what the row itself has said before. A reference never
 * leaves its row, so a row means the same wherever in a stream it stands.
 */

/** Symbols 257 … of the first alphabet: how long a reference is. */
const LENGTHS = series(28, 4, 3)
/** Symbols of the second: how far it goes back. */
const DISTANCES = series(30, 2, 1)
export const END = 256
export const SYMBOLS = 286
export const DISTANCE_SYMBOLS = 30
const LEAST = 3
const MOST = 258
/** Earlier places that are looked at for each position. */
const TRIED = 4

interface Series {
  readonly base: Uint16Array
  readonly extra: Uint8Array
}

/** `group` symbols at a time stand for twice as many values each as those before. */
function series(count: number, group: number, first: number): Series {
  const base = new Uint16Array(count + 1)
  const extra = new Uint8Array(count + 1)
  for (let i = 0, next = first; i < count; i++) {
    extra[i] = Math.max(0, Math.floor(i / group) - 1)
    base[i] = next
    next += 1 << extra[i]!
  }
  return { base, extra }
}
// The longest reference has a symbol of its own.
LENGTHS.base[28] = MOST

const lengthSymbols = symbolsOf(LENGTHS, MOST)
const distanceSymbols = symbolsOf(DISTANCES, 1 << 15)

function symbolsOf({ base }: Series, most: number): Uint8Array {
  const symbols = new Uint8Array(most + 1)
  for (const [symbol, first] of base.entries()) if (first > 0) symbols.fill(symbol, first)
  return symbols
}

/** A byte is itself; a reference is length · 65,536 + distance. */
export type Token = number
export const lengthOf = (token: Token): number => token >>> 16
export const distanceOf = (token: Token): number => token & 0xffff
export const isByte = (token: Token): boolean => token < 256

export const lengthSymbol = (length: number): number => 257 + lengthSymbols[length]!
export const lengthExtra = (length: number): [value: number, bits: number] => {
  const symbol = lengthSymbols[length]!
  return [length - LENGTHS.base[symbol]!, LENGTHS.extra[symbol]!]
}
export const distanceSymbol = (distance: number): number => distanceSymbols[distance]!
export const distanceExtra = (distance: number): [value: number, bits: number] => {
  const symbol = distanceSymbols[distance]!
  return [distance - DISTANCES.base[symbol]!, DISTANCES.extra[symbol]!]
}
/** The other way: the least that a symbol stands for, and how many more bits say by how much it is more. */
export const lengthFrom = (symbol: number): [base: number, bits: number] => [
  LENGTHS.base[symbol - 257]!,
  LENGTHS.extra[symbol - 257]!,
]
export const distanceFrom = (symbol: number): [base: number, bits: number] => [
  DISTANCES.base[symbol]!,
  DISTANCES.extra[symbol]!,
]

/** What things cost, in bits: [SYMBOLS] and [DISTANCE_SYMBOLS], extra bits left out. */
export interface Costs {
  readonly symbols: ArrayLike<number>
  readonly distances: ArrayLike<number>
}

/** Rows into tokens, the cheapest that are found. Keeps its memory from row to row. */
export function createTokeniser({ symbols, distances }: Costs): (row: Uint8Array) => Token[] {
  const lengthCost = Float64Array.from({ length: MOST + 1 }, (_, length) =>
    length < LEAST ? 0 : symbols[lengthSymbol(length)]! + lengthExtra(length)[1],
  )
  const distanceCost = (distance: number): number =>
    distances[distanceSymbol(distance)]! + distanceExtra(distance)[1]
  const previous = createIndex()

  return (row) => {
    const before = previous(row)
    const costs = new Float64Array(row.length + 1)
    const choice = new Int32Array(row.length)
    for (let i = row.length - 1; i >= 0; i--) {
      let best = symbols[row[i]!]! + costs[i + 1]!
      choice[i] = row[i]!
      let longest = LEAST - 1
      for (let at = before[i]!, tries = TRIED; at >= 0 && tries > 0; at = before[at]!, tries--) {
        const length = same(row, at, i)
        if (length <= longest) continue
        const there = distanceCost(i - at)
        // What is as long was nearer, and so no dearer, before.
        for (let some = longest + 1; some <= length; some++) {
          const cost = lengthCost[some]! + there + costs[i + some]!
          if (cost >= best) continue
          best = cost
          choice[i] = some * 65_536 + i - at
        }
        longest = length
        if (length === MOST) break
      }
      costs[i] = best
    }
    const tokens: Token[] = []
    for (let i = 0; i < row.length; i += isByte(choice[i]!) ? 1 : lengthOf(choice[i]!))
      tokens.push(choice[i]!)
    return tokens
  }
}

/** How many bytes from `i` on are those from `at` on. */
function same(row: Uint8Array, at: number, i: number): number {
  const most = Math.min(MOST, row.length - i)
  let length = 0
  while (length < most && row[at + length] === row[i + length]) length++
  return length
}

/** For each position of a row, the last one before it that goes on alike for three bytes, as far as a hash tells; −1: none. */
function createIndex(): (row: Uint8Array) => Int32Array {
  const heads = new Float64Array(4096).fill(-1)
  let base = 0
  return (row) => {
    const before = new Int32Array(row.length).fill(-1)
    for (let i = 0; i + LEAST <= row.length; i++) {
      const hash = ((row[i]! << 8) ^ (row[i + 1]! << 4) ^ row[i + 2]!) & 4095
      // What earlier rows have left there lies below the base.
      if (heads[hash]! >= base) before[i] = heads[hash]! - base
      heads[hash] = base + i
    }
    base += row.length
    return before
  }
}
