/** The buffers of one model: those that last as long as it does, and those that grow with its largest batch. */

import type { Gpu } from './device.ts'
import type { Layout } from './layout.ts'
import { sentWords } from './send.ts'
import type { BufferName, Shader } from './text.ts'

/** WebGPU's constants, which Node lacks. */
const MAP_READ = 0x1
const COPY_SRC = 0x4
const COPY_DST = 0x8
const STORAGE = 0x80
const MODE_READ = 0x1

/** WebGPU's least limit of workgroups in a dispatch. */
export const MOST_WORKGROUPS = 65_535
const LEAST_ROWS = 8

/** A compiled shader with its buffers bound. */
export interface Bound {
  readonly pipeline: GPUComputePipeline
  readonly group: GPUBindGroup
}

export class Memory {
  readonly #gpu: Gpu
  readonly #layout: Layout
  /** Rows of a batch that fit at one time. */
  readonly most: number
  readonly #buffers = new Map<BufferName, GPUBuffer>()
  readonly #bound = new Map<Shader, Bound>()
  #staging: GPUBuffer | undefined
  #capacity = 0

  constructor(gpu: Gpu, layout: Layout, traceBytes: number) {
    this.#gpu = gpu
    this.#layout = layout
    this.most = Math.min(MOST_WORKGROUPS, Math.max(1, Math.floor(traceBytes / 4 / layout.traceWords)))
  }

  /** A buffer as long as the parameters. */
  twin(): GPUBuffer {
    return this.#gpu.buffer(this.#layout.plan.size, STORAGE | COPY_SRC | COPY_DST)
  }

  /** A buffer that is written once and only read by shaders. */
  constant(words: number): GPUBuffer {
    return this.#gpu.buffer(words, STORAGE | COPY_DST)
  }

  write(name: BufferName, data: Float32Array<ArrayBuffer> | Uint32Array<ArrayBuffer>): void {
    this.#gpu.device.queue.writeBuffer(this.get(name), 0, data)
  }

  add(name: BufferName, buffer: GPUBuffer): void {
    this.#buffers.set(name, buffer)
  }

  get(name: BufferName): GPUBuffer {
    return this.#buffers.get(name)!
  }

  /**
   * Makes room for `rows` rows and so many words of what is sent: by powers of two, so that a model settles on a few sizes
   * and stays there.
   */
  fit(rows: number, words: number): void {
    if (rows > this.#capacity) this.#fitRows(rows)
    if (4 * words <= this.get('sent').size) return
    this.#gpu.free(this.get('sent'))
    this.#addSent(2 ** Math.ceil(Math.log2(words)))
  }

  #fitRows(rows: number): void {
    this.#freeRows()
    const usual = Math.min(this.most, Math.max(LEAST_ROWS, 2 ** Math.ceil(Math.log2(rows))))
    this.#capacity = Math.max(rows, usual)
    const { traceWords } = this.#layout
    this.#addSent(sentWords(this.#layout, this.#capacity))
    this.add('trace', this.#gpu.buffer(this.#capacity * traceWords, STORAGE))
    this.add('results', this.#gpu.buffer(1 + this.#capacity, STORAGE | COPY_SRC | COPY_DST))
    this.#staging = this.#gpu.buffer(1 + this.#capacity, MAP_READ | COPY_DST)
  }

  #addSent(words: number): void {
    this.add('sent', this.#gpu.buffer(words, STORAGE | COPY_DST))
    this.#bound.clear()
  }

  bind(shader: Shader, pipeline: GPUComputePipeline): Bound {
    const known = this.#bound.get(shader)
    if (known) return known
    const group = this.#gpu.device.createBindGroup({
      layout: pipeline.getBindGroupLayout(0),
      entries: shader.buffers.map((name, binding) => ({ binding, resource: { buffer: this.get(name) } })),
    })
    const bound = { pipeline, group }
    this.#bound.set(shader, bound)
    return bound
  }

  /** Ends a submission with a copy of the first `words` words of `results`, sends it, and reads them. */
  async submitForResults(encoder: GPUCommandEncoder, words: number): Promise<Uint32Array<ArrayBuffer>> {
    const staging = this.#staging!
    encoder.copyBufferToBuffer(this.get('results'), 0, staging, 0, 4 * words)
    this.#gpu.device.queue.submit([encoder.finish()])
    return new Uint32Array(await read(staging, words))
  }

  /** A copy of a twin of the parameters. */
  async download(buffer: GPUBuffer): Promise<Float32Array<ArrayBuffer>> {
    const { size } = this.#layout.plan
    const staging = this.#gpu.buffer(size, MAP_READ | COPY_DST)
    try {
      const encoder = this.#gpu.device.createCommandEncoder()
      encoder.copyBufferToBuffer(buffer, 0, staging, 0, 4 * size)
      this.#gpu.device.queue.submit([encoder.finish()])
      return new Float32Array(await read(staging, size))
    } finally {
      this.#gpu.free(staging)
    }
  }

  dispose(): void {
    this.#freeRows()
    for (const buffer of this.#buffers.values()) this.#gpu.free(buffer)
    this.#buffers.clear()
  }

  #freeRows(): void {
    for (const name of ['sent', 'trace', 'results'] as const) {
      const buffer = this.#buffers.get(name)
      if (buffer) this.#gpu.free(buffer)
      this.#buffers.delete(name)
    }
    if (this.#staging) this.#gpu.free(this.#staging)
    this.#staging = undefined
  }
}

async function read(staging: GPUBuffer, words: number): Promise<ArrayBuffer> {
  await staging.mapAsync(MODE_READ, 0, 4 * words)
  const copy = staging.getMappedRange(0, 4 * words).slice(0)
  staging.unmap()
  return copy
}
