/**
 * Learning with Dice (../../model/spec.ts defines it). Its statistics are those of all rows, and a row is in the hands of
 * a workgroup that cannot wait for another: so each hidden layer is the end of a dispatch over the rows, and between two
 * of these comes one over the layer's units, which adds up the rows in their order.
 */
import { DICE_EPSILON } from '../../model/spec.ts'
import { type DiceAt, LANES, type Layer, type Layout } from './layout.ts'
import {
  BARRIER,
  type Declaration,
  each,
  field,
  parameter,
  type Shader,
  SIGMOID,
  shader,
  traced,
  WIDE,
} from './text.ts'

/** A layer that has Dice. */
export interface DiceLayer extends Layer {
  readonly dice: DiceAt
}

/** The layers of a model with Dice; none if it has PReLU. */
export const diceLayers = ({ layers }: Layout): readonly DiceLayer[] =>
  layers.filter((layer): layer is DiceLayer => layer.dice !== undefined)

const deviation = (z: string, mean: string, variance: string) =>
  `(${z} - ${mean}) * inverseSqrt(${variance} + ${DICE_EPSILON})`

const dice = (z: string, slope: string, p: string) => `${z} * (${slope} + (1.0 - ${slope}) * ${p})`

/** Of unit i, whose input is `z`, with the running statistics. */
export function diceOf({ slope, dice: { running } }: DiceLayer, z: string): string {
  const n = deviation(z, parameter(running.mean, 'i'), parameter(running.variance, 'i'))
  return dice(z, parameter(slope, 'i'), `sigmoid(${n})`)
}

/** Declares z, n and p of unit i in the row whose trace begins at `at`, with the statistics of the batch. */
const known = ({ before, dice: { ofBatch } }: DiceLayer) => `
    let z = ${traced(before, 'i')};
    let n = ${deviation('z', `trace[${ofBatch.mean}u + i]`, `trace[${ofBatch.variance}u + i]`)};
    let p = sigmoid(n);`

/** What goes through mean and variance, from z, n and p of unit i. */
const dN = ({ slope, dice: { dAfter } }: DiceLayer) =>
  `${traced(dAfter, 'i')} * z * (1.0 - p) * (1.0 - ${parameter(slope, 'i')}) * p`

/** A row's values after the activation. */
export const activate = (layer: DiceLayer): string =>
  each(
    layer.width,
    `${known(layer)}
    ${traced(layer.after, 'i')} = ${dice('z', parameter(layer.slope, 'i'), 'p')};`,
  ) + BARRIER

/** A row's derivatives by what is before the activation, and by α. */
export function deactivate(layer: DiceLayer): string {
  const { slope, width, dBefore, dSlope, dice: at } = layer
  const through = (name: 'middle' | 'slope') => `trace[${at.ofBatch[name]}u + i]`
  const scale = `inverseSqrt(trace[${at.ofBatch.variance}u + i] + ${DICE_EPSILON})`
  return (
    each(
      width,
      `${known(layer)}
    let d = ${traced(at.dAfter, 'i')};
    let dN = ${dN(layer)};
    ${traced(dSlope, 'i')} = d * z * (1.0 - p);
    ${traced(dBefore, 'i')} = ${dice('d', parameter(slope, 'i'), 'p')}
      + ${scale} * (dN - ${through('middle')} - n * ${through('slope')});`,
    ) + BARRIER
  )
}

const BUFFERS: readonly Declaration[] = [
  ['sent', 'read', 'u32'],
  ['parameters', 'read', 'f32'],
  ['trace', 'read_write', 'f32'],
  ['results', 'read_write', 'atomic<u32>'],
]

const perUnit = ({ width }: Layer, code: string, body: string): Shader =>
  shader(
    BUFFERS,
    `${code}
@compute @workgroup_size(${LANES})
fn main(@builtin(global_invocation_id) id: vec3u) {
  let i = id.x;
  let rows = ${field('rows')};
  if (i < ${width}u) {
    ${body}
  }
}
`,
  )

const overRows = ({ traceWords }: Layout, body: string) =>
  `for (var row = 0u; row < rows; row++) { let at = row * ${traceWords}u; ${body} }`

/** Mean and variance, counted from the first row on: rows that are alike have none at all. */
export function measureShader(layout: Layout, layer: DiceLayer): Shader {
  const { mean, variance } = layer.dice.ofBatch
  const ahead = `${traced(layer.before, 'i')} - first`
  return perUnit(
    layer,
    '',
    `let first = trace[${layer.before}u + i];
    var sum = 0.0;
    ${overRows(layout, `sum += ${ahead};`)}
    let away = sum / f32(rows);
    var squares = 0.0;
    ${overRows(layout, `let d = ${ahead} - away; squares += d * d;`)}
    let variance = squares / f32(rows);
    trace[${mean}u + i] = first + away;
    trace[${variance}u + i] = variance;
    // By its bits, since WGSL may assume that no float is NaN or infinite.
    if ((bitcast<u32>(variance) & 0x7f800000u) == 0x7f800000u) { atomicOr(&results[0], ${WIDE}u); }`,
  )
}

/** The two means over the rows that `deactivate` needs. */
export function throughShader(layout: Layout, layer: DiceLayer): Shader {
  const { middle, slope } = layer.dice.ofBatch
  return perUnit(
    layer,
    SIGMOID,
    `var sum = 0.0;
    var along = 0.0;
    ${overRows(layout, `${known(layer)} let dN = ${dN(layer)}; sum += dN; along += dN * n;`)}
    trace[${middle}u + i] = sum / f32(rows);
    trace[${slope}u + i] = along / f32(rows);`,
  )
}
