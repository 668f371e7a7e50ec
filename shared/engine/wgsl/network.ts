/** The two shaders in which a workgroup takes one row of the batch through the network: there, or there and back. */
import { attendBack, attendForward } from './attend.ts'
import { LANES, type Layer, type Layout, ONE, type Part, X, ZERO } from './layout.ts'
import {
  BARRIER,
  type Declaration,
  DIVERGED,
  each,
  HEADER_WORDS,
  parameter,
  recorded,
  type Shader,
  shader,
  sideBySide,
  traced,
} from './text.ts'

/** `results[0]` is 0 unless something went wrong; then one result for each row, as the bits of a float. */
const BUFFERS: readonly Declaration[] = [
  ['sent', 'read', 'u32'],
  ['parameters', 'read', 'f32'],
  ['trace', 'read_write', 'f32'],
  ['results', 'read_write', 'atomic<u32>'],
]

const perRow = ({ traceWords, record }: Layout, body: string): Shader =>
  shader(
    BUFFERS,
    `
@compute @workgroup_size(${LANES})
fn main(@builtin(workgroup_id) workgroup: vec3u, @builtin(local_invocation_index) lane: u32) {
  let row = workgroup.x;
  let at = row * ${traceWords}u;
  let record = ${HEADER_WORDS}u + row * ${record.words}u;
  ${body}
}
`,
  )

/** Each row's click probability. */
export function predictShader(layout: Layout): Shader {
  return perRow(
    layout,
    `${forward(layout)}
  let e = exp(-abs(logit));
  let p = select(e, 1.0, logit >= 0.0) / (1.0 + e);
  if (lane == 0u) { atomicStore(&results[1u + row], bitcast<u32>(p)); }`,
  )
}

/** Each row's share of the loss; its trace is complete afterwards. */
export function learnShader(layout: Layout): Shader {
  const { record, layers, dLogit } = layout
  return perRow(
    layout,
    `${forward(layout)}
  let label = bitcast<f32>(${recorded(record.label)});
  let share = bitcast<f32>(${recorded(record.share)});
  let e = exp(-abs(logit));
  let p = select(e, 1.0, logit >= 0.0) / (1.0 + e);
  let dLogit = share * (p - label);
  if (lane == 0u) {
    // By its bits, since WGSL may assume that no float is NaN or infinite.
    let finite = (bitcast<u32>(logit) & 0x7f800000u) != 0x7f800000u;
    let loss = share * (max(logit, 0.0) - logit * label + log(1.0 + e));
    atomicStore(&results[1u + row], select(0x7fc00000u, bitcast<u32>(loss), finite));
    if (!finite) { atomicOr(&results[0], ${DIVERGED}u); }
    ${traced(ZERO)} = 0.0;
    ${traced(ONE)} = 1.0;
    ${traced(dLogit)} = dLogit;
  }
  ${each(layout.out.inputs, giveBelow(layout, layers.length, `dLogit * ${parameter(layout.out.w, 'i')}`))}${BARRIER}
  ${layers.map((_, i) => layerBack(layout, layers.length - 1 - i)).join('')}
  ${sideBySide(layout.parts.map((part) => partBack(part, layout.dx)))}`,
  )
}

/** Declares `logit`, known to every lane. */
function forward({ parts, layers, out }: Layout): string {
  return `${sideBySide(parts.map(partForward))}
  ${layers.map(layerForward).join('')}
  var logit = ${parameter(out.b)};
  for (var i = 0u; i < ${out.inputs}u; i++) { logit += ${traced(out.input, 'i')} * ${parameter(out.w, 'i')}; }`
}

function partForward(part: Part): string[] {
  const to = traced(X + part.to, 'i')
  switch (part.kind) {
    case 'dense':
      return [each(part.dim, `${to} = bitcast<f32>(${recorded(part.values, 'i')});`)]
    case 'lookup':
      return [
        each(part.dim, `${to} = parameters[${part.parameters}u + ${recorded(part.id)} * ${part.dim}u + i];`),
      ]
    case 'pool':
      return [
        each(
          part.dim,
          `var sum = 0.0;
    for (var l = 0u; l < ${recorded(part.count)}; l++) {
      sum += parameters[${part.parameters}u + ${recorded(part.ids, 'l')} * ${part.dim}u + i];
    }
    ${to} = sum / f32(max(${recorded(part.count)}, 1u));`,
        ),
      ]
    case 'attend':
      return attendForward(part)
  }
}

function partBack(part: Part, dx: number): string[] {
  if (part.kind === 'attend') return attendBack(part, dx)
  if (part.kind !== 'pool') return []
  const share = `${traced(dx + part.to, 'i')} / f32(max(${recorded(part.count)}, 1u))`
  return [each(part.dim, `${traced(part.dKey, 'i')} = ${share};`)]
}

function layerForward({ w, b, slope, inputs, width, input, before, after }: Layer): string {
  return `${each(
    width,
    `var z = ${parameter(b, 'i')};
    for (var c = 0u; c < ${inputs}u; c++) { z += ${traced(input, 'c')} * ${parameter(w, `c * ${width}u + i`)}; }
    ${traced(before, 'i')} = z;
    ${traced(after, 'i')} = select(z * ${parameter(slope, 'i')}, z, z > 0.0);`,
  )}${BARRIER}`
}

function layerBack(layout: Layout, index: number): string {
  const { w, inputs, width, dBefore } = layout.layers[index]!
  return `${each(
    inputs,
    `var sum = 0.0;
    for (var j = 0u; j < ${width}u; j++) { sum += ${parameter(w, `i * ${width}u + j`)} * ${traced(dBefore, 'j')}; }
    ${giveBelow(layout, index, 'sum')}`,
  )}${BARRIER}`
}

/** Hands `derivative`, by input i of layer `index`, to the layer below it or, where there is none, to the parts. */
function giveBelow({ layers, dx }: Layout, index: number, derivative: string): string {
  const below = layers[index - 1]
  if (!below) return `${traced(dx, 'i')} = ${derivative};`
  return `let d = ${derivative};
    let z = ${traced(below.before, 'i')};
    ${traced(below.dBefore, 'i')} = d * select(${parameter(below.slope, 'i')}, 1.0, z > 0.0);
    ${traced(below.dSlope, 'i')} = d * min(z, 0.0);`
}
