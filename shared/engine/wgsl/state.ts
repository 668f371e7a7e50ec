/** What a model consists of on the GPU: its buffers, filled, and its shaders, compiled. */
import type { ModelSpec } from '../../model/spec.ts'
import type { Weights } from '../../model/weights.ts'
import { flatten } from '../plain/buffers.ts'
import { ADAGRAD_START, type Settled } from '../training.ts'
import type { Gpu } from './device.ts'
import { gatherLanes, gatherShader, termsOf } from './gather.ts'
import { LANES, type Layout, layOut } from './layout.ts'
import { Memory } from './memory.ts'
import { learnShaders, predictShader } from './network.ts'
import { MOMENTS, OPTIMIZE_LANES, optimizeLanes, optimizeShader } from './optimize.ts'
import { Sender } from './send.ts'
import type { BufferName, Shader } from './text.ts'

export interface WgslOptions {
  /**
   * GPU memory for what the rows of a batch leave behind; a batch that needs more goes in pieces, unless the model has
   * Dice, which must have it whole. Default 64 MB.
   */
  readonly traceBytes?: number
  /** Lazy embeddings, as the plain engine has it: a step's cost no longer grows with the tables. */
  readonly lazyEmbeddings?: boolean
}

/** A shader, and how many workgroups it needs for so many rows that touch so many embeddings. */
interface Work {
  readonly shader: Shader
  readonly workgroups: (rows: number, touched: number) => number
}

interface Kernel extends Work {
  readonly pipeline: GPUComputePipeline
}

/** Each is a few kernels, one after the other. */
export type Phase = 'predict' | 'learn' | 'gather' | 'optimize'

export interface State {
  readonly layout: Layout
  readonly memory: Memory
  readonly sender: Sender
  readonly kernels: Readonly<Record<Phase, readonly Kernel[]>>
  /** What a step changes and a mark remembers, with the number of steps made. */
  readonly moving: readonly BufferName[]
  t: number
  marked: { readonly buffers: readonly GPUBuffer[]; t: number } | undefined
}

/** From checked weights. Throws `engine` where the GPU has no room for it. */
export async function createState(
  gpu: Gpu,
  spec: ModelSpec,
  weights: Weights,
  training: Settled,
  { traceBytes, lazyEmbeddings: lazy }: Required<WgslOptions>,
): Promise<State> {
  const layout = layOut(spec)
  const memory = new Memory(gpu, layout, traceBytes)
  try {
    const moving = ['parameters', ...MOMENTS[training.optimizer]] as const
    const kernels = await gpu.guard(() => {
      const { plan } = layout
      const start = flatten(spec, plan, weights)
      for (const name of [...moving, 'gradient'] as const) memory.add(name, memory.twin())
      memory.write('parameters', start)
      if (training.optimizer === 'adagrad')
        memory.write('second', new Float32Array(plan.size).fill(ADAGRAD_START))
      if (training.pull > 0) {
        memory.add('origin', memory.twin())
        memory.write('origin', start)
      }
      const terms = termsOf(layout)
      memory.add('terms', memory.constant(terms.length))
      memory.write('terms', terms)
      memory.fit(1, 0)
      return compile(gpu, layout, training, lazy)
    })
    return {
      layout,
      memory,
      sender: new Sender(layout),
      kernels,
      moving,
      t: 0,
      marked: undefined,
    }
  } catch (error) {
    memory.dispose()
    throw error
  }
}

async function compile(
  gpu: Gpu,
  layout: Layout,
  training: Settled,
  lazy: boolean,
): Promise<State['kernels']> {
  const perRow = (rows: number) => rows
  const work: Record<Phase, readonly Work[]> = {
    predict: [{ shader: predictShader(layout), workgroups: perRow }],
    learn: learnShaders(layout).map(({ shader, units }) => ({
      shader,
      workgroups: units === undefined ? perRow : () => Math.ceil(units / LANES),
    })),
    gather: [
      {
        shader: gatherShader(layout),
        workgroups: (_, touched) => Math.ceil(gatherLanes(layout, touched) / LANES),
      },
    ],
    optimize: [
      {
        shader: optimizeShader(layout, training, lazy),
        workgroups: (_, touched) => Math.ceil(optimizeLanes(layout, lazy, touched) / OPTIMIZE_LANES),
      },
    ],
  }
  const compiled = (phase: Phase): Promise<Kernel[]> =>
    Promise.all(work[phase].map(async (one) => ({ ...one, pipeline: await gpu.pipeline(one.shader.code) })))
  const [predict, learn, gather, optimize] = await Promise.all([
    compiled('predict'),
    compiled('learn'),
    compiled('gather'),
    compiled('optimize'),
  ])
  return { predict, learn, gather, optimize }
}
