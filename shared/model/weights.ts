/** Named float32 tensors, row-major: how a model's weights travel between engines, storage and the server. */
export interface Tensor {
  readonly shape: readonly number[]
  readonly data: Float32Array<ArrayBuffer>
}

/** Keys are in the order of `shapesOf(spec)`. */
export type Weights = Readonly<Record<string, Tensor>>

export const sizeOf = (shape: readonly number[]): number => shape.reduce((size, n) => size * n, 1)

export const cloneWeights = (weights: Weights): Weights =>
  Object.fromEntries(
    Object.entries(weights).map(([name, { shape, data }]) => [name, { shape, data: data.slice() }]),
  )
