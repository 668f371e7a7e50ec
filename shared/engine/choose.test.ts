import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { AppError } from '../failure.ts'
import { hasTrueAdapter } from './adapter.ts'
import { chooseEngine, selfCheck } from './choose.ts'
import { denseOnly, smallSpec } from './contract.data.ts'
import type { Engine, EngineName, Model } from './engine.ts'
import { createPlainEngine } from './plain/engine.ts'

const stubAdapter = (adapter: unknown) =>
  vi.stubGlobal('navigator', { gpu: { requestAdapter: async () => adapter } })

afterEach(() => {
  vi.unstubAllGlobals()
  vi.restoreAllMocks()
})

describe('hasTrueAdapter', () => {
  test.each([
    ['no adapter', null, false],
    ['a fallback adapter by the old flag', { isFallbackAdapter: true, info: { vendor: 'nvidia' } }, false],
    ['a fallback adapter by the new flag', { info: { vendor: 'nvidia', isFallbackAdapter: true } }, false],
    ['SwiftShader', { info: { vendor: 'google', architecture: 'swiftshader' } }, false],
    ['llvmpipe', { info: { vendor: 'mesa', description: 'llvmpipe (LLVM 17)' } }, false],
    ['a phone', { info: { vendor: 'qualcomm', architecture: 'adreno-7xx', isFallbackAdapter: false } }, true],
    ['an adapter that says nothing of itself', {}, true],
  ])('%s', async (_, adapter, due) => {
    stubAdapter(adapter)
    expect(await hasTrueAdapter()).toBe(due)
  })

  test('without WebGPU there is none', async () => {
    vi.stubGlobal('navigator', {})
    expect(await hasTrueAdapter()).toBe(false)
  })
})

describe('chooseEngine', () => {
  test('takes the fused kernel', async () => {
    const { engine, tried } = await chooseEngine()
    expect(engine.name).toBe('fused-wasm')
    expect(tried).toEqual([])
    await engine.dispose()
  })

  test('where WebAssembly has no SIMD, portable TypeScript takes over', async () => {
    vi.spyOn(WebAssembly, 'compile').mockRejectedValue(new WebAssembly.CompileError('no SIMD'))
    vi.resetModules() // a thread that has compiled the kernel does not do it again
    const { chooseEngine } = await import('./choose.ts')
    const { engine, tried } = await chooseEngine()
    expect(engine.name).toBe('plain')
    expect(tried.map(({ name }) => name)).toEqual(['fused-wasm'])
    await engine.dispose()
  })

  test.each<EngineName>(['plain', 'fused-wasm', 'tfjs-cpu', 'tfjs-wasm'])(
    'takes %s when asked to',
    async (preferred) => {
      const { engine, tried } = await chooseEngine({ preferred })
      expect(engine.name).toBe(preferred)
      expect(engine.held()).toBe(0)
      expect(tried).toEqual([])
      await engine.dispose()
    },
  )

  test('a preferred engine that this place lacks is an error, not another engine', async () => {
    vi.stubGlobal('navigator', {})
    await expect(chooseEngine({ preferred: 'tfjs-webgpu' })).rejects.toMatchObject({
      code: 'engine',
      message: expect.stringMatching(/tfjs-webgpu/),
    })
  })
})

