/** The compiled kernel: one WebAssembly instance with a memory of its own for each model. */
import { AppError } from '../../failure.ts'
import type { Layout } from './layout.ts'

/** kernel/index.ts, whose `Model` is an address here. */
export interface Exports {
  begin(model: number, learning: boolean, sparing: boolean): void
  /** 0 if an id lies in no table. */
  predict(model: number, n: number): number
  /** 0 if an id lies in no table. */
  enter(model: number, at: number, n: number): number
  learn(model: number, n: number): number
  leave(model: number, at: number, n: number): void
  finish(model: number): void
  /** 0 if the gradient was too steep to be followed. */
  step(model: number, t: number, rate: number, epsilon: number, pull: number, alone: boolean): number
  clear(model: number): void
}

/** As much of WebAssembly as is used here, for the types that Node brings say nothing of it. */
const { WebAssembly } = globalThis as unknown as {
  readonly WebAssembly: {
    compile(bytes: Uint8Array): Promise<Kernel>
    Module: new (bytes: Uint8Array) => Kernel
    Instance: new (kernel: Kernel, imports: { env: { memory: Memory } }) => { exports: unknown }
    Memory: new (pages: { initial: number; maximum: number }) => Memory
  }
}
/** A compiled module. */
export type Kernel = object
interface Memory {
  readonly buffer: ArrayBuffer
}

let compiled: Promise<Kernel> | undefined

/** Throws `engine` where WebAssembly or its SIMD is missing. A thread compiles it once. */
export function compileKernel(): Promise<Kernel> {
  if (!compiled) {
    compiled = compile()
    compiled.catch(() => {
      compiled = undefined
    })
  }
  return compiled
}

/** Spares this thread what another one of the same page has done: loading the kernel and compiling it. */
export function adoptKernel(kernel: Kernel): void {
  compiled ??= Promise.resolve(kernel)
}

export const isKernel = (value: unknown): value is Kernel => value instanceof WebAssembly.Module

async function compile(): Promise<Kernel> {
  const bytes = await loadKernel()
  try {
    return await WebAssembly.compile(bytes)
  } catch (cause) {
    throw new AppError('engine', 'There is no WebAssembly with SIMD here.', { cause })
  }
}

async function loadKernel(): Promise<Uint8Array> {
  try {
    const { KERNEL } = await import('./kernel.generated.ts') // if it is missing: npm run build:kernel
    return Uint8Array.from(atob(KERNEL), (char) => char.charCodeAt(0))
  } catch (cause) {
    throw new AppError('engine', 'The kernel is missing; in a clone of the sources: npm run build:kernel', {
      cause,
    })
  }
}

/** The kernel with its memory, of which all but the records is the model's. */
export interface Instance {
  readonly kernel: Exports
  readonly memory: ArrayBuffer
}

/**
 * The kernel over a memory of exactly the layout's size, its records written; all else is zero. It takes that of `spare`
 * if it is as large: WebAssembly's memory is given back only when its garbage is collected, at no known time.
 */
export function instantiate(kernel: Kernel, { bytes, records }: Layout, spare?: Instance): Instance {
  const pages = Math.ceil(bytes / PAGE)
  const instance = spare?.memory.byteLength === pages * PAGE ? emptied(spare) : fresh(kernel, pages)
  const words = new Uint32Array(instance.memory)
  for (const { at, fields } of records) words.set(Object.values(fields), at / 4)
  return instance
}

const PAGE = 65536

function emptied(instance: Instance): Instance {
  new Uint8Array(instance.memory).fill(0)
  return instance
}

function fresh(kernel: Kernel, pages: number): Instance {
  const memory = allocate(pages)
  const { exports } = new WebAssembly.Instance(kernel, { env: { memory } })
  return { kernel: exports as Exports, memory: memory.buffer }
}

/** A maximum keeps browsers from setting aside 4 GiB of addresses for every model. */
function allocate(pages: number): Memory {
  try {
    return new WebAssembly.Memory({ initial: pages, maximum: pages })
  } catch (cause) {
    throw new AppError('engine', `There is no memory for a model of ${pages * 64} KiB.`, { cause })
  }
}
