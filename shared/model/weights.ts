/** Named float32 tensors, row-major: how a model's weights travel between engines, storage and the server. */
export interface Tensor {
  readonly shape: readonly number[]
  readonly data: Float32Array<ArrayBuffer>
}

/** Keys are in the order of `shapesOf(spec)`. */
export type Weights = Readonly<Record<string, Tensor>>

export const sizeOf = (shape: readonly number[]): number => shape.reduce((size, n) => size * n, 1)

/** A loop, because `every` asks a function for each number: that takes nine times as long, and a round asks of millions. */
export function allFinite(numbers: Float32Array): boolean {
  for (let i = 0; i < numbers.length; i++) if (!Number.isFinite(numbers[i])) return false
  return true
}

export const cloneWeights = (weights: Weights): Weights =>
  Object.fromEntries(
    Object.entries(weights).map(([name, { shape, data }]) => [name, { shape, data: data.slice() }]),
  )
