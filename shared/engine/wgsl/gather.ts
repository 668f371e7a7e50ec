/**
 * The shader that sums the rows' traces to the gradient: a lane for each number of it, over the rows or occurrences in
 * their order, so that the same batch gives the same bits.
 */
import { TOO_STEEP } from '../training.ts'
import { type AttendAt, LANES, type Layer, type Layout, ONE, ZERO } from './layout.ts'
import { bitsOf, type Declaration, field, type Shader, STEEP, shader, TOUCHED_WORDS } from './text.ts'

/** A row's share of one number of the gradient is trace[a]·trace[b] − trace[minus]. */
type Term = readonly [a: number, b: number, minus: number]

/** `termOf` of the number in row `i` and column `j` of a tensor, the `k`th of it. */
interface Tensor {
  readonly at: number
  readonly rows: number
  readonly columns: number
  readonly termOf: (i: number, j: number, k: number) => Term
}

const vector = (at: number, size: number, from: number): Tensor => ({
  at,
  rows: size,
  columns: 1,
  termOf: (i) => [ONE, from + i, ZERO],
})

/** x ⊗ d */
const outer = (at: number, rows: number, columns: number, x: number, d: number): Tensor => ({
  at,
  rows,
  columns,
  termOf: (i, j) => [x + i, d + j, ZERO],
})

const BUFFERS: readonly Declaration[] = [
  ['sent', 'read', 'u32'],
  ['trace', 'read', 'f32'],
  ['terms', 'read', 'u32'],
  ['gradient', 'read_write', 'f32'],
  ['results', 'read_write', 'atomic<u32>'],
]

export function gatherShader(layout: Layout): Shader {
  const { plan, traceWords } = layout
  const width = touchedWidth(layout)
  return shader(
    BUFFERS,
    `
fn add(p: u32, share: f32) {
  let sum = gradient[p] + share;
  gradient[p] = sum;
  // By its bits, since WGSL may assume that no float is NaN or infinite.
  if ((bitcast<u32>(sum) & 0x7fffffffu) >= ${bitsOf(TOO_STEEP)}u) { atomicOr(&results[0], ${STEEP}u); }
}

@compute @workgroup_size(${LANES})
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) workgroups: vec3u) {
  let lanes = workgroups.x * ${LANES}u;
  for (var p = id.x; p < ${plan.size - plan.embedded}u; p += lanes) {
    let a = terms[3u * p];
    let b = terms[3u * p + 1u];
    let minus = terms[3u * p + 2u];
    var sum = 0.0;
    for (var row = 0u; row < ${field('rows')}; row++) {
      let at = row * ${traceWords}u;
      sum += trace[at + a] * trace[at + b] - trace[at + minus];
    }
    add(${plan.embedded}u + p, sum);
  }
  for (var e = id.x; e < ${field('touched')} * ${width}u; e += lanes) {
    let touched = ${field('touchedAt')} + (e / ${width}u) * ${TOUCHED_WORDS}u;
    let c = e % ${width}u;
    if (c >= sent[touched + 1u]) { continue; }
    var sum = 0.0;
    for (var o = sent[touched + 2u]; o < sent[touched + 2u + ${TOUCHED_WORDS}u]; o++) {
      sum += trace[sent[${field('occurrencesAt')} + o] + c];
    }
    add(sent[touched] + c, sum);
  }
}
`,
  )
}

/** How many lanes have work when so many embeddings are touched. */
export const gatherLanes = (layout: Layout, touched: number): number =>
  Math.max(layout.plan.size - layout.plan.embedded, touched * touchedWidth(layout))

/** Lanes for each touched embedding: as many as the widest has dimensions. */
export const touchedWidth = ({ spec }: Layout): number => Math.max(1, ...spec.tables.map(({ dim }) => dim))

/** Three words for every parameter that is no embedding: what its gradient is summed from. */
export function termsOf(layout: Layout): Uint32Array<ArrayBuffer> {
  const { embedded, size } = layout.plan
  const terms = new Uint32Array(3 * (size - embedded))
  for (const { at, rows, columns, termOf } of tensorsOf(layout))
    for (let k = 0; k < rows * columns; k++)
      terms.set(termOf(Math.floor(k / columns), k % columns, k), 3 * (at - embedded + k))
  return terms
}

function tensorsOf({ parts, layers, out, dLogit }: Layout): Tensor[] {
  return [
    ...parts.flatMap((part) => (part.kind === 'attend' ? unitTensors(part) : [])),
    ...layers.flatMap(layerTensors),
    outer(out.w, out.inputs, 1, out.input, dLogit),
    vector(out.b, 1, dLogit),
  ]
}

function layerTensors({ w, b, slope, inputs, width, input, dBefore, dSlope }: Layer): Tensor[] {
  return [outer(w, inputs, width, input, dBefore), vector(b, width, dBefore), vector(slope, width, dSlope)]
}

/** With dM and dBase as attend.ts has them: dWq = q ⊗ dBase, dWk = dM, dWd = dWq − dWk, dWp = diag(q)·dM. */
function unitTensors({ dim, hidden, unit, trace }: AttendAt): Tensor[] {
  const size = dim * hidden
  const dBase = trace.sums + size
  const dMatrix = trace.sums
  const { query } = trace
  const w1 = (block: number, termOf: Tensor['termOf']): Tensor => ({
    at: unit.w1 + block * size,
    rows: dim,
    columns: hidden,
    termOf,
  })
  return [
    w1(0, (i, j) => [query + i, dBase + j, ZERO]),
    w1(1, (_i, _j, k) => [ONE, dMatrix + k, ZERO]),
    w1(2, (i, j, k) => [query + i, dBase + j, dMatrix + k]),
    w1(3, (i, _j, k) => [query + i, dMatrix + k, ZERO]),
    vector(unit.b1, hidden, dBase),
    vector(unit.w2, hidden, dBase + hidden),
    vector(unit.slope, hidden, dBase + 2 * hidden),
    vector(unit.b2, 1, dBase + 3 * hidden),
  ]
}
