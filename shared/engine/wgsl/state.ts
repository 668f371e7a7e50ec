/** What a model consists of on the GPU: its buffers, filled, and its shaders, compiled. */
import type { ModelSpec } from '../../model/spec.ts'
import type { Weights } from '../../model/weights.ts'
import { flatten } from '../plain/buffers.ts'
import { ADAGRAD_START, type Settled } from '../training.ts'
import type { Gpu } from './device.ts'
import { gatherShader, termsOf } from './gather.ts'
import { type Layout, layOut } from './layout.ts'
import { Memory } from './memory.ts'
import { learnShader, predictShader } from './network.ts'
import { MOMENTS, optimizeShader } from './optimize.ts'
import { Sender } from './send.ts'
import type { BufferName, Shader } from './text.ts'

interface Kernel {
  readonly shader: Shader
  readonly pipeline: GPUComputePipeline
}

export interface State {
  readonly layout: Layout
  readonly memory: Memory
  readonly sender: Sender
  readonly kernels: Readonly<Record<'predict' | 'learn' | 'gather' | 'optimize', Kernel>>
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
  traceBytes: number,
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
      memory.fit(1)
      return compile(gpu, layout, training)
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

async function compile(gpu: Gpu, layout: Layout, training: Settled): Promise<State['kernels']> {
  const shaders = {
    predict: predictShader(layout),
    learn: learnShader(layout),
    gather: gatherShader(layout),
    optimize: optimizeShader(layout, training),
  }
  const kernels = Object.entries(shaders).map(async ([name, shader]) => {
    const kernel: Kernel = { shader, pipeline: await gpu.pipeline(shader.code) }
    return [name, kernel]
  })
  return Object.fromEntries(await Promise.all(kernels))
}
