import { describe, expect, test } from 'vitest'
import { scrub } from './scrub.ts'

/** These tests' own functions go on as they are. */
const scrubbed = (global: object) => scrub(global, [Object.create({})])

/** As a browser's: what a worker has is spread over its global object and that one's prototypes. */
function madeGlobal(more: object = {}) {
  const target = Object.create(Object.prototype, {
    addEventListener: { value: () => 'listens', configurable: true },
  })
  const scope = Object.create(target, {
    fetch: { value: () => 'fetched', configurable: true, writable: true },
    navigator: { get: () => ({ sendBeacon() {} }), configurable: true },
    setTimeout: { value: () => 'waits', configurable: true },
    [Symbol.toStringTag]: { value: 'WorkerGlobalScope', configurable: true },
  })
  const dedicated = Object.create(scope, {
    postMessage: { value: () => 'posted', configurable: true, writable: true },
    onmessage: { set() {}, configurable: true },
  })
  return Object.assign(
    Object.create(dedicated, {
      Array: { value: Array, configurable: true },
      indexedDB: { value: {}, configurable: true },
      undefined: { value: undefined },
    }),
    { XMLHttpRequest: class {}, caches: {}, console, ...more },
  )
}

function namesOn(global: object): string[] {
  const names: string[] = []
  for (let on = global; on !== Object.prototype; on = Object.getPrototypeOf(on))
    names.push(...Object.getOwnPropertyNames(on))
  return names.sort()
}

describe('a realm that was scrubbed', () => {
  test('has the language and what only computes, waits or listens', () => {
    const global = madeGlobal()
    scrubbed(global)
    expect(namesOn(global)).toEqual([
      'Array',
      'Function',
      'addEventListener',
      'console',
      'setTimeout',
      'undefined',
    ])
    expect([global.setTimeout(() => {}), global.addEventListener(), String(global)]).toEqual([
      'waits',
      'listens',
      '[object WorkerGlobalScope]',
    ])
    expect(Object.prototype.toString).toBeTypeOf('function')
  })

  test('has a timer that takes no text', () => {
    const global = madeGlobal()
    scrubbed(global)
    expect(() => global.setTimeout('fetch("/")')).toThrow(TypeError)
    expect(Object.getPrototypeOf(Object.getPrototypeOf(global)).setTimeout).toBe(global.setTimeout)
  })

  test('has nothing that nobody thought of', () => {
    const global = madeGlobal({ invented2031: () => {} })
    scrubbed(global)
    expect('invented2031' in global).toBe(false)
  })

  test('has what cannot be deleted as nothing, for good', () => {
    const global = madeGlobal()
    Object.defineProperty(global, 'Worker', { value: class {}, writable: true, configurable: false })
    scrubbed(global)
    expect(global.Worker).toBeUndefined()
    expect(() => {
      global.Worker = class {}
    }).toThrow(TypeError)
  })

  test('may have numbers that cannot be deleted, as browsers have some', () => {
    const global = madeGlobal()
    Object.defineProperty(global, 'PERSISTENT', { value: 1 })
    scrubbed(global)
    expect(global.PERSISTENT).toBe(1)
  })

  test('is none where something stays: no script may run there', () => {
    const global = madeGlobal()
    Object.defineProperty(global, 'location', { get: () => 'here', configurable: false })
    expect(() => scrubbed(global)).toThrow(/These stay in the realm of a script: location/)
  })

  test('is the same when it is scrubbed again', () => {
    const global = madeGlobal()
    scrubbed(global)
    const names = namesOn(global)
    scrubbed(global)
    expect(namesOn(global)).toEqual(names)
  })
})

describe('a realm of its own, with no host around it', () => {
  const KINDS = '[function () {}, async () => {}, function* () {}, async function* () {}]'
  interface Realm {
    run(code: string): unknown
    global: object
    functions: object[]
  }
  async function made(): Promise<Realm> {
    // The types of this folder know nothing of Node.
    const vm = (await import('node:vm' as string)) as {
      createContext(): object
      runInContext(code: string, context: object): unknown
    }
    const context = vm.createContext()
    const run = (code: string) => vm.runInContext(code, context)
    return { run, global: run('globalThis') as object, functions: run(KINDS) as object[] }
  }

  test('keeps all of the language but eval', async () => {
    const { global, functions } = await made()
    const names = Object.getOwnPropertyNames(global)
    expect(names).toEqual(expect.arrayContaining(['Array', 'Promise', 'WebAssembly', 'parseInt']))
    scrub(global, functions)
    expect(Object.getOwnPropertyNames(global)).toEqual(names.filter((name) => name !== 'eval'))
  })

  test.each([
    'eval("1")',
    '(0, globalThis.eval)("1")',
    'Function("return 1")()',
    'new Function("return 1")()',
    '(() => {}).constructor("return 1")()',
    'Reflect.construct((class {}).constructor, ["return 1"])()',
    '(async () => {}).constructor("return 1")()',
    'new (Object.getPrototypeOf(function* () {}).constructor)("yield 1")().next()',
    '(async function* () {}).constructor("yield 1")().next()',
    'Function.prototype.constructor("return 1")()',
  ])('makes no code of text: %s', async (attempt) => {
    const { run, global, functions } = await made()
    expect(() => run(attempt), 'before').not.toThrow()
    scrub(global, functions)
    expect(() => run(attempt)).toThrow(/No text becomes code here|eval\)? is not (defined|a function)/)
  })

  test('has functions that are still functions', async () => {
    const { run, global, functions } = await made()
    scrub(global, functions)
    const code = '[(() => 1) instanceof Function, (() => 1).call(), typeof Function, String(async () => 2)]'
    expect(run(code)).toEqual([true, 1, 'function', 'async () => 2'])
  })
})
