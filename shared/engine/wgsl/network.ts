/** The shaders in which a workgroup takes one row of the batch through the network: there, or there and back. */
import { attendBack, attendForward } from './attend.ts'
import {
  activate,
  type DiceLayer,
  deactivate,
  diceLayers,
  diceOf,
  measureShader,
  throughShader,
} from './dice.ts'
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
  SIGMOID,
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
    `${SIGMOID}
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
    `${enter(layout)}
  ${layout.layers.map(layerForward).join('')}
  ${logit(layout)}
  // By its bits, since WGSL may assume that no float is NaN.
  let isNumber = (bitcast<u32>(logit) & 0x7fffffffu) <= 0x7f800000u;
  let p = select(0x7fc00000u, bitcast<u32>(sigmoid(logit)), isNumber);
  if (lane == 0u) { atomicStore(&results[1u + row], p); }`,
  )
}

/** A shader of learning, with a workgroup for each row or a lane for each of so many units. */
export interface LearnShader {
  readonly shader: Shader
  readonly units?: number
}

/** One after the other: each row's share of the loss; its trace is complete afterwards. */
export function learnShaders(layout: Layout): LearnShader[] {
  const { layers, out } = layout
  const diced = diceLayers(layout)
  if (diced.length > 0) return diceShaders(layout, diced)
  const shader = perRow(
    layout,
    `${enter(layout)}
  ${layers.map(layerForward).join('')}
  ${judge(layout)}
  ${each(out.inputs, giveBelow(layout, layers.length, `dLogit * ${parameter(out.w, 'i')}`))}${BARRIER}
  ${layers.map((_, i) => layerBack(layout, layers.length - 1 - i)).join('')}
  ${leave(layout)}`,
  )
  return [{ shader }]
}

/** There: the inputs and each layer's sums, in a dispatch each, then the loss; and back the same way. */
function diceShaders(layout: Layout, layers: readonly DiceLayer[]): LearnShader[] {
  const there = layers.flatMap((layer, i): LearnShader[] => {
    const below = layers[i - 1]
    const row = `${below ? activate(below) : enter(layout)} ${weightedSums(layer)}`
    return [{ shader: perRow(layout, row) }, { shader: measureShader(layout, layer), units: layer.width }]
  })
  const top = layers.at(-1)!
  const derivative = `${traced(top.dice.dAfter, 'i')} = dLogit * ${parameter(layout.out.w, 'i')};`
  const turn = perRow(layout, `${activate(top)} ${judge(layout)} ${each(layout.out.inputs, derivative)}`)
  const back = layers.toReversed().flatMap((layer, i): LearnShader[] => {
    const below = layers[layers.length - 2 - i]
    const to = below ? traced(below.dice.dAfter, 'i') : traced(layout.dx, 'i')
    const down = each(layer.inputs, `${sumBelow(layer)} ${to} = sum;`)
    const row = `${deactivate(layer)} ${down} ${below ? '' : BARRIER + leave(layout)}`
    return [{ shader: throughShader(layout, layer), units: layer.width }, { shader: perRow(layout, row) }]
  })
  return [...there, { shader: turn }, ...back]
}

/** Fills the concatenation of the inputs. */
const enter = ({ parts }: Layout): string => sideBySide(parts.map(partForward))

/** Hands the inputs their derivatives on. */
const leave = ({ parts, dx }: Layout): string => sideBySide(parts.map((part) => partBack(part, dx)))

/** Declares `dLogit`, known to every lane, and leaves the row's loss in `results`. */
function judge(layout: Layout): string {
  const { record, dLogit } = layout
  return `${logit(layout)}
  let label = bitcast<f32>(${recorded(record.label)});
  let share = bitcast<f32>(${recorded(record.share)});
  let dLogit = share * (sigmoid(logit) - label);
  if (lane == 0u) {
    // By its bits, since WGSL may assume that no float is NaN or infinite.
    let finite = (bitcast<u32>(logit) & 0x7f800000u) != 0x7f800000u;
    let loss = share * (max(logit, 0.0) - logit * label + log(1.0 + exp(-abs(logit))));
    atomicStore(&results[1u + row], select(0x7fc00000u, bitcast<u32>(loss), finite));
    if (!finite) { atomicOr(&results[0], ${DIVERGED}u); }
    ${traced(ZERO)} = 0.0;
    ${traced(ONE)} = 1.0;
    ${traced(dLogit)} = dLogit;
  }`
}

/** Declares `logit`, known to every lane. */
const logit = ({ out }: Layout): string => `
  var logit = ${parameter(out.b)};
  for (var i = 0u; i < ${out.inputs}u; i++) { logit += ${traced(out.input, 'i')} * ${parameter(out.w, 'i')}; }`

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

function layerForward(layer: Layer): string {
  const { slope, width, after } = layer
  const value = isDice(layer) ? diceOf(layer, 'z') : `select(z * ${parameter(slope, 'i')}, z, z > 0.0)`
  return `${each(width, `${weightedSum(layer)} ${traced(after, 'i')} = ${value};`)}${BARRIER}`
}

const isDice = (layer: Layer): layer is DiceLayer => layer.dice !== undefined

/** What goes into a layer's activation, and no further. */
const weightedSums = (layer: Layer): string => each(layer.width, weightedSum(layer))

/** Declares and keeps `z` of unit i. */
const weightedSum = ({ w, b, inputs, width, input, before }: Layer): string => `
    var z = ${parameter(b, 'i')};
    for (var c = 0u; c < ${inputs}u; c++) { z += ${traced(input, 'c')} * ${parameter(w, `c * ${width}u + i`)}; }
    ${traced(before, 'i')} = z;`

function layerBack(layout: Layout, index: number): string {
  const layer = layout.layers[index]!
  return `${each(layer.inputs, `${sumBelow(layer)} ${giveBelow(layout, index, 'sum')}`)}${BARRIER}`
}

/** Declares `sum`, the derivative by input i of a layer. */
const sumBelow = ({ w, width, dBefore }: Layer): string => `
    var sum = 0.0;
    for (var j = 0u; j < ${width}u; j++) { sum += ${parameter(w, `i * ${width}u + j`)} * ${traced(dBefore, 'j')}; }`

/** Hands `derivative`, by input i of layer `index`, to the layer with PReLU below it or, where there is none, to the parts. */
function giveBelow({ layers, dx }: Layout, index: number, derivative: string): string {
  const below = layers[index - 1]
  if (!below) return `${traced(dx, 'i')} = ${derivative};`
  return `let d = ${derivative};
    let z = ${traced(below.before, 'i')};
    ${traced(below.dBefore, 'i')} = d * select(${parameter(below.slope, 'i')}, 1.0, z > 0.0);
    ${traced(below.dSlope, 'i')} = d * min(z, 0.0);`
}
