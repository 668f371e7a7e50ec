/** The one code that all rows of a data folder are compressed with, learnt from some of them. */
import * as z from 'zod'
import { codeLengths } from './huffman.ts'
import * as tokens from './tokens.ts'

const { DISTANCE_SYMBOLS, SYMBOLS } = tokens
/** RFC 1951: no code is longer. */
const MOST_BITS = 15

const lengths = (count: number) => z.array(z.int().min(1).max(MOST_BITS)).length(count)
/** The lengths of the codes: every byte, every length and every distance has one. */
export const codeSchema = z.strictObject({
  symbols: lengths(SYMBOLS),
  distances: lengths(DISTANCE_SYMBOLS),
})
export type Code = z.infer<typeof codeSchema>

/** Times that the code is made anew from what it makes of the rows. */
const ROUNDS = 3

/** A code that suits rows like these, and takes any row. */
export function learnCode(rows: readonly Uint8Array[]): Code {
  let costs: tokens.Costs = {
    symbols: new Uint8Array(SYMBOLS).fill(8),
    distances: new Uint8Array(30).fill(5),
  }
  let code: Code = { symbols: [], distances: [] }
  for (let round = 0; round < ROUNDS; round++) {
    // What was never seen counts once, so that it has a code.
    const symbols = new Float64Array(SYMBOLS).fill(1)
    const distances = new Float64Array(DISTANCE_SYMBOLS).fill(1)
    const tokenise = tokens.createTokeniser(costs)
    for (const row of rows)
      for (const token of tokenise(row)) {
        symbols[tokens.isByte(token) ? token : tokens.lengthSymbol(tokens.lengthOf(token))]!++
        if (!tokens.isByte(token)) distances[tokens.distanceSymbol(tokens.distanceOf(token))]!++
      }
    code = {
      symbols: [...codeLengths(symbols, MOST_BITS)],
      distances: [...codeLengths(distances, MOST_BITS)],
    }
    costs = code
  }
  return code
}