describe('chooseEngine for a shape', () => {
  const shape = { spec: { ...denseOnly, mlp: [2] }, batch: 4 }
  const disposed: string[] = []
  let clock = 0
  const now = () => clock

  /** Starts engines that take so many milliseconds for a step, and are missing where it is not said. */
  const engines =
    (ms: Partial<Record<EngineName, number>>, broken?: EngineName) =>
    async (name: EngineName): Promise<Engine> => {
      if (ms[name] === undefined) throw new Error(`${name} is not here`)
      const plain = createPlainEngine()
      return {
        name,
        held: () => plain.held(),
        dispose: async () => void disposed.push(name),
        async load(spec, weights, training) {
          const model = await plain.load(spec, weights, training)
          const step = model.step.bind(model)
          model.step = async (batch, rate) => {
            if (name === broken) throw new AppError('engine', 'the GPU is gone')
            clock += ms[name]!
            return step(batch, rate)
          }
          return model
        },
      }
    }

  beforeEach(() => {
    disposed.length = 0
    stubAdapter({ info: { vendor: 'qualcomm' } })
  })

  test.each([
    [{ 'fused-webgpu': 2, 'fused-wasm': 0.2 }, 'fused-wasm', 'fused-webgpu'],
    [{ 'fused-webgpu': 3, 'fused-wasm': 9 }, 'fused-webgpu', 'fused-wasm'],
  ] as const)('%o: takes the fastest, and gives back the other', async (ms, fastest, slowest) => {
    const { engine, tried, timings } = await chooseEngine({ shape, now, start: engines(ms) })
    expect(engine.name).toBe(fastest)
    expect(engine.held()).toBe(0)
    expect(disposed).toEqual([slowest])
    expect(tried).toEqual([])
    expect(timings.map(({ name }) => name)).toEqual([fastest, slowest])
    for (const { name, ms: measured } of timings) expect(measured).toBeCloseTo(ms[name as typeof fastest], 6)
  })

  test('a software adapter counts as none', async () => {
    stubAdapter({ info: { vendor: 'google', architecture: 'swiftshader' } })
    const start = engines({ 'fused-webgpu': 1, 'fused-wasm': 9 })
    const { engine, tried } = await chooseEngine({ shape, now, start })
    expect(engine.name).toBe('fused-wasm')
    expect(tried).toEqual([{ name: 'fused-webgpu', reason: expect.stringMatching(/software/) }])
  })

  test('an engine that fails while it is timed is passed over and given back', async () => {
    const start = engines({ 'fused-webgpu': 1, 'fused-wasm': 9 }, 'fused-webgpu')
    const { engine, tried, timings } = await chooseEngine({ shape, now, start })
    expect(engine.name).toBe('fused-wasm')
    expect(tried).toEqual([{ name: 'fused-webgpu', reason: 'the GPU is gone' }])
    expect(timings.map(({ name }) => name)).toEqual(['fused-wasm'])
    expect(disposed).toEqual(['fused-webgpu'])
  })

  test('where neither a GPU nor our WebAssembly runs, portable TypeScript is taken as it is', async () => {
    const start = engines({ plain: 2, 'tfjs-wasm': 9 })
    const { engine, tried, timings } = await chooseEngine({ shape, now, start })
    expect(engine.name).toBe('plain')
    expect(timings).toEqual([])
    expect(tried.map(({ name }) => name)).toEqual(['fused-webgpu', 'fused-wasm'])
  })

  test('the one that is known to be the fastest is not timed again', async () => {
    const start = engines({ 'fused-webgpu': 5, 'fused-wasm': 1 })
    const { engine, timings } = await chooseEngine({ known: 'fused-webgpu', shape, now, start })
    expect(engine.name).toBe('fused-webgpu')
    expect(timings).toEqual([])
    expect(disposed).toEqual([])
  })

  test.each([
    ['fused-webgpu', /gradient|loss/],
    ['fused-wasm', null],
  ] as const)('a known %s that computes wrongly', async (known, reason) => {
    const start = async (name: EngineName): Promise<Engine> => {
      const plain = createPlainEngine()
      const load: Engine['load'] = async (spec, weights) => {
        const model = await plain.load(spec, weights)
        model.gradient = async () => ({ loss: Number.NaN, gradient: weights })
        return model
      }
      return name === known ? { ...plain, name, load } : { ...plain, name }
    }
    const { engine, tried } = await chooseEngine({ known, shape, now, start })
    if (reason) expect(tried).toEqual([{ name: known, reason: expect.stringMatching(reason) }])
    else expect(engine.name, 'WebAssembly was checked when it was chosen').toBe(known)
  })

  test('where the known one does not start any more, the others are timed', async () => {
    const start = engines({ 'fused-wasm': 1 })
    const { engine, tried, timings } = await chooseEngine({ known: 'fused-webgpu', shape, now, start })
    expect(engine.name).toBe('fused-wasm')
    expect(timings.map(({ name }) => name)).toEqual(['fused-wasm'])
    expect(tried).toEqual([{ name: 'fused-webgpu', reason: 'fused-webgpu is not here' }])
  })

  test.each([undefined, 'fused-wasm'] as const)(
    'what was lost is not tried again, known %s',
    async (known) => {
      const lost = [{ name: 'fused-wasm', reason: 'it ran out of memory' }] as const
      const start = engines({ 'fused-webgpu': 5, 'fused-wasm': 1 })
      const { engine, tried } = await chooseEngine({ known, lost, shape, now, start })
      expect(engine.name).toBe('fused-webgpu')
      expect(tried).toEqual(lost)
    },
  )

  test('a preferred engine that was lost is an error with the reason', async () => {
    const lost = [{ name: 'fused-wasm', reason: 'it ran out of memory' }] as const
    await expect(chooseEngine({ preferred: 'fused-wasm', lost, shape, now })).rejects.toMatchObject({
      code: 'engine',
      message: 'No engine: fused-wasm: it ran out of memory',
    })
  })

  test('a preferred engine is not timed', async () => {
    const start = engines({ 'fused-webgpu': 5, 'fused-wasm': 1 })
    const { engine, timings } = await chooseEngine({ preferred: 'fused-webgpu', shape, now, start })
    expect(engine.name).toBe('fused-webgpu')
    expect(timings).toEqual([])
  })

  test('where there is no GPU it is our own WebAssembly, on the real clock too', async () => {
    vi.stubGlobal('navigator', {})
    const { engine, timings } = await chooseEngine({ shape: { spec: smallSpec, batch: 8 } })
    expect(engine.name).toBe('fused-wasm')
    expect(timings).toEqual([{ name: 'fused-wasm', ms: expect.any(Number) }])
    await engine.dispose()
  })
})

describe('selfCheck', () => {
  test('finds an engine that computes wrongly', async () => {
    const plain = createPlainEngine()
    const broken: Engine = {
      ...plain,
      load: async (spec, weights): Promise<Model> => {
        const model = await plain.load(spec, weights)
        model.gradient = async () => {
          const zero = (name: string) => ({ ...weights[name]!, data: weights[name]!.data.map(() => 0) })
          return { loss: 0.7, gradient: Object.fromEntries(Object.keys(weights).map((n) => [n, zero(n)])) }
        }
        return model
      },
    }
    await expect(selfCheck(broken)).rejects.toMatchObject({ code: 'engine' })
    await expect(selfCheck(plain)).resolves.toBeUndefined()
  })
})
