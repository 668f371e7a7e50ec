/** The few pieces of WGSL that all shaders are put together from. */
import { LANES } from './layout.ts'

/** The buffers of a model, by the names that shaders have for them. */
export type BufferName =
  | 'sent'
  | 'parameters'
  | 'trace'
  | 'terms'
  | 'results'
  | 'gradient'
  | 'first'
  | 'second'
  | 'origin'

/** `buffers` in the order of their bindings. */
export interface Shader {
  readonly code: string
  readonly buffers: readonly BufferName[]
}

export type Declaration = readonly [name: BufferName, access: 'read' | 'read_write', element: string]

/** A shader of one entry point, `main`, over those of these buffers that it uses: WebGPU leaves all others unbound. */
export function shader(declarations: readonly Declaration[], code: string): Shader {
  const used = declarations.filter(([name]) => new RegExp(`\\b${name}\\[`).test(code))
  const declared = used.map(
    ([name, access, element], i) =>
      `@group(0) @binding(${i}) var<storage, ${access}> ${name}: array<${element}>;\n`,
  )
  return { code: declared.join('') + code, buffers: used.map(([name]) => name) }
}

/** What the host sends with every submission: this header, then rows, touched embeddings and their occurrences. */
export const HEADER = ['rows', 'touched', 'touchedAt', 'occurrencesAt', 'rate', 'epsilon'] as const
export type HeaderField = (typeof HEADER)[number]
export const HEADER_WORDS = 8

/** Words of a touched embedding in what is sent: where in `parameters`, how wide, first occurrence. */
export const TOUCHED_WORDS = 3

/**
 * What `results[0]` can say: a row's loss is not finite, a number of the gradient is too large for the optimizer, a
 * variance of Dice is not finite.
 */
export const DIVERGED = 1
export const STEEP = 2
export const WIDE = 4

/** The bits of a float, as WGSL's own literals know neither infinity nor what a comparison with NaN gives. */
export const bitsOf = (value: number): number => new Uint32Array(Float32Array.of(value).buffer)[0]!

/** A field of the header; `rate` and `epsilon` are floats. */
export const field = (name: HeaderField): string => {
  const word = `sent[${HEADER.indexOf(name)}]`
  return name === 'rate' || name === 'epsilon' ? `bitcast<f32>(${word})` : word
}

/** For shaders that call it. */
export const SIGMOID = `
fn sigmoid(x: f32) -> f32 {
  let e = exp(-abs(x));
  return select(e, 1.0, x >= 0.0) / (1.0 + e);
}
`

/** `body` for each i below `count`, shared out among a workgroup's lanes. */
export const each = (count: number | string, body: string): string => `
  for (var i = lane; i < ${typeof count === 'number' ? `${count}u` : count}; i += ${LANES}u) {
    ${body}
  }`

/** What one lane wrote, the others may read from here on. */
export const BARRIER = '\n  storageBarrier();'

/**
 * Work of several parts that does not depend on each other, done side by side: `stages[n]` of all parts, then a barrier,
 * then `stages[n + 1]` of all parts.
 */
export function sideBySide(parts: readonly (readonly string[])[]): string {
  const stages = Math.max(0, ...parts.map((part) => part.length))
  const stage = (n: number) => parts.map((part) => part[n] ?? '').join('') + BARRIER
  return Array.from({ length: stages }, (_, n) => stage(n)).join('')
}

/** A place in this row's trace, `index` words after `offset`. */
export const traced = (offset: number, index = '0u'): string => `trace[at + ${offset}u + ${index}]`

/** A word of this row's record. */
export const recorded = (offset: number, index = '0u'): string => `sent[record + ${offset}u + ${index}]`

/** A parameter, `index` floats after `offset`. */
export const parameter = (offset: number, index = '0u'): string => `parameters[${offset}u + ${index}]`
