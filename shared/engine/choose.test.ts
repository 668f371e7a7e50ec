import { afterEach, describe, expect, test, vi } from 'vitest'
import { hasTrueAdapter } from './adapter.ts'
import { chooseEngine, selfCheck } from './choose.ts'
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
  test('without a GPU it takes the fused kernel, and says why not WebGPU', async () => {
    const { engine, tried } = await chooseEngine()
    expect(engine.name).toBe('fused-wasm')
    expect(tried).toEqual([{ name: 'tfjs-webgpu', reason: expect.stringMatching(/adapter/) }])
    await engine.dispose()
  })

  test('where WebAssembly has no SIMD, tfjs takes over', async () => {
    vi.spyOn(WebAssembly, 'compile').mockRejectedValue(new WebAssembly.CompileError('no SIMD'))
    const { engine, tried } = await chooseEngine()
    expect(engine.name).toBe('tfjs-wasm')
    expect(tried.map(({ name }) => name)).toEqual(['tfjs-webgpu', 'fused-wasm'])
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
