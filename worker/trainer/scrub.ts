/**
 * Takes from a worker's realm what a task's script must not reach, before the script is there. A script gets everything by its
 * context, so what stays is the language, and what the trainer's own code goes on using.
 *
 * It holds against a script that asks for the network, for storage, for other threads or for the page, or that makes code from
 * text: what it would call is not there, neither on the global object nor up its chain of prototypes, and nothing that stays leads
 * back to it. It does not hold against `import()`, which is syntax and no function: a script with that word is refused
 * (`load.ts`). The policy that the trainer's file is served with forbids the same once more, and every connection; on a site that
 * embeds the client there may be none. And this is no wall between the script and the trainer: they share a realm, so a script
 * can bend what the trainer itself computes there, and lie about its own effects. So the device checks those on its side, and
 * ends the thread after the run.
 */
import { AppError } from '../../shared/failure.ts'

/** The language, as of ES2024, without `eval`. */
const LANGUAGE = [
  'globalThis Infinity NaN undefined isFinite isNaN parseFloat parseInt decodeURI decodeURIComponent encodeURI',
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

/** One of each kind of function, for each kind has a constructor that makes code from text. */
const FUNCTIONS: readonly object[] = [
  function plain() {},
  async function later() {},
  function* some() {},
  async function* someLater() {},
]

/**
 * Removes all but the allowed from `global` and its prototypes, up to but without `Object.prototype`, and from its `functions`
 * what makes more of them. Throws `worker` where something that could do anything cannot be removed: then no script may run
 * there.
 */
export function scrub(global: object = globalThis, functions = FUNCTIONS): void {
  const stuck: string[] = []
  for (let on: object | null = global; on && !isRoot(on); on = Object.getPrototypeOf(on))
    for (const name of Reflect.ownKeys(on))
      if (name === 'setTimeout') callOnly(on, name)
      else if (!isKept(name) && !Reflect.deleteProperty(on, name) && !isHarmless(on, name))
        stuck.push(String(name))
  if (stuck.length > 0)
    throw new AppError('worker', `These stay in the realm of a script: ${stuck.join(', ')}.`)
  const none = refusing(functions[0]!)
  for (const one of functions) put(Object.getPrototypeOf(one), 'constructor', none)
  put(global, 'Function', none)
}

/** `Object.prototype`, of whatever realm. */
const isRoot = (on: object): boolean => Object.getPrototypeOf(on) === null

const NO_CODE = 'No text becomes code here.'

/** What stands where `Function` stood: still what functions are instances of. */
function refusing(one: object): unknown {
  function NoFunction(): never {
    throw new TypeError(NO_CODE)
  }
  NoFunction.prototype = Object.getPrototypeOf(one)
  return NoFunction
}

/** A timer that calls, and takes no text. */
function callOnly(on: object, name: string): void {
  const wait = (on as Record<string, typeof setTimeout>)[name]!
  const value = (work: unknown, ...rest: [ms?: number]) => {
    if (typeof work !== 'function') throw new TypeError(NO_CODE)
    return wait(work as () => void, ...rest)
  }
  put(on, name, value)
}

const put = (on: object, name: string, value: unknown) =>
  Object.defineProperty(on, name, { value, writable: false, enumerable: false, configurable: true })

/** Symbols of the language say what an object is, and no more. */
const isKept = (name: PropertyKey): boolean => KEPT.has(name) || typeof name === 'symbol'

/** A number or nothing; or what may not be deleted, yet be written as nothing once and for all. */
function isHarmless(on: object, name: PropertyKey): boolean {
  const value: unknown = Reflect.getOwnPropertyDescriptor(on, name)?.value
  if (value !== undefined && Object(value) !== value) return true
  return Reflect.defineProperty(on, name, { value: undefined, writable: false })
}
