/** What a model consists of: a memory, filled, and the kernel over it. */
import type { ModelSpec } from '../../model/spec.ts'
import type { Weights } from '../../model/weights.ts'
import { ADAGRAD_START, type Settled } from '../training.ts'
import { type Exports, type Instance, instantiate, type Kernel } from './kernel.ts'
import { type Layout, layOut } from './layout.ts'
import type { Peers } from './replica.ts'
import { fill, write } from './space.ts'

/** What an engine's models share. */
export interface Home {
  readonly kernel: Kernel
  readonly peers: Peers | undefined
  spare: Instance | undefined
}

export interface State {
  readonly instance: Instance
  readonly kernel: Exports
  readonly layout: Layout
  readonly floats: Float32Array
  readonly ints: Int32Array
  /** All that a step changes and a mark remembers, with the number of steps made. */
  readonly bytes: Uint8Array
  t: number
  marked: { readonly bytes: Uint8Array; t: number } | undefined
}

export function createState(home: Home, spec: ModelSpec, weights: Weights, training: Settled): State {
  const layout = layOut(spec, training)
  const state = stateOf(home, layout)
  for (const [name, place] of layout.places) {
    write(state.floats, place, weights[name]!.data)
    if (layout.toStart > 0) write(state.floats, place, weights[name]!.data, layout.toStart)
    if (training.optimizer === 'adagrad') fill(state.floats, place, ADAGRAD_START, layout.toSecond)
  }
  return state
}

function stateOf(home: Home, layout: Layout): State {
  const instance = instantiate(home.kernel, layout, home.spare)
  if (instance === home.spare) home.spare = undefined
  const { kernel, memory } = instance
  const { from, to } = layout.state
  return {
    instance,
    kernel,
    layout,
    floats: new Float32Array(memory),
    ints: new Int32Array(memory),
    bytes: new Uint8Array(memory, from, to - from),
    t: 0,
    marked: undefined,
  }
}

/** The same state with room for a batch of so many rows, and for all smaller than the next power of two. */
export function grow(
  home: Home,
  { instance, t, marked }: State,
  spec: ModelSpec,
  training: Settled,
  rows: number,
) {
  const layout = layOut(spec, training, 2 ** Math.ceil(Math.log2(rows)))
  const state = stateOf(home, layout)
  new Uint8Array(state.instance.memory).set(new Uint8Array(instance.memory, 0, layout.lasting))
  return { ...state, t, marked }
}
