/**
 * Takes from a worker's realm what a task's script must not reach, before the script is there. A script gets everything by its
 * context, so what stays is the language, and what the trainer's own code goes on using.
 *
 * It holds against a script that asks for the network, for storage, for other threads or for the page: what it would call is
 * not there, neither on the global object nor up its chain of prototypes, and nothing that stays leads back to it. It does not
 * hold by itself against `import()`, which is syntax and no function: a script with that word is refused (`load.ts`); nor
 * against `eval`, which the policy forbids that the trainer's file is served with, as it forbids every connection. And it is no
 * wall between the script and the trainer: they share a realm, so a script can bend what the trainer itself computes there,
 * and lie about its own effects. So the device checks those on its side, and ends the thread after the run.
 */

import { AppError } from '../../shared/failure.ts'

/** The language, as of ES2024; that `eval` and `Function` stay is of no use where the policy forbids them. */
const LANGUAGE = [
  'globalThis Infinity NaN undefined eval isFinite isNaN parseFloat parseInt decodeURI decodeURIComponent encodeURI',
  'encodeURIComponent escape unescape Object Function Boolean Symbol Error AggregateError EvalError RangeError',
  'ReferenceError SyntaxError TypeError URIError SuppressedError Number BigInt Math Date String RegExp Array Int8Array',
  'Uint8Array Uint8ClampedArray Int16Array Uint16Array Int32Array Uint32Array BigInt64Array BigUint64Array Float16Array',
  'Float32Array Float64Array Map Set WeakMap WeakSet ArrayBuffer SharedArrayBuffer Atomics DataView JSON WeakRef',
  'FinalizationRegistry Promise Reflect Proxy Iterator Intl DisposableStack AsyncDisposableStack WebAssembly',
]

/** What browsers add that computes, waits or listens, and reaches nothing. */
const AROUND = [
  'self console TextEncoder TextDecoder structuredClone queueMicrotask setTimeout clearTimeout performance atob btoa',
  'AbortController AbortSignal Event MessageEvent CustomEvent EventTarget DOMException constructor addEventListener',
  'removeEventListener dispatchEvent',
  // Numbers by which a GPU's buffers are described; the GPU itself is asked for before.
  'GPUBufferUsage GPUMapMode GPUShaderStage GPUTextureUsage GPUColorWrite',
  // TensorFlow.js keeps itself there, and asks what a buffer is; it reaches what this realm reaches.
  '_tfengine _tfGlobals GPUBuffer GPUTexture',
]

const KEPT: ReadonlySet<PropertyKey> = new Set([...LANGUAGE, ...AROUND].flatMap((names) => names.split(' ')))

/**
 * Removes all but the allowed from `global` and its prototypes, up to but without `Object.prototype`. Throws `worker` where
 * something that could do anything cannot be removed: then no script may run there.
 */
export function scrub(global: object = globalThis): void {
  const stuck: string[] = []
  for (let on: object | null = global; on && on !== Object.prototype; on = Object.getPrototypeOf(on))
    for (const name of Reflect.ownKeys(on))
      if (!isKept(name) && !Reflect.deleteProperty(on, name) && !isHarmless(on, name))
        stuck.push(String(name))
  if (stuck.length > 0)
    throw new AppError('worker', `These stay in the realm of a script: ${stuck.join(', ')}.`)
}

/** Symbols of the language say what an object is, and no more. */
const isKept = (name: PropertyKey): boolean => KEPT.has(name) || typeof name === 'symbol'

/** A number or nothing; or what may not be deleted, yet be written as nothing once and for all. */
function isHarmless(on: object, name: PropertyKey): boolean {
  const value: unknown = Reflect.getOwnPropertyDescriptor(on, name)?.value
  if (value !== undefined && Object(value) !== value) return true
  return Reflect.defineProperty(on, name, { value: undefined, writable: false })
}
