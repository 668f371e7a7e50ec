/** The shader that moves every parameter along the gradient, and zeroes the gradient for the next step. */
import { DICE_MOMENTUM, shapesOf } from '../../model/spec.ts'
import { sizeOf } from '../../model/weights.ts'
import { BETA1, BETA2 } from '../adam.ts'
import type { Optimizer } from '../engine.ts'
import type { Settled } from '../training.ts'
import { diceLayers } from './dice.ts'
import { touchedWidth } from './gather.ts'
import type { Layout } from './layout.ts'
import { type Declaration, field, type Shader, shader, TOUCHED_WORDS } from './text.ts'

export const OPTIMIZE_LANES = 256

/** What an optimizer remembers of each parameter; each is a buffer of its own. */
export const MOMENTS = {
  adam: ['first', 'second'],
  adagrad: ['second'],
  sgd: [],
} as const satisfies Record<Optimizer, readonly ('first' | 'second')[]>

/** The move of a parameter, from its gradient `g`. */
const RULES: Record<Optimizer, string> = {
  adam: `
    let m = ${BETA1} * first[p] + ${1 - BETA1} * g;
    let v = ${BETA2} * second[p] + ${1 - BETA2} * g * g;
    first[p] = m;
    second[p] = v;
    parameters[p] -= rate * m / (sqrt(v) + epsilon);`,
  adagrad: `
    let sum = second[p] + g * g;
    second[p] = sum;
    parameters[p] -= rate * g / (sqrt(sum) + epsilon);`,
  sgd: `
    parameters[p] -= rate * g;`,
}

/**
 * Does nothing but zero the gradient where `results[0]` says that something went wrong. `lazy`, it leaves out all
 * embeddings but those that the batch has touched.
 */
export function optimizeShader(layout: Layout, training: Settled, lazy = false): Shader {
  const { optimizer, pull } = training
  return shader(
    [
      ['sent', 'read', 'u32'],
      ['results', 'read', 'u32'],
      ['parameters', 'read_write', 'f32'],
      ['gradient', 'read_write', 'f32'],
      ...MOMENTS[optimizer].map((name): Declaration => [name, 'read_write', 'f32']),
      ['origin', 'read', 'f32'],
      ['trace', 'read', 'f32'],
    ],
    `
@compute @workgroup_size(${OPTIMIZE_LANES})
fn main(@builtin(global_invocation_id) id: vec3u, @builtin(num_workgroups) workgroups: vec3u) {
  let rate = ${field('rate')};
  let epsilon = ${field('epsilon')};
  let valid = results[0] == 0u;
  for (var i = id.x; i < ${lazy ? lazyLanes(layout) : `${layout.plan.size}u`}; i += workgroups.x * ${OPTIMIZE_LANES}u) {
    ${lazy ? touchedOrOther(layout) : 'let p = i;'}
    let g = gradient[p]${pull > 0 ? ` + ${2 * pull} * (parameters[p] - origin[p])` : ''};
    gradient[p] = 0.0;${follow(layout, training)}
    if (!valid${frozenRanges(layout, training)
      .map(([from, to]) => ` || (p >= ${from}u && p < ${to}u)`)
      .join('')}) { continue; }${RULES[optimizer]}
  }
}
`,
  )
}

/** How many lanes have work when so many embeddings are touched. */
export const optimizeLanes = (layout: Layout, lazy: boolean, touched: number): number =>
  lazy ? othersOf(layout) + touched * touchedWidth(layout) : layout.plan.size

const othersOf = ({ plan }: Layout): number => plan.size - plan.embedded

const lazyLanes = (layout: Layout) => `${othersOf(layout)}u + ${field('touched')} * ${touchedWidth(layout)}u`

/** Declares `p`, the parameter of lane i: first what is no embedding, then what is touched. */
const touchedOrOther = (layout: Layout): string => `
    var p = ${layout.plan.embedded}u + i;
    if (i >= ${othersOf(layout)}u) {
      let e = i - ${othersOf(layout)}u;
      let touched = ${field('touchedAt')} + (e / ${touchedWidth(layout)}u) * ${TOUCHED_WORDS}u;
      let c = e % ${touchedWidth(layout)}u;
      if (c >= sent[touched + 1u]) { continue; }
      p = sent[touched] + c;
    }`

/** Draws running statistics towards those of the batch. */
function follow(layout: Layout, { following }: Settled): string {
  const moves = diceLayers(layout).flatMap(({ width, dice: { running, ofBatch } }, i) =>
    (['mean', 'variance'] as const)
      .filter((name) => following.has(`mlp.${i}.running.${name}`))
      .map((name) => {
        const [from, to] = [running[name], running[name] + width]
        const move = `parameters[p] = ${DICE_MOMENTUM} * parameters[p] + ${1 - DICE_MOMENTUM} * trace[${ofBatch[name]}u + p - ${from}u];`
        return `
    if (valid && p >= ${from}u && p < ${to}u) { ${move} }`
      }),
  )
  return moves.join('')
}

/** [from, to) of what is frozen. */
function frozenRanges({ spec, plan }: Layout, { frozen }: Settled): [number, number][] {
  const ranges: [number, number][] = []
  for (const [name, shape] of shapesOf(spec)) {
    if (!frozen.has(name)) continue
    const from = plan.offsets.get(name)!
    const last = ranges.at(-1)
    if (last?.[1] === from) last[1] = from + sizeOf(shape)
    else ranges.push([from, from + sizeOf(shape)])
  }
  return ranges
}
