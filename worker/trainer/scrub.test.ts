import { describe, expect, test } from 'vitest'
import { scrub } from './scrub.ts'

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
    scrub(global)
    expect(namesOn(global)).toEqual(['Array', 'addEventListener', 'console', 'setTimeout', 'undefined'])
    expect([global.setTimeout(), global.addEventListener(), String(global)]).toEqual([
      'waits',
      'listens',
      '[object WorkerGlobalScope]',
    ])
    expect(Object.prototype.toString).toBeTypeOf('function')
  })

  test('has nothing that nobody thought of', () => {
    const global = madeGlobal({ invented2031: () => {} })
    scrub(global)
    expect('invented2031' in global).toBe(false)
  })

  test('has what cannot be deleted as nothing, for good', () => {
    const global = madeGlobal()
    Object.defineProperty(global, 'Worker', { value: class {}, writable: true, configurable: false })
    scrub(global)
    expect(global.Worker).toBeUndefined()
    expect(() => {
      global.Worker = class {}
    }).toThrow(TypeError)
  })

  test('may have numbers that cannot be deleted, as browsers have some', () => {
    const global = madeGlobal()
    Object.defineProperty(global, 'PERSISTENT', { value: 1 })
    scrub(global)
    expect(global.PERSISTENT).toBe(1)
  })

  test('is none where something stays: no script may run there', () => {
    const global = madeGlobal()
    Object.defineProperty(global, 'location', { get: () => 'here', configurable: false })
    expect(() => scrub(global)).toThrow(/These stay in the realm of a script: location/)
  })

  test('is the same when it is scrubbed again', () => {
    const global = madeGlobal()
    scrub(global)
    const names = namesOn(global)
    scrub(global)
    expect(namesOn(global)).toEqual(names)
  })
})

test('what the language itself has stays, as an engine without any host around it has it', async () => {
  // The types of this folder know nothing of Node.
  const { runInNewContext } = (await import('node:vm' as string)) as { runInNewContext(code: string): object }
  const bare = runInNewContext('globalThis')
  const names = Object.getOwnPropertyNames(bare)
  expect(names).toEqual(expect.arrayContaining(['Array', 'Promise', 'WebAssembly', 'parseInt']))
  scrub(bare)
  expect(Object.getOwnPropertyNames(bare)).toEqual(names)
})
