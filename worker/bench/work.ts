/** How much arithmetic a training step is, and how much of it this machine could do. */
import { inputWidth, type ModelSpec, shapesOf, widthOf } from '../../shared/model/spec.ts'
import { sizeOf } from '../../shared/model/weights.ts'
import type { Batch } from '../../shared/sample.ts'
import type { Contender } from './measure.ts'

/** m ← β₁m + αg (2), v ← β₂v + αg² (3), w ← w − rate·m/(√v + ε) (3, root and division counted as one each). */
const ADAM = 8

/**
 * Multiply-adds that one step on `batch` cannot do without: forward, backward and dense Adam.
 *
 * Counted are products that are added up, and the product of a PReLU; plain sums (biases, pooling) are not. The
 * activation unit counts in its cheapest known form: [q, k, q−k, q∗k]·W1 is q's base vector plus one dim × H matrix a
 * sample, so a key costs dim·H forward and 2·dim·H backward, not 4·dim·H and 8·dim·H. Padding costs nothing. Of an
 * embedding table, Adam counts the `movedRows` that some batch has touched: the others do not move.
 */
export function multiplyAdds(spec: ModelSpec, batch: Batch, movedRows: readonly number[]): number {
  const each = spec.inputs.reduce((sum, input) => {
    if (input.kind !== 'attend') return sum
    const { dim } = spec.tables[input.table]!
    return sum + attention(dim, spec.attention, batch, spec.idWidth, input.at, input.length)
  }, 0)
  return each + batch.size * perceptron(spec) + ADAM * movedParameters(spec, movedRows)
}

function attention(
  dim: number,
  hidden: number,
  batch: Batch,
  idWidth: number,
  at: number,
  length: number,
): number {
  let keys = 0
  for (let row = 0; row < batch.size; row++)
    for (let i = 0; i < length; i++) if (batch.ids[row * idWidth + at + i] !== 0) keys++
  // Forward: z (dim·H), PReLU (H), w2 (H), the weighted key (dim). Backward: the key's and the score's way (2·dim),
  // w2 (H), the hidden layer (H), PReLU (H), its slope (H), the matrix (dim·H), the key through it (dim·H).
  const aKey = 3 * dim * hidden + 6 * hidden + 3 * dim
  // The base vector and the matrix; backward Wq, Wp, and the query by either.
  const aSample = 6 * dim * hidden
  return keys * aKey + batch.size * aSample
}

/** Of one sample: each layer's product, its weights' gradient and its input's; dense inputs need none of the last. */
function perceptron(spec: ModelSpec): number {
  const learnt = spec.inputs.reduce(
    (sum, input) => sum + (input.kind === 'dense' ? 0 : widthOf(spec, input)),
    0,
  )
  let width = inputWidth(spec)
  let back = learnt
  let sum = 0
  for (const out of [...spec.mlp, 1]) {
    sum += 2 * width * out + back * out
    if (out !== 1) sum += 3 * out // PReLU, its way back, its slope
    width = out
    back = out
  }
  return sum
}

function movedParameters(spec: ModelSpec, movedRows: readonly number[]): number {
  const tables = new Set(spec.tables.map(({ name }) => `embedding.${name}`))
  let count = spec.tables.reduce((sum, { dim }, i) => sum + movedRows[i]! * dim, 0)
  for (const [name, shape] of shapesOf(spec)) if (!tables.has(name)) count += sizeOf(shape)
  return count
}

/** How many rows of each table occur in the batches. */
export function touchedRows(spec: ModelSpec, batches: readonly Batch[]): number[] {
  const touched = spec.tables.map(() => new Set<number>())
  for (const { ids, size } of batches)
    for (let row = 0; row < size; row++)
      for (const input of spec.inputs) {
        if (input.kind === 'dense') continue
        const length = input.kind === 'lookup' ? 1 : input.length
        for (let i = 0; i < length; i++) touched[input.table]!.add(ids[row * spec.idWidth + input.at + i]!)
      }
  return touched.map((ids) => ids.size - (ids.has(0) ? 1 : 0))
}

const ACCUMULATORS = 12
const UNROLLED = 4
const LOOPS = 1000
/** Multiply-adds in one step of the loop. */
const A_STEP = LOOPS * UNROLLED * ACCUMULATORS * 4

/**
 * The machine's limit: 12 independent accumulators in registers, acc ← acc·x + y with f32x4.mul and f32x4.add (the
 * instructions that every browser with SIMD has; no fused ones), no memory. A step is `A_STEP` multiply-adds.
 */
export async function peakLoop(): Promise<Contender & { readonly multiplyAddsAStep: number }> {
  const { instance } = await WebAssembly.instantiate(assemble())
  const { run } = instance.exports
  return {
    name: 'v128 multiply-add loop',
    multiplyAddsAStep: A_STEP,
    run: async (steps) => run(steps * LOOPS),
  }
}

/** As much of WebAssembly as is used here, for the types that Node brings say nothing of it. */
const { WebAssembly } = globalThis as unknown as {
  readonly WebAssembly: {
    instantiate(bytes: Uint8Array): Promise<{ instance: { exports: { run(loops: number): number } } }>
  }
}

/** (func (export "run") (param $loops i32) (result f32) …): parameter 0, accumulators 1 … 12, x 13, y 14. */
function assemble(): Uint8Array {
  const [x, y] = [ACCUMULATORS + 1, ACCUMULATORS + 2]
  const accumulators = Array.from({ length: ACCUMULATORS }, (_, i) => i + 1)
  const get = (local: number) => [0x20, local]
  const set = (local: number) => [0x21, local]
  const splat = (value: number) => [
    ...[0x43, ...new Uint8Array(Float32Array.of(value).buffer)], // f32.const
    ...[0xfd, 0x13], // f32x4.splat
  ]
  const add = [0xfd, 0xe4, 0x01]
  const mul = [0xfd, 0xe6, 0x01]
  const pass = accumulators.flatMap((acc) => [...get(acc), ...get(x), ...mul, ...get(y), ...add, ...set(acc)])
  const code = [
    ...[0x01, ACCUMULATORS + 2, 0x7b], // locals: v128
    ...[...splat(0.999), ...set(x), ...splat(0.001), ...set(y)],
    ...accumulators.flatMap((acc) => [...splat(acc), ...set(acc)]),
    ...[0x03, 0x40], // loop
    ...Array.from({ length: UNROLLED }, () => pass).flat(),
    ...[...get(0), 0x41, 0x01, 0x6b, 0x22, 0x00, 0x0d, 0x00, 0x0b], // until --loops is 0
    ...[...get(1), ...accumulators.slice(1).flatMap((acc) => [...get(acc), ...add])],
    ...[0xfd, 0x1f, 0x00, 0x0b], // the first lane of their sum
  ]
  const body = [...leb(code.length), ...code]
  return Uint8Array.from([
    ...[0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00],
    ...section(1, [1, 0x60, 1, 0x7f, 1, 0x7d]), // type: i32 → f32
    ...section(3, [1, 0]),
    ...section(7, [1, 3, ...new TextEncoder().encode('run'), 0, 0]),
    ...section(10, [1, ...body]),
  ])
}

const section = (id: number, content: number[]) => [id, ...leb(content.length), ...content]

function leb(n: number): number[] {
  return n < 0x80 ? [n] : [(n & 0x7f) | 0x80, ...leb(n >>> 7)]
}
