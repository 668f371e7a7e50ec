/** What the engine tests share beyond vitest's own. */
import { expect } from 'vitest'
import type { Weights } from '../model/weights.ts'
import { smallBatch, smallSpec, smallWeights } from './contract.data.ts'
import type { Engine, Model } from './engine.ts'

/** Every number within `tolerance`: absolute below 1, relative above. */
export function expectNear(
  actual: ArrayLike<number>,
  due: ArrayLike<number>,
  tolerance: number,
  what: string,
) {
  expect(actual.length, what).toBe(due.length)
  for (let i = 0; i < due.length; i++) {
    const difference = Math.abs(actual[i]! - due[i]!)
    if (!(difference <= tolerance * Math.max(1, Math.abs(due[i]!))))
      expect.fail(`${what}[${i}] is ${actual[i]}, where ${due[i]} is due`)
  }
}

/** What counts the bytes of all WebAssembly memory that was made since this was called, however many were let go. */
export function watchWasmMemory(): () => number {
  const memories: WebAssembly.Memory[] = []
  const { Memory } = WebAssembly
  WebAssembly.Memory = class extends Memory {
    constructor(descriptor: WebAssembly.MemoryDescriptor) {
      super(descriptor)
      memories.push(this)
    }
  }
  return () => memories.reduce((sum, { buffer }) => sum + buffer.byteLength, 0)
}

/** The small model after `steps` steps. */
export async function train(engine: Engine, steps: number, from: Weights = smallWeights): Promise<Model> {
  const model = await engine.load(smallSpec, from)
  for (let i = 0; i < steps; i++) await model.step(smallBatch(i), 0.01)
  return model
}
