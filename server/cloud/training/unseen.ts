/** What stands in the rows of an embedding that no sample has taught. */
import { FIRST_ID, UNKNOWN_ID } from '../../../shared/catalogue.ts'
import { cloneWeights, type Weights } from '../../../shared/model/weights.ts'

/**
 * Weights in which every row that is as it was in `fresh` means “unknown”: what nobody has seen yet is treated so, and not
 * by the numbers that it was drawn. Where no sample has taught “unknown” itself, it is the mean of the rows that were
 * taught. Padding stays as it is.
 */
export function withUnseenUnknown(weights: Weights, fresh: Weights): Weights {
  const settled = cloneWeights(weights)
  for (const [name, { shape, data }] of Object.entries(settled)) {
    if (!name.startsWith('embedding.')) continue
    const [rows, dim] = shape as [number, number]
    const before = fresh[name]!.data
    const rowOf = (id: number) => data.subarray(id * dim, (id + 1) * dim)
    const isTaught = (id: number) => rowOf(id).some((value, i) => value !== before[id * dim + i])
    const taught: number[] = []
    const unseen: number[] = []
    for (let id = FIRST_ID; id < rows; id++) (isTaught(id) ? taught : unseen).push(id)
    const unknown = rowOf(UNKNOWN_ID)
    if (!isTaught(UNKNOWN_ID) && taught.length > 0)
      unknown.set(unknown.map((_, i) => taught.reduce((sum, id) => sum + rowOf(id)[i]!, 0) / taught.length))
    for (const id of unseen) rowOf(id).set(unknown)
  }
  return settled
}
